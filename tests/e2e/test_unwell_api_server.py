"""tka-server with an API server that answers nonsense, refuses, or says nothing."""

import pytest

from own_daemon import URL
from relay import HANG
from stand_in_kube_apiserver import ANSWERS, through_stand_in
from world import eventually


@pytest.fixture(scope="module")
def behind_api(shared_world):
    """A server of our own whose API server says what a test wants it to."""
    with through_stand_in(shared_world, "tka-server", 7444) as both:
        yield both


KINDS = pytest.mark.parametrize("kind", ANSWERS)
WRITES = pytest.mark.parametrize("pattern", ["PATCH .*tkasignins/", "POST .*/token"], ids=["apply", "token"])


@KINDS
@WRITES
def test_a_server_whose_write_is_answered_badly_recovers_or_refuses_in_words(world, behind_api, pattern, kind):
    api, daemon = behind_api
    with api.instead(pattern, ANSWERS[kind]) as met:
        refused = world.ask("alice", "POST", "credential", url=URL, timeout=25)
        assert met and refused.status >= 400, refused.text
    assert refused.message and "eyJ" not in refused.text
    assert refused.status in (500, 502, 503), refused.text
    assert daemon.is_alive()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


@pytest.mark.parametrize("kind", ["409", "429", "500", "503", "hanging up"])
@WRITES
def test_a_server_gets_over_one_bad_answer(world, behind_api, pattern, kind):
    api, _ = behind_api
    with api.instead(pattern, ANSWERS[kind], times=1) as met:
        eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 10)
        assert met


def test_a_write_that_is_never_answered_ends_in_time(world, behind_api):
    api, _ = behind_api
    with api.instead("PATCH .*tkasignins/", HANG, times=1):
        answer = world.ask("alice", "POST", "credential", url=URL, timeout=25)

    assert answer.status in (200, 503), answer.text
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)
