"""Texts that are odd, but that the API server takes: none of them keeps a session, or the operator, from ending one."""

import contextlib

import pytest

from host import HUB_ADDRESS
from own_daemon import config_of, kubeconfig_for, own_daemon
from signins import apply, await_ready, merge, read, ready_of, signin
from stand_in_kube_apiserver import kube_status, stand_in_kube_apiserver
from world import ACCOUNTS, BINDINGS, GROUP, UID_LABEL, eventually, rule

NUL = "a\0b"


def path_of(body):
    return f"{GROUP}/{body['metadata']['name']}"


@pytest.mark.parametrize("letter", ["x", "ü", "\N{PILE OF POO}"], ids=["one byte", "two bytes", "four bytes"])
def test_a_session_ends_in_time_however_long_its_reason_is_in_bytes(world, letter):
    world.credential("alice", period="5s")
    uid = world.signin()["metadata"]["uid"]
    answer = world.ask("alice", "POST", "login", {"period": "5s", "reason": letter * 256})
    assert answer.status == 202, answer.text
    eventually("the reason stands there", lambda: world.signin()["spec"].get("reason") == letter * 256)

    world.await_gone(uid, 20)


def test_a_session_whose_record_became_unreadable_loses_its_rights_at_once_and_ends(world):
    """What a server that was taken over may write, so that nobody can tell when it ends."""
    body = signin()
    apply(world, body)
    value = await_ready(world, body)
    body["spec"]["reason"] = NUL

    apply(world, body)

    await_ready(world, body, "Unreadable")
    assert not world.made_for(value["metadata"]["uid"])
    world.kube(path_of(body), "DELETE")
    world.await_gone(value["metadata"]["uid"])


def test_a_record_that_is_unreadable_when_the_operator_starts_has_no_rights(world):
    body = signin()
    apply(world, body)
    value = await_ready(world, body)
    body["spec"]["reason"] = NUL
    with world.stopped("operator"):
        apply(world, body)
        assert len(world.made_for(value["metadata"]["uid"])) == 2

    await_ready(world, body, "Unreadable", seconds=20)
    assert not world.made_for(value["metadata"]["uid"])


def odd(name, uid, text=NUL):
    """A binding with such a text in it: whoever may make bindings in one namespace may make that."""
    return {"apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": {"name": name, "labels": {UID_LABEL: uid}, "annotations": {"example.com/odd": text}},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}}


def make(world, body, path=BINDINGS):
    status, value = world.kube(path, "POST", body)
    assert status == 201, value


def test_a_nul_character_in_an_annotation_of_a_record_changes_nothing(world):
    body = signin(period="6s")
    apply(world, body)
    value = await_ready(world, body)

    merge(world, path_of(body), {"metadata": {"annotations": {"example.com/odd": NUL}}})
    world.restart("operator")

    world.await_gone(value["metadata"]["uid"], 30)


def test_a_nul_character_in_a_binding_keeps_no_operator_from_starting(world):
    body = signin()
    apply(world, body)
    value = await_ready(world, body)
    with world.stopped("operator"):
        make(world, odd("tka-test-odd", value["metadata"]["uid"]))
    eventually("the odd binding is gone", lambda: world.kube(f"{BINDINGS}/tka-test-odd")[0] == 404, 20)
    assert ready_of(read(world, body))[0] == "True"


def test_huge_bindings_keep_no_operator_from_starting(world):
    """A page of them is more than the operator reads at once."""
    body = signin(period="12s")
    apply(world, body)
    value = await_ready(world, body)
    names = [f"tka-test-huge-{number}" for number in range(16)]
    with world.stopped("operator"):
        for name in names:
            make(world, odd(name, value["metadata"]["uid"], "<" * 200_000))
    eventually("they are gone", lambda: not [
        each for each in names if world.kube(f"{BINDINGS}/{each}")[0] != 404], 20)
    world.await_gone(value["metadata"]["uid"], 30)


def spoil(world, record):
    """What a server that was taken over may do to a session, so that nobody can tell when it ends."""
    metadata = {key: record["metadata"][key] for key in ("name", "namespace", "finalizers")}
    body = {"apiVersion": record["apiVersion"], "kind": record["kind"], "metadata": metadata,
            "spec": {**record["spec"], "reason": NUL}}
    apply(world, body)
    await_ready(world, body, "Unreadable")
    return record["metadata"]["uid"]


def test_a_logout_ends_also_what_became_unreadable(world):
    world.credential("alice", role="view")
    world.credential("alice", role="cluster-admin")
    spoil(world, world.signin(role="view"))

    answer = world.ask("alice", "POST", "logout")

    assert answer.status == 200, answer.text
    assert len(answer.body["sessions"]) == 2 and not answer.body["ending"], answer.text
    assert not world.signins()


def test_a_login_begins_anew_what_became_unreadable(world):
    world.credential("alice")
    uid = spoil(world, world.signin())

    assert world.ask("alice", "POST", "credential").status == 200

    assert world.signin()["metadata"]["uid"] != uid


def test_a_grant_that_is_withdrawn_ends_also_what_became_unreadable(world):
    world.credential("alice", role="cluster-admin")
    uid = spoil(world, world.signin())

    with world.policy(alice=[rule("view")]):
        world.ask("alice", "GET", "access")

        world.await_gone(uid)


@contextlib.contextmanager
def blind_operator(world, pattern):
    """An operator that cannot read what the pattern says."""
    port = 7449
    config = config_of(world, "tka-operator", health__port=port, kubernetes__kubeconfig=kubeconfig_for(
        world, "tka-operator", f"https://{HUB_ADDRESS}:{port}", world.folder / "blind"))
    with stand_in_kube_apiserver(world, port) as api, api.instead(pattern, kube_status(500)):
        with own_daemon(world, "tka-operator", config) as daemon:
            yield daemon


def test_what_cannot_be_listed_keeps_no_orphan_of_another_kind(world):
    with world.stopped("operator"):
        assert world.kube(ACCOUNTS, "POST", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "tka-user-orphan-0123456789abcdef", "labels": {UID_LABEL: "an-orphans"}}})[0] == 201
        with blind_operator(world, "GET .*/rolebindings\\?"):
            world.await_gone("an-orphans", 30)


def test_bindings_that_were_never_seen_of_what_cannot_be_read_go_before_it(world):
    """An operator that begins, and cannot list RoleBindings yet: nobody can tell it in which namespaces to look."""
    body = signin(namespaces=["default"])
    apply(world, body)
    value = await_ready(world, body)
    uid, name = value["metadata"]["uid"], body["metadata"]["name"]
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings/{name}.tka"
    with world.stopped("operator"):
        spoiled = {**body, "spec": {**body["spec"], "reason": NUL}}
        apply(world, spoiled)
        world.kube(path_of(body), "DELETE")
        assert world.kube(path)[0] == 200
        with blind_operator(world, f"GET .*/rolebindings\\?(?!.*{uid})"):
            eventually("the RoleBinding is gone", lambda: world.kube(path)[0] == 404, 20)
            eventually("the record is gone", lambda: read(world, body) is None, 20)
    world.await_gone(uid)
