"""`tka-operator drain`, what comes before an uninstall: nobody begins a session any more, and every one has ended."""

import concurrent.futures
import json

import pytest

from signins import apply, merge, signin
from world import GROUP, eventually

RIGHT = "/apis/rbac.authorization.k8s.io/v1/namespaces/tka/rolebindings/tka-server"


def drain(world, *flags, code=0):
    return world.run("admin", "tka-operator", "drain", "--kubeconfig", world.rig.cluster.admin_kubeconfig(),
                     "--namespace", "tka-system", "--log-format", "json", *flags, code=code, seconds=300)


@pytest.fixture
def drained(world):
    """A world whose server gets its right back at the end."""
    yield world
    world.rig.cluster.apply()
    eventually("alice signs in again", lambda: world.ask("alice", "POST", "credential", {}).status == 200, 20)


def test_everything_that_sessions_have_is_gone_when_it_ends(drained):
    drained.credential("alice")
    drained.credential("bob")
    said = drain(drained)
    assert not drained.items(GROUP) and not drained.made_for()
    last = json.loads(said.stderr.splitlines()[-1])
    assert (last["msg"], last["namespace"]) == ("no session is left", "tka")


def test_afterwards_nobody_can_sign_in(drained):
    drain(drained)
    assert drained.kube(RIGHT)[0] == 404
    answer = drained.ask("alice", "POST", "credential", {})
    assert answer.status >= 400, answer.text
    assert not drained.items(GROUP)


@pytest.fixture
def late_right(drained):
    """The server's right once more: as an API server sees it that has not heard yet of the end of the other."""
    _, right = drained.kube(RIGHT)
    late = {"metadata": {"name": "tka-test-late"}, "roleRef": right["roleRef"], "subjects": right["subjects"]}
    assert drained.kube(RIGHT.rpartition("/")[0], "POST", late)[0] == 201
    yield
    drained.kube(RIGHT.rpartition("/")[0] + "/tka-test-late", "DELETE")


def test_a_session_that_slips_in_after_the_right_is_gone_is_ended_too(drained, late_right):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        draining = pool.submit(drain, drained)
        eventually("the right gone", lambda: drained.kube(RIGHT)[0] == 404)
        drained.ask("alice", "POST", "credential", {})
        said = draining.result()
    assert "sessions are ending" in said.stderr
    assert not drained.items(GROUP) and not drained.made_for()


def test_sessions_that_are_large_together_are_ended_too(drained):
    """More than a page may hold: each is as large as the API server takes, and `<` is six bytes in JSON."""
    bodies = [signin(login=f"large-{number}@example.com") for number in range(10)]
    for body in bodies:
        apply(drained, body)
        merge(drained, f"{GROUP}/{body['metadata']['name']}", {"metadata": {"annotations": {"x": "<" * 250_000}}})
    drain(drained)
    assert not drained.items(GROUP) and not drained.made_for()


def test_it_can_be_run_again(drained):
    drain(drained)
    drain(drained)


def test_it_waits_for_an_operator_and_says_what_is_left(drained):
    drained.credential("alice")
    with drained.stopped("operator"):
        with pytest.raises(Exception, match="timed out"):
            drained.run("admin", "tka-operator", "drain", "--kubeconfig", drained.rig.cluster.admin_kubeconfig(),
                        "--namespace", "tka-system", seconds=6)
        assert len(drained.items(GROUP)) == 1
        assert drained.items(GROUP)[0]["metadata"]["deletionTimestamp"]
    drain(drained)
    assert not drained.items(GROUP)


def test_an_api_server_that_refuses_ends_it_with_words(world):
    said = world.run("admin", "tka-operator", "drain", "--kubeconfig", world.folder / "server/kubeconfig",
                     "--namespace", "tka-system", code=None)
    assert said.returncode == 4 and "forbidden" in said.stderr, said.stderr


def test_the_two_namespaces_may_not_be_one(world):
    said = world.run("admin", "tka-operator", "drain", "--kubeconfig", world.rig.cluster.admin_kubeconfig(),
                     "--namespace", "tka", code=2)
    assert "sessions need a namespace of their own" in said.stderr
