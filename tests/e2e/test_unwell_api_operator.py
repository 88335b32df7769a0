"""tka-operator with an API server that answers nonsense, refuses, or says nothing: it tries until it is done."""

import pytest

from stand_in_kube_apiserver import ANSWERS, through_stand_in
from world import eventually


@pytest.fixture(scope="module")
def operator_behind_api(shared_world):
    """The only operator there is."""
    shared_world.settle()
    with shared_world.stopped("operator"), through_stand_in(shared_world, "tka-operator", 7445) as both:
        yield both


@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("pattern", ["POST .*serviceaccounts", "POST .*clusterrolebindings", "PATCH .*/status"],
                         ids=["account", "binding", "status"])
def test_an_operator_whose_write_is_answered_badly_tries_again(world, operator_behind_api, pattern, kind):
    api, daemon = operator_behind_api
    with api.instead(pattern, ANSWERS[kind], times=1) as met:
        world.ask("alice", "POST", "login")
        eventually("it was told so", lambda: met, 10)
    answer = world.ask("alice", "GET", "login", headers={"Prefer": "wait=15"}, timeout=20)
    assert answer.status == 200, (answer.text, daemon.log()[-2000:])
    assert daemon.is_alive() and len(world.made_for()) == 2


@pytest.mark.parametrize("kind", ["HTML", "401", "403", "409", "429", "500", "hanging up"])
@pytest.mark.parametrize("pattern", ["DELETE .*clusterrolebindings", "DELETE .*serviceaccounts", "PATCH .*tkasignins/"],
                         ids=["binding", "account", "finalizer"])
def test_an_operator_whose_teardown_is_answered_badly_tries_again(world, operator_behind_api, pattern, kind):
    api, daemon = operator_behind_api
    world.credential("alice")
    uid = world.signin()["metadata"]["uid"]
    with api.instead(pattern, ANSWERS[kind], times=1) as met:
        world.run("admin", "kubectl", "delete", "signin", "-n", "tka", "--all", "--wait=false")
        eventually("it was told so", lambda: met, 10)
        world.await_gone(uid, 25)
    assert daemon.is_alive()
