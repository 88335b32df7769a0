"""Daemons whose watch of the API server is broken off and answered badly: they begin it again and miss nothing.

Each with a daemon that has not failed before, since every failure in a row makes the next delay longer.
"""

import pytest

from stand_in_kube_apiserver import ANSWERS, through_stand_in
from world import eventually

KINDS = ("HTML", "401", "403", "404", "410", "429", "500", "hanging up", "cut JSON")


def break_off(api, what, kind):
    """410 twice: the first is what follows from a long pause, the second is trouble."""
    times = 2 if kind == "410" else 1
    with api.instead(f"GET .*{what}", ANSWERS[kind], times=times) as met:
        api.cut()
        eventually("the watch was begun again", lambda: len(met) == times, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_whose_watch_is_answered_badly_begins_it_again(world, kind):
    with through_stand_in(world, "tka-server", 7446, tailscale__port=8126) as (api, daemon):
        break_off(api, "tkasignins", kind)
        daemon.await_status(200, seconds=20)
        world.credential("alice")
        eventually("the session is known", lambda: world.ask("alice", "GET", "login", url="http://tka:8126").status == 200)


@pytest.fixture(scope="module")
def no_operator(shared_world):
    shared_world.settle()
    with shared_world.stopped("operator"):
        yield


@pytest.mark.parametrize("what, kind", [
    *(("tkasignins", kind) for kind in KINDS),
    *((what, kind) for what in ("serviceaccounts", "clusterrolebindings") for kind in ("410", "500", "hanging up"))])
def test_an_operator_whose_watch_is_answered_badly_begins_it_again(world, no_operator, what, kind):
    with through_stand_in(world, "tka-operator", 7447) as (api, daemon):
        break_off(api, what, kind)
        assert world.ask("alice", "POST", "credential", timeout=20).status == 200, daemon.log()[-2000:]
        daemon.await_status(200, seconds=20)
        assert not world.sign_everybody_out()


def test_an_operator_whose_watch_went_silent_takes_rights_away_in_time_all_the_same(world, no_operator):
    """Its other connections are well, so it goes on to hold the lease."""
    with through_stand_in(world, "tka-operator", 7447) as (api, daemon):
        world.credential("alice")
        uid = world.signin()["metadata"]["uid"]
        assert api.lose("GET .*/tkasignins[?]watch=1") == 1

        assert world.ask("alice", "POST", "logout").status == 200
        # 10 s are promised; the rest is for a machine that is busy.
        world.await_gone(uid, 25)
        assert world.metric("tka_operator_leader", health=daemon.health) == 1
