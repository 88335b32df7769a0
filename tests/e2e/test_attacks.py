"""What somebody with a session tries in order to have more than it, or for longer; and what we do not promise."""

import json

import pytest

from signins import signin
from world import ACCOUNTS, BINDINGS, GROUP, SERVER_TUN, eventually, rule

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
P1 = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/tka-p1-signins"
ELSEWHERE = GROUP.replace("/namespaces/tka/", "/namespaces/default/")
OPERATOR = "system:serviceaccount:tka-system:tka-operator"
SERVER = "system:serviceaccount:tka-system:tka-server"
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "of-an-attack"}}


class Attacker:
    """Somebody signed in, who asks the API server directly."""

    def __init__(self, world, node, role):
        self.world = world
        self.token = world.credential(node, role=role)["status"]["token"]
        eventually(f"the API server knows what {node} may", lambda: world.may(self.token, "create", "configmaps"))

    def ask(self, method, path, body=None, impersonate=None, kind="application/json"):
        """(status, what was said) of one request."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind}
        if impersonate:
            headers["Impersonate-User"] = impersonate
        connection = self.world.api_connection()
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.world.answer_of(connection.getresponse())
        connection.close()
        return answer.status, answer.text


def name_of(world, **spec):
    return world.signin(**spec)["metadata"]["name"]


@pytest.fixture
def bob(world):
    """bob may edit in the whole cluster; alice, a cluster-admin, is signed in as well."""
    with world.policy(alice=[rule("cluster-admin")], bob=[rule("edit")]):
        world.credential("alice")
        yield Attacker(world, "bob", "edit")


def test_an_edit_session_mints_no_token(world, bob):
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    alice, own = name_of(world, username="alice@example.com"), name_of(world, username="bob@example.com")

    for path in (f"{ACCOUNTS}/{alice}/token", f"{ACCOUNTS}/{own}/token", f"{ACCOUNTS}/default/token",
                 "/api/v1/namespaces/tka-system/serviceaccounts/tka-operator/token",
                 "/api/v1/namespaces/tka-system/serviceaccounts/tka-server/token"):
        status, said = bob.ask("POST", path, body)
        assert status in (403, 422) and "token" not in json.loads(said).get("status", ""), said


@pytest.mark.parametrize("who", ["another session", OPERATOR, SERVER])
def test_an_edit_session_writes_as_nobody_else(world, bob, who):
    if who == "another session":
        who = "system:serviceaccount:tka:" + name_of(world, username="alice@example.com")

    for method, path, body in (("POST", "/api/v1/namespaces/default/configmaps", CONFIG_MAP),
                               ("DELETE", f"{GROUP}/{name_of(world, username='alice@example.com')}", None),
                               ("DELETE", f"{BINDINGS}/{name_of(world, username='alice@example.com')}.tka", None)):
        status, said = bob.ask(method, path, body, impersonate=who)
        assert status in (403, 422), said
    assert len(world.signins()) == 2


def test_an_edit_session_starts_no_pod_where_tka_lives(world, bob):
    for namespace in ("tka", "tka-system"):
        status, said = bob.ask("POST", f"/api/v1/namespaces/{namespace}/pods", {
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "of-an-attack"},
            "spec": {"serviceAccountName": "tka-operator", "containers": [{"name": "x", "image": "x"}]}})
        assert status in (403, 422), said


def test_a_cluster_admin_session_neither_prolongs_itself_nor_ends_others_by_hand(world):
    world.credential("bob")
    alice = Attacker(world, "alice", "cluster-admin")

    for method, who, body in (("PATCH", "alice@example.com", {"spec": {"requested_at": "2099-01-01T00:00:00Z"}}),
                              ("PATCH", "alice@example.com", {"metadata": {"finalizers": None}}),
                              ("DELETE", "bob@example.com", None)):
        status, said = alice.ask(method, f"{GROUP}/{name_of(world, username=who)}", body,
                                 kind="application/merge-patch+json")
        assert status == 422, said


def signin_elsewhere():
    """A TkaSignin that is as it should be, but for where it is."""
    body = signin(login="mallory@example.com")
    return {**body, "metadata": {"name": body["metadata"]["name"], "namespace": "default"}}


@pytest.fixture
def without_p1(world):
    """As if somebody had taken away the policy that says who writes TkaSignins, and where."""
    def is_refused():
        return world.kube(ELSEWHERE + "?dryRun=All", "POST", signin_elsewhere())[0] == 422
    assert is_refused()
    assert world.kube(P1, "DELETE")[0] == 200
    try:
        eventually("the policy is gone", lambda: not is_refused())
        yield
    finally:
        world.rig.cluster.apply()
        eventually("the policy holds again", is_refused, 20)


def test_a_signin_in_another_namespace_gets_no_right_even_without_the_policy(world, without_p1):
    status, value = world.kube(ELSEWHERE, "POST", signin_elsewhere())
    assert status == 201, value
    try:
        world.credential("alice")  # the operator is at work
        assert not world.made_for(value["metadata"]["uid"]) and "status" not in value
    finally:
        world.kube(f"{ELSEWHERE}/{value['metadata']['name']}", "DELETE")


# --- not promised: docs/security.md says so, and these say that it is so ---

def test_not_promised_an_edit_session_can_read_as_another_session(world, bob):
    alice = "system:serviceaccount:tka:" + name_of(world, username="alice@example.com")
    assert bob.ask("GET", "/api/v1/nodes")[0] == 403

    assert bob.ask("GET", "/api/v1/nodes", impersonate=alice)[0] == 200


@pytest.mark.parametrize("name", ["a\0b", "x" * 2000], ids=["NUL", "long"])
def test_what_a_device_calls_itself_keeps_nobody_else_out(world, name):
    """A server behind a TUN looks for those it does not know in what tailscaled says of all devices."""
    with world.rig.tailnet.calling_itself("carol", name):
        world.restart("server-tun")

        answer = world.ask("alice", "POST", "credential", url=SERVER_TUN)

        assert answer.status == 200, answer.text


def test_not_promised_an_edit_session_can_write_as_a_controller_of_the_cluster(world, bob):
    """Bound by the API server itself, whether or not such an account exists: it may do nearly everything."""
    collector = "system:serviceaccount:kube-system:generic-garbage-collector"
    alice = f"{GROUP}/{name_of(world, username='alice@example.com')}?dryRun=All"
    assert bob.ask("DELETE", alice)[0] in (403, 422) and bob.ask("DELETE", f"{P1}?dryRun=All")[0] == 403

    assert bob.ask("DELETE", alice, impersonate=collector)[0] == 200
    assert bob.ask("DELETE", f"{P1}?dryRun=All", impersonate=collector)[0] == 200


def test_not_promised_an_edit_session_mints_tokens_of_accounts_elsewhere_that_outlive_it(world, bob):
    status, said = bob.ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}})

    assert status == 201, said


def test_not_promised_a_cluster_admin_session_can_take_the_policies_away(world):
    alice = Attacker(world, "alice", "cluster-admin")

    for policy in world.items(POLICIES):
        assert alice.ask("DELETE", f"{POLICIES}/{policy['metadata']['name']}?dryRun=All")[0] == 200


def test_not_promised_what_was_open_when_a_session_ended_stays_open(world):
    """The API server asks once, at the beginning: a watch outlives its session until its own end."""
    alice = Attacker(world, "alice", "cluster-admin")
    connection = world.api_connection()
    path = "/api/v1/namespaces/default/configmaps"
    connection.request("GET", f"{path}?watch=1&timeoutSeconds=60&fieldSelector=metadata.name%3Dof-an-attack",
                       headers={"Authorization": f"Bearer {alice.token}"})
    reply = connection.getresponse()
    uid = world.signin()["metadata"]["uid"]
    assert world.ask("alice", "POST", "logout").status == 200
    world.await_gone(uid)
    try:
        assert world.kube(path, "POST", CONFIG_MAP)[0] == 201
        assert json.loads(reply.readline())["type"] == "ADDED"
    finally:
        world.kube(f"{path}/of-an-attack", "DELETE")
        connection.close()
