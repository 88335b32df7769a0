"""tka-operator with an API server that answers nonsense, refuses, or says nothing: it tries until it is done."""

import contextlib
import shutil

import pytest

from host import HUB_ADDRESS
from own_daemon import config_of, kubeconfig_for, own_daemon
from stand_in_kube_apiserver import ANSWERS, stand_in_kube_apiserver
from world import eventually


@contextlib.contextmanager
def operator_through_stand_in(world, port, health_port):
    """An operator of our own, and its API server, which says what a test wants it to."""
    folder = world.folder / f"operator-through-{port}"
    kubeconfig = kubeconfig_for(world, "tka-operator", f"https://{HUB_ADDRESS}:{port}", folder)
    config = config_of(world, "tka-operator", health__port=health_port, kubernetes__kubeconfig=kubeconfig)
    with stand_in_kube_apiserver(world, port) as api, own_daemon(world, "tka-operator", config) as daemon:
        daemon.await_status(200)
        yield api, daemon
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def operator_behind_api(shared_world):
    """The only operator there is."""
    shared_world.settle()
    with shared_world.stopped("operator"), operator_through_stand_in(shared_world, 7445, 8098) as both:
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


@pytest.mark.parametrize("kind", ["HTML", "401", "403", "404", "410", "429", "500", "hanging up", "cut JSON"])
@pytest.mark.parametrize("what", ["tkasignins", "serviceaccounts", "clusterrolebindings"])
def test_an_operator_whose_watch_is_answered_badly_begins_it_again(world, kind, what):
    """With an operator that has not failed before: each failure in a row makes the next delay longer."""
    with world.stopped("operator"), operator_through_stand_in(world, 7446, 8097) as (api, daemon):
        with api.instead(f"GET .*{what}", ANSWERS[kind], times=2) as met:
            api.cut()
            eventually("the watch was begun again", lambda: len(met) == 2, 20)
        assert world.ask("alice", "POST", "credential", timeout=20).status == 200, daemon.log()[-2000:]
        daemon.await_status(200, seconds=20)
