"""What can happen to a session: each has a condition or an end, and an Event, and leaves no right behind."""

import contextlib
import re

import pytest

from daemons import OPERATOR_HEALTH
from own_daemon import HEALTH, own_daemon
from signins import FINALIZER, apply, await_event, await_ready, events, merge, read, ready_of, signin
from world import ACCOUNTS, BINDINGS, GROUP, UID_LABEL, eventually

RBAC = "/apis/rbac.authorization.k8s.io/v1"
NAMESPACES = "/api/v1/namespaces"


def provisioned(world, **wish):
    """A session with everything it needs."""
    body = signin(**wish)
    apply(world, body)
    return body, await_ready(world, body)


def account(world, body):
    status, value = world.kube(f"{ACCOUNTS}/{body['metadata']['name']}")
    return value if status == 200 else None


def binding(world, body, namespace=None):
    path = f"{RBAC}/namespaces/{namespace}/rolebindings" if namespace else BINDINGS
    status, value = world.kube(f"{path}/{body['metadata']['name']}.tka")
    return value if status == 200 else None


def uid_of(value):
    return value["metadata"]["uid"]


@contextlib.contextmanager
def namespace(world, name):
    assert world.kube(NAMESPACES, "POST", {"metadata": {"name": name}})[0] == 201
    try:
        yield
    finally:
        delete_namespace(world, name)


def delete_namespace(world, name):
    world.kube(f"{NAMESPACES}/{name}", "DELETE")
    eventually(f"namespace {name} is gone", lambda: world.kube(f"{NAMESPACES}/{name}")[0] == 404, 90)


# --- from beginning to end ---

def test_a_session_is_ready_when_account_and_binding_are_there(world):
    body, value = provisioned(world)

    assert value["status"]["serviceAccount"]["uid"] == uid_of(account(world, body))
    assert account(world, body)["automountServiceAccountToken"] is False
    assert binding(world, body)["roleRef"]["name"] == "view"
    assert binding(world, body)["metadata"]["labels"] == {UID_LABEL: uid_of(value)}
    assert world.log_lines("operator", audit=True, msg="session provisioned", signin_uid=uid_of(value),
                           login="alice@example.com", node="n-test", role="view")


def test_extending_and_shortening_move_the_end_and_nothing_else(world):
    body, before = provisioned(world)
    made = uid_of(account(world, body)), uid_of(binding(world, body))

    apply(world, signin(period="2h"))
    await_event(world, before, "Extended")
    later = await_ready(world, body)
    apply(world, signin(period="30m"))
    await_event(world, before, "Shortened")
    sooner = await_ready(world, body)

    assert sooner["status"]["valid_until"] < before["status"]["valid_until"] < later["status"]["valid_until"]
    assert (uid_of(account(world, body)), uid_of(binding(world, body))) == made


def test_a_session_that_is_over_says_that_it_expired_and_ended(world):
    _, value = provisioned(world, period="6s")

    world.await_gone(uid_of(value), 20)

    await_event(world, value, "Ended")
    assert events(world, value) == ["Provisioned", "Expired", "Ended"]
    assert world.log_lines("operator", audit=True, msg="session expired", signin_uid=uid_of(value))


@pytest.mark.parametrize("how", ["logout", "by hand"])
def test_a_session_that_is_deleted_says_that_it_ended(world, how):
    if how == "logout":
        world.credential("alice")
        value = world.signin()
        world.ask("alice", "POST", "logout")
    else:
        body, value = provisioned(world)
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")

    world.await_gone(uid_of(value))

    await_event(world, value, "Ended")
    assert "Expired" not in events(world, value)


# --- hands ---

def test_without_the_finalizer_a_session_loses_its_rights_until_it_has_it_back(world):
    body, value = provisioned(world)

    merge(world, f"{GROUP}/{body['metadata']['name']}", {"metadata": {"finalizers": None}})
    await_ready(world, body, "FinalizerMissing")
    eventually("its rights are gone", lambda: not world.made_for(uid_of(value)))
    apply(world, signin())

    await_ready(world, body)


def test_a_session_without_the_finalizer_that_vanishes_leaves_nothing(world):
    body, value = provisioned(world)
    with world.stopped("operator"):
        merge(world, f"{GROUP}/{body['metadata']['name']}", {"metadata": {"finalizers": None}})
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
        assert any("clusterrolebindings" in name for name in world.made_for(uid_of(value)))

    world.await_gone(uid_of(value))


def change_binding(world, body, change):
    return merge(world, f"{BINDINGS}/{body['metadata']['name']}.tka", change)


def change_account(world, body, change):
    return merge(world, f"{ACCOUNTS}/{body['metadata']['name']}", change)


def delete_binding(world, body, _):
    world.kube(f"{BINDINGS}/{body['metadata']['name']}.tka", "DELETE")


def delete_account(world, body, _):
    world.kube(f"{ACCOUNTS}/{body['metadata']['name']}", "DELETE")


EDITS = {
    "a binding deleted": (delete_binding, None),
    "an account deleted": (delete_account, None),
    "a binding of somebody else": (change_binding, {"subjects": [
        {"kind": "ServiceAccount", "name": "default", "namespace": "tka"}]}),
    "a binding of one more": (change_binding, {"subjects": [
        {"kind": "ServiceAccount", "name": "tka-user-alice-0123456789abcdef", "namespace": "tka"},
        {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}]}),
    "a binding of nobody": (change_binding, {"subjects": None}),
    "a binding without the label": (change_binding, {"metadata": {"labels": None}}),
    "a binding with another label": (change_binding, {"metadata": {"labels": {UID_LABEL: "another"}}}),
    "an account that mounts its token": (change_account, {"automountServiceAccountToken": True}),
    "an account without the label": (change_account, {"metadata": {"labels": None}}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_a_hand_deletes_or_edits_is_made_anew(world, edit):
    body, value = provisioned(world)
    before = uid_of(account(world, body)), uid_of(binding(world, body))
    change, how = EDITS[edit]

    change(world, body, how)

    await_event(world, value, "Repaired")
    what = account(world, body), binding(world, body)
    assert (uid_of(what[0]), uid_of(what[1])) != before
    assert what[0]["automountServiceAccountToken"] is False and what[0]["metadata"]["labels"] == {
        UID_LABEL: uid_of(value)}
    assert [each["name"] for each in what[1]["subjects"]] == [body["metadata"]["name"]]
    assert await_ready(world, body)["status"]["serviceAccount"]["uid"] == uid_of(what[0])


def test_a_strangers_account_of_that_name_is_not_adopted(world):
    body = signin()
    status, stranger = world.kube(ACCOUNTS, "POST", {"apiVersion": "v1", "kind": "ServiceAccount",
                                                     "metadata": {"name": body["metadata"]["name"]}})
    assert status == 201

    apply(world, body)

    await_ready(world, body)
    assert uid_of(account(world, body)) != uid_of(stranger)


HELD = "example.com/held"


def stranger(uid, number):
    """A binding that carries a session's label, and that its maker does not let go."""
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {
        "name": f"tka-test-stranger-{number}", "labels": {UID_LABEL: uid}, "finalizers": [HELD]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "somebody", "namespace": "tka"}]}


@contextlib.contextmanager
def strangers(world, uid, count, path=BINDINGS):
    """Many of them; let go at the end."""
    made = [stranger(uid, number) for number in range(count)]
    for each in made:
        assert world.kube(path, "POST", each)[0] == 201
    try:
        yield
    finally:
        for each in made:
            merge(world, f"{path}/{each['metadata']['name']}", {"metadata": {"finalizers": None}})
            world.kube(f"{path}/{each['metadata']['name']}", "DELETE")


@pytest.mark.parametrize("namespaces, path", [
    ([], BINDINGS), (["default"], f"{RBAC}/namespaces/default/rolebindings")], ids=["cluster", "namespaced"])
def test_a_session_ends_whatever_somebody_labelled_as_its_own_and_holds(world, namespaces, path):
    body, value = provisioned(world, namespaces=namespaces)
    with strangers(world, uid_of(value), 40, path):
        apply(world, signin(period="2h", namespaces=namespaces))
        await_event(world, value, "Extended")
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
        eventually("its record is gone", lambda: read(world, body) is None)
        assert account(world, body) is None and binding(world, body) is None
        assert binding(world, body, "default") is None
        eventually("all were asked to go", lambda: all(
            each["metadata"].get("deletionTimestamp")
            for each in world.items(f"{path}?labelSelector={UID_LABEL}%3D{uid_of(value)}")), 20)
        assert gauges(world)["tka_sessions_overdue"] == 0, "the alert would be somebody's to raise"
        world.restart("operator")
        eventually("it works again", lambda: gauges(world)["tka_operator_leader"] == 1, 20)
        assert gauges(world)["tka_sessions_overdue"] == 0
    world.await_gone(uid_of(value))


# --- what a session can lack ---

@pytest.mark.parametrize("wish, reason, words", [
    ({"role": "system:node"}, "RoleNotAllowed", '"system:node"'),
    ({"name": "tka-user-alice-0123456789abcdef"}, "NameMismatch", "tka-user-alice-"),
], ids=lambda value: value if isinstance(value, str) and value.isalpha() else "")
def test_a_session_that_cannot_be_says_why_and_has_no_rights(world, wish, reason, words):
    body = signin(**wish)
    apply(world, body)

    value = await_ready(world, body, reason, words)

    assert not world.made_for(uid_of(value)) and account(world, body) is None
    assert value["status"].get("provisioned") in (None, False)


def test_a_session_under_another_name_is_let_go_when_it_is_deleted(world):
    body = signin(name="tka-user-alice-0123456789abcdef")
    value = apply(world, body)
    await_ready(world, body, "NameMismatch")

    world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")

    world.await_gone(uid_of(value))


def is_refused(world, body):
    """Whether the operator has heard that the role is gone. Else the session ends, since it would not look again."""
    uid = uid_of(apply(world, body))
    reason = eventually("it is judged", lambda: ready_of(read(world, body))[1])
    if reason != "RoleNotFound":
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
        world.await_gone(uid)
    return reason == "RoleNotFound"


def test_a_missing_role_is_told_and_its_coming_noticed(world):
    _, role = world.kube(f"{RBAC}/clusterroles/edit")
    body = signin(role="edit")
    assert world.kube(f"{RBAC}/clusterroles/edit", "DELETE")[0] == 200
    try:
        eventually("what the operator knew of the role is old", lambda: is_refused(world, body), 40)
        value = await_ready(world, body, "RoleNotFound", '"edit"')
        assert not world.made_for(uid_of(value))
    finally:
        for key in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
            role["metadata"].pop(key, None)
        assert world.kube(f"{RBAC}/clusterroles", "POST", role)[0] == 201
    await_ready(world, body, seconds=30)


def test_a_missing_namespace_is_told_and_its_coming_noticed(world):
    body = signin(namespaces=["default", "tka-test-later"])
    apply(world, body)
    value = await_ready(world, body, "NamespaceNotFound", '"tka-test-later"')
    with namespace(world, "tka-test-later"):
        await_ready(world, body, seconds=30)
        assert binding(world, body, "default") and binding(world, body, "tka-test-later")
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
        world.await_gone(uid_of(value))


def test_a_namespaced_session_has_a_binding_in_each_and_none_for_the_cluster(world):
    with namespace(world, "tka-test-one"):
        body, value = provisioned(world, namespaces=["default", "tka-test-one"])

        assert binding(world, body) is None
        assert sorted(name.split("/")[0] for name in world.made_for(uid_of(value))) == [
            "rolebindings", "rolebindings", "serviceaccounts"]
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
        world.await_gone(uid_of(value))


def test_a_namespace_that_is_deleted_takes_its_binding_along_and_the_session_says_so(world):
    with namespace(world, "tka-test-gone"):
        body, value = provisioned(world, namespaces=["default", "tka-test-gone"])
    await_ready(world, body, "NamespaceNotFound", '"tka-test-gone"')
    with namespace(world, "tka-test-gone"):
        await_ready(world, body, seconds=30)
        world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
        world.await_gone(uid_of(value))


def test_a_session_can_end_while_its_namespace_is_being_deleted(world):
    """Something of somebody else's holds that namespace: no binding can be made there, and none is left."""
    held = {"metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    with namespace(world, "tka-test-held"):
        assert world.kube(f"{NAMESPACES}/tka-test-held/configmaps", "POST", held)[0] == 201
        body, value = provisioned(world, namespaces=["tka-test-held"])
        world.kube(f"{NAMESPACES}/tka-test-held", "DELETE")
        try:
            await_ready(world, body, "NamespaceNotFound", "being deleted", 30)
            world.kube(f"{GROUP}/{body['metadata']['name']}", "DELETE")
            world.await_gone(uid_of(value))
        finally:
            merge(world, f"{NAMESPACES}/tka-test-held/configmaps/held", {"metadata": {"finalizers": None}})


def let_go(world):
    """What docs/operator.md tells whoever has deleted the session namespace before its sessions."""
    for item in world.items(GROUP):
        merge(world, f"{GROUP}/{item['metadata']['name']}", {"metadata": {"finalizers": None}})


@contextlib.contextmanager
def session_namespace_deleted(world):
    """It hangs until the records are let go; in the end it is as the rig made it."""
    world.kube(f"{NAMESPACES}/tka", "DELETE")
    try:
        yield
    finally:
        let_go(world)
        delete_namespace(world, "tka")
        world.rig.cluster.apply()


def await_alice(world):
    """She gets in; who watched while rights were missing is told so again after a pause."""
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential").status == 200, 40)


def what_keeps_it(world):
    """What the namespace controller says of the session namespace: (of which kinds, held by which finalizers)."""
    _, value = world.kube(f"{NAMESPACES}/tka")
    said = {each["type"]: each["message"] for each in value["status"].get("conditions", []) if each["status"] == "True"}
    return [re.findall(pattern, said.get(kind, "")) for kind, pattern in (
        ("NamespaceContentRemaining", r"(\S+) has \d+ resource"), ("NamespaceFinalizersRemaining", r"(\S+/\S+) in"))]


def test_deleting_the_session_namespace_takes_every_right_away(world):
    """When the operator's own Role goes first, as it may, the records, and they alone, have to be let go by hand."""
    token = world.credential("alice")["status"]["token"]
    world.credential("bob")
    right = f"{RBAC}/namespaces/tka/rolebindings/tka-operator-sessions"
    assert world.kube(right, "DELETE")[0] == 200
    with session_namespace_deleted(world):
        eventually("nothing is left of them but the records", lambda: not world.made_for(), 60)
        eventually("her token may nothing any more", lambda: not world.may(token, "get", "pods"))
        assert len(world.items(GROUP)) == 2
        eventually("they are what keeps it", lambda: what_keeps_it(world) == [
            ["tkasignins.tka.specht-labs.de"], [FINALIZER]], 30)
    await_alice(world)


def test_a_session_namespace_deleted_while_no_operator_runs_leaves_no_right_and_in_the_end_nothing(world):
    token = world.credential("alice")["status"]["token"]
    with world.stopped("operator"), session_namespace_deleted(world):
        eventually("her account is gone", lambda: not world.items(ACCOUNTS), 60)
        eventually("her token is refused", lambda: world.whoami(token)[0] == 401, 25)
    eventually("her binding is gone", lambda: not world.made_for(), 30)
    await_alice(world)


# --- numbers ---

@pytest.mark.parametrize("path, words", [
    ("/livez", "alive"), ("/readyz", "ready"), ("/ready", "ready"), ("/metrics", "tka_sessions_overdue 0"),
    ("/metrics/controller", "tka_reconcile_duration_seconds_bucket"), ("/metrics", "tka_operator_leader 1")])
def test_probes_and_scrapes_are_answered(world, path, words):
    provisioned(world)
    connection = world.rig.host.http("hub", OPERATOR_HEALTH)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = world.answer_of(connection.getresponse())

    assert answer.status == 200 and words in answer.text
    assert "alice" not in answer.text


def gauges(world):
    return {name: world.metric(name, health=OPERATOR_HEALTH)
            for name in ("tka_active_user_sessions", "tka_sessions_overdue", "tka_operator_leader")}


def test_the_gauges_are_right_after_a_restart(world):
    provisioned(world)
    provisioned(world, role="edit")
    world.restart("operator")
    eventually("two sessions, none overdue", lambda: gauges(world) == {
        "tka_active_user_sessions": 2, "tka_sessions_overdue": 0, "tka_operator_leader": 1}, 15)

    world.sign_everybody_out()

    eventually("none", lambda: gauges(world)["tka_active_user_sessions"] == 0)


def test_a_session_that_nobody_ends_is_overdue_on_the_operator_that_stands_by(world):
    with own_daemon(world, "tka-operator") as standby:
        standby.await_status(200)
        _, value = provisioned(world)
        with world.stopped("operator", kill=True):
            apply(world, signin(period="1s"))
            eventually("one is overdue", lambda: world.metric("tka_sessions_overdue", health=HEALTH) == 1, 8)
            world.await_gone(uid_of(value), 25)
            assert world.metric("tka_sessions_overdue", health=HEALTH) == 0
