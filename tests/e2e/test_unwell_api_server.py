"""tka-server with an API server that answers nonsense, refuses, or says nothing."""

import shutil

import pytest

from host import HUB_ADDRESS
from own_daemon import URL, config_of, kubeconfig_for, own_daemon
from relay import HANG
from stand_in_kube_apiserver import ANSWERS, SERVER as STAND_IN, stand_in_kube_apiserver
from world import eventually


@pytest.fixture(scope="module")
def behind_api(shared_world):
    """A server of our own whose API server says what a test wants it to."""
    folder = shared_world.folder / "through-stand-in"
    with stand_in_kube_apiserver(shared_world) as api:
        config = config_of(shared_world, "tka-server",
                           kubernetes__kubeconfig=kubeconfig_for(shared_world, "tka-server", STAND_IN, folder))
        with own_daemon(shared_world, "tka-server", config) as daemon:
            daemon.await_status(200)
            yield api, daemon
    shutil.rmtree(folder)


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


@pytest.mark.parametrize("kind", ["HTML", "401", "403", "404", "410", "429", "500", "hanging up", "cut JSON"])
def test_a_watch_that_is_answered_badly_is_begun_again(world, kind):
    """With a server that has not failed before: each failure in a row makes the next delay longer."""
    folder = world.folder / "fresh-through-stand-in"
    at = kubeconfig_for(world, "tka-server", f"https://{HUB_ADDRESS}:7446", folder)
    config = config_of(world, "tka-server", kubernetes__kubeconfig=at, tailscale__port=8126, health__port=8096)
    with stand_in_kube_apiserver(world, 7446) as api, own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        with api.instead("GET .*tkasignins", ANSWERS[kind], times=2) as met:
            api.cut()
            eventually("the watch was begun again", lambda: len(met) == 2, 20)
        daemon.await_status(200, seconds=20)
        world.credential("alice")
        eventually("the session is known", lambda: world.ask("alice", "GET", "login", url="http://tka:8126").status == 200)
    shutil.rmtree(folder)
