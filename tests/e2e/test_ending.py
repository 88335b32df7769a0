"""How sessions end: nothing is left, and the token stops working."""

from world import ACCOUNTS, BINDINGS, GROUP, UID_LABEL, eventually


def refused_token(world, token):
    return world.whoami(token)[0] == 401


def test_logout_removes_binding_account_and_record_and_the_token_stops_working(world):
    token = world.credential("alice")["status"]["token"]
    uid = world.signin()["metadata"]["uid"]
    assert len(world.made_for(uid)) == 2
    assert world.whoami(token)[0] == 201  # from here on the API server may remember it for 10 s

    assert world.ask("alice", "POST", "logout").status == 200

    world.await_gone(uid)
    assert not world.may(token, "get", "pods")
    eventually("the token is refused", lambda: refused_token(world, token), 25)


def test_expiry_removes_binding_account_and_record_and_the_token_stops_working(world):
    token = world.credential("alice", period="6s")["status"]["token"]
    uid = world.signin()["metadata"]["uid"]

    world.await_gone(uid, 20)
    eventually("the token is refused", lambda: refused_token(world, token), 25)
    assert world.ask("alice", "GET", "login").status == 401


def test_deleting_the_record_by_hand_ends_the_session(world):
    token = world.credential("alice")["status"]["token"]
    signin = world.signin()

    world.run("admin", "kubectl", "delete", "signin", "-n", "tka", signin["metadata"]["name"], "--wait=false")

    world.await_gone(signin["metadata"]["uid"])
    eventually("the token is refused", lambda: refused_token(world, token), 25)


def test_logging_out_twice_says_that_nobody_is_signed_in(world):
    world.credential("alice")
    world.ask("alice", "POST", "logout")

    assert world.ask("alice", "POST", "logout").status == 404


def test_a_login_right_after_a_logout_gives_a_new_session(world):
    for _ in range(5):
        uid = world.credential("alice")["session"] and world.signin()["metadata"]["uid"]
        assert world.ask("alice", "POST", "logout").status == 200
        assert world.credential("alice")["status"]["token"]
        assert world.signin()["metadata"]["uid"] != uid


def test_many_short_sessions_end_together(world):
    for node in ("alice", "desktop", "bob", "aliceorg"):
        world.credential(node, period="8s")
    uids = [item["metadata"]["uid"] for item in world.items(GROUP)]
    assert len(uids) == 4

    for uid in uids:
        world.await_gone(uid, 20)


def test_a_binding_deleted_by_hand_is_made_again(world):
    token = world.credential("alice")["status"]["token"]
    uid = world.signin()["metadata"]["uid"]
    binding = world.items(f"{BINDINGS}?labelSelector={UID_LABEL}%3D{uid}")[0]["metadata"]

    world.kube(f"{BINDINGS}/{binding['name']}", "DELETE")

    eventually("the binding is back", lambda: world.may(token, "delete", "namespaces"))


def test_what_no_session_owns_is_swept_when_the_operator_starts(world):
    label = {UID_LABEL: "00000000-0000-0000-0000-000000000000"}
    with world.stopped("operator"):
        world.kube(ACCOUNTS, "POST", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "tka-user-orphan-0123456789abcdef", "labels": label}})
        world.kube(BINDINGS, "POST", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "tka-user-orphan-0123456789abcdef.tka", "labels": label},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "tka-user-orphan-0123456789abcdef", "namespace": "tka"}]})
        assert len(world.made_for(label[UID_LABEL])) == 2
    world.await_gone(label[UID_LABEL])


def test_what_another_session_left_under_a_name_is_never_adopted(world):
    world.credential("alice", role="view")
    name = world.signin()["metadata"]["name"]
    world.ask("alice", "POST", "logout")
    with world.stopped("operator"):
        world.kube(BINDINGS, "POST", {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{name}.tka", "labels": {UID_LABEL: "someone-else"}},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "tka"}]})

    token = world.credential("alice", role="view")["status"]["token"]

    assert not world.may(token, "delete", "namespaces")
