"""Several operators at once: one works, the others stand by, and whatever happens to it another takes over."""

import datetime
import time

import pytest

from daemons import OPERATOR_HEALTH
from host import frozen
from own_daemon import HEALTH, own_daemon
from relay import Late
from stand_in_kube_apiserver import kube_status, through_stand_in
from stopwatch import Stopwatch
from world import ACCOUNTS, BINDINGS, GROUP, LEASE, UID_LABEL, eventually

NOW_SECONDS = 3  # from SIGTERM on
OVER_SECONDS = 12.5  # from SIGKILL on
READY_SECONDS = 20


def lease(world):
    status, value = world.kube(LEASE)
    assert status == 200, value
    return value["spec"]


def works(world, health):
    """Whether the operator with that health listener says that it is the one that works."""
    return world.metric("tka_operator_leader", health=health) == 1


def acquired_at(world):
    """When whoever holds the lease took it, by the clock of this machine."""
    return datetime.datetime.fromisoformat(lease(world)["acquireTime"]).timestamp()


def await_taken_over(world, watch, seconds):
    """In time, which began before the other one knew."""
    begun = time.time() - watch.seconds()
    eventually("the one that stood by works", lambda: works(world, HEALTH), READY_SECONDS)
    took = acquired_at(world) - begun - watch.stalled
    assert took <= seconds, f"it took {took:.1f} s"


@pytest.fixture
def standby(world):
    """A second operator, of a test's own, that knows all sessions and leaves them to the rig's."""
    eventually("the rig's operator works", lambda: works(world, OPERATOR_HEALTH), READY_SECONDS)
    with own_daemon(world, "tka-operator") as daemon:
        daemon.await_status(200)
        yield daemon


def test_the_lease_is_one_that_kubernetes_tools_can_read(world):
    eventually("the rig's operator works", lambda: works(world, OPERATOR_HEALTH), READY_SECONDS)
    said = lease(world)

    assert said["leaseDurationSeconds"] == 8 and "_" in said["holderIdentity"]
    assert len(said["renewTime"].split(".")[1]) == len("000000Z")
    eventually("it is renewed", lambda: lease(world)["renewTime"] != said["renewTime"], 5)
    assert lease(world)["acquireTime"] == said["acquireTime"]


def test_an_operator_that_stands_by_is_ready_and_says_so(world, standby):
    assert works(world, OPERATOR_HEALTH) and not works(world, HEALTH)
    assert standby.probe("/livez")[0] == 200
    assert standby.log_lines(msg="standing by: another operator works", holder=lease(world)["holderIdentity"])


def test_an_operator_that_stands_by_writes_nothing(world, standby):
    world.credential("alice")
    world.ask("alice", "POST", "logout")
    world.await_gone(world.credential("bob", period="6s") and world.signin()["metadata"]["uid"], 20)

    assert not standby.log_lines(audit=True)


def test_when_the_one_that_works_is_told_to_end_another_takes_over_at_once(world, standby):
    world.credential("bob", period="6s")
    uid = world.signin()["metadata"]["uid"]
    with Stopwatch() as watch, world.stopped("operator"):
        await_taken_over(world, watch, NOW_SECONDS)
        assert world.credential("alice")["status"]["token"]
        world.await_gone(uid, 16)
    eventually("its end is in the log", lambda: standby.log_lines(audit=True, msg="session ended", signin_uid=uid))


def test_one_that_is_told_to_end_in_the_middle_of_a_session_keeps_the_lease_until_it_runs_out(world):
    writes = "POST .*(serviceaccounts|clusterrolebindings)|(PUT|PATCH) .*tkasignins/.*/status"
    with world.stopped("operator"), through_stand_in(world, "tka-operator", 7447) as (api, daemon):
        eventually("it works", lambda: works(world, daemon.health), READY_SECONDS)
        holder = lease(world)["holderIdentity"]
        with api.instead(writes, Late(4), times=3) as met:
            world.ask("alice", "POST", "login")
            eventually("it writes", lambda: met)
            daemon.process.terminate()
            assert daemon.process.wait(13) == 0
        assert daemon.log_lines(msg="stopping in the middle of a session")
        assert lease(world)["holderIdentity"] == holder


def test_when_the_one_that_works_is_killed_another_takes_over_when_the_lease_is_over(world, standby):
    transitions = lease(world)["leaseTransitions"]
    world.credential("bob", period="6s")
    uid = world.signin()["metadata"]["uid"]
    with Stopwatch() as watch, world.stopped("operator", kill=True):
        await_taken_over(world, watch, OVER_SECONDS)
        world.await_gone(uid, 25)
        assert lease(world)["leaseTransitions"] == transitions + 1
        assert world.credential("alice")["status"]["token"]


def test_an_operator_that_was_frozen_does_no_harm_when_it_wakes_up(world, standby):
    pid, _ = world.rig.host.process("operator")
    world.credential("alice")
    with Stopwatch() as watch, frozen(pid):
        await_taken_over(world, watch, OVER_SECONDS)
        holder = lease(world)["holderIdentity"]
        assert world.ask("alice", "POST", "logout").status == 200
        again = world.credential("alice")
    eventually("it knows that it works no longer", lambda: not works(world, OPERATOR_HEALTH), 10)
    assert lease(world)["holderIdentity"] == holder
    assert world.may(again["status"]["token"], "delete", "namespaces")
    assert len(world.made_for()) == 2


def test_a_lease_deleted_by_hand_is_taken_anew(world, standby):
    assert world.kube(LEASE, "DELETE")[0] == 200

    eventually("there is one again", lambda: world.kube(LEASE)[0] == 200, 5)
    eventually("one of them works", lambda: works(world, OPERATOR_HEALTH) != works(world, HEALTH), 10)
    assert world.credential("alice")["status"]["token"]


def test_an_operator_that_may_not_have_the_lease_says_why_and_works_on_nothing(world):
    with world.stopped("operator"), through_stand_in(world, "tka-operator", 7447) as (api, daemon):
        with api.instead(".*leases.*", kube_status(403, "Forbidden", "leases is forbidden: no")):
            daemon.await_status(503, "leases is forbidden", 20)
            eventually("it works no longer", lambda: not works(world, ("127.0.0.2", 7447)), 10)
            assert world.ask("alice", "POST", "login").status == 202
            assert world.ask("alice", "GET", "login", headers={"Prefer": "wait=2"}).status == 202
        assert world.ask("alice", "GET", "login", headers={"Prefer": "wait=10"}).status == 200


def label(uid):
    return {UID_LABEL: uid}


def test_what_turns_up_for_no_session_is_swept_soon(world):
    """As if the POST of an operator that was frozen arrived after its session had been torn down."""
    world.kube(BINDINGS, "POST", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "tka-user-late-0123456789abcdef.tka", "labels": label("of-the-past")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "tka-user-late-0123456789abcdef", "namespace": "tka"}]})
    world.await_gone("of-the-past", 15)


def test_the_objects_of_another_installation_are_left_alone(world):
    """Also when somebody has edited away whom they bind: the name says whose they are."""
    names = {"tka-user-late-0123456789abcdef.tka-other": [{"kind": "ServiceAccount", "namespace": "tka-other",
                                                           "name": "tka-user-late-0123456789abcdef"}],
             "tka-user-early-0123456789abcdef.tka-other": []}
    with world.stopped("operator"):
        for name, subjects in names.items():
            assert world.kube(BINDINGS, "POST", {
                "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
                "metadata": {"name": name, "labels": label("another-installations")}, "subjects": subjects,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}})[0] == 201
        world.kube(ACCOUNTS, "POST", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "tka-user-orphan-0123456789abcdef", "labels": label("an-orphans")}})
    world.await_gone("an-orphans")  # so it has swept
    try:
        assert len(world.made_for("another-installations")) == len(names)
        assert not world.items(GROUP)
    finally:
        for name in names:
            world.kube(f"{BINDINGS}/{name}", "DELETE")
