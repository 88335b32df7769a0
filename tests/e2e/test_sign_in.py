"""The main road: a person with a rule gets in, and stays in without noticing."""

import json
import shutil
import stat

import yaml

from world import SERVER, SERVER_TUN, claims, eventually


def test_a_user_with_a_rule_gets_in_as_her_service_account(world):
    world.login("alice")
    name = world.signin(username="alice@example.com")["metadata"]["name"]

    whoami = world.run("alice", "kubectl", "--context", "rig", "auth", "whoami", "-o", "json")

    assert json.loads(whoami.stdout)["status"]["userInfo"]["username"] == f"system:serviceaccount:tka:{name}"
    assert name.startswith("tka-user-alice-")


def test_kubectl_works_through_the_plugin_after_login(world):
    world.login("alice", SERVER, "--use")

    namespaces = world.run("alice", "kubectl", "get", "ns", "-o", "name").stdout

    assert "namespace/tka" in namespaces.splitlines()


def test_the_second_call_is_answered_by_the_cache_alone(world):
    world.login("alice", SERVER, "--use")
    world.run("alice", "kubectl", "get", "ns")
    before = len(world.log_lines("server", route="/api/v1alpha1/credential"))

    world.run("alice", "kubectl", "get", "ns")

    assert len(world.log_lines("server", route="/api/v1alpha1/credential")) == before


def test_login_says_who_as_what_until_when_and_what_to_type_next(world):
    said = world.login("alice").stdout

    for words in ("alice@example.com", "cluster-admin", "kubectl"):
        assert words in said


def test_login_is_idempotent(world):
    world.login("alice")
    first = (world.home("alice") / ".kube/config").read_text()

    world.login("alice")

    assert (world.home("alice") / ".kube/config").read_text() == first
    assert len(world.signins(username="alice@example.com")) == 1


def test_the_kubeconfig_holds_a_plugin_and_no_token(world):
    world.login("alice", SERVER, "--use")
    path = world.home("alice") / ".kube/config"

    user = yaml.safe_load(path.read_text())["users"][0]["user"]

    assert set(user) == {"exec", "extensions"}
    assert user["exec"]["command"] == "kubectl-tka"
    assert user["exec"]["apiVersion"] == "client.authentication.k8s.io/v1"
    assert user["exec"]["interactiveMode"] == "Never"
    assert "eyJ" not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_both_modes_of_the_server_give_the_same_session(world):
    through_loopback = world.credential("alice", SERVER)
    through_tun = world.credential("alice", SERVER_TUN)

    assert claims(through_loopback["status"]["token"])["sub"] == claims(through_tun["status"]["token"])["sub"]
    assert len(world.signins(username="alice@example.com")) == 1


def test_while_a_server_is_away_a_login_at_the_other_goes_on_with_the_session(world):
    world.login("alice", SERVER, "--use")
    (before,) = world.signins()

    with world.stopped("server"):
        world.login("alice", SERVER_TUN)
        (world.home("alice") / "run/tka").rename(world.home("alice") / "run/before")
        assert "namespace/tka" in world.run("alice", "kubectl", "get", "ns", "-o", "name").stdout
        shutil.rmtree(world.home("alice") / "run/before")

    (after,) = world.signins()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_a_viewer_may_read_and_is_refused_a_delete(world):
    world.login("bob", SERVER, "--use")

    world.run("bob", "kubectl", "get", "pods", "-A")
    refused = world.run("bob", "kubectl", "delete", "ns", "default", code=1)

    assert "Forbidden" in refused.stderr


def test_a_token_comes_with_the_session_and_never_outlives_it(world):
    answer = world.credential("alice", period="30m")
    token = answer["status"]["token"]
    signin = world.signin(username="alice@example.com")

    assert answer["kind"] == "ExecCredential"
    assert answer["status"]["expirationTimestamp"] <= signin["status"]["valid_until"]
    assert claims(token)["kubernetes.io"]["serviceaccount"]["uid"] == signin["status"]["serviceAccount"]["uid"]
    assert world.whoami(token)[0] == 201


def test_the_sign_in_object_shows_person_role_and_device(world):
    world.credential("alice")

    shown = world.run("admin", "kubectl", "get", "signin", "-n", "tka").stdout
    spec = world.signin(username="alice@example.com")["spec"]

    assert "alice@example.com" in shown and "cluster-admin" in shown
    assert spec["node"] == "alice" and spec["node_id"] and spec["user_id"] and spec["issuer"].startswith("tag:tka")


def test_what_is_made_for_a_session_names_the_person_and_the_device(world):
    world.credential("alice")
    signin = world.signin(username="alice@example.com")
    selector = f"tka.specht-labs.de/signin-uid={signin['metadata']['uid']}"

    for kind in ("serviceaccount", "clusterrolebinding"):
        made = json.loads(world.run("admin", "kubectl", "get", kind, "-n", "tka", "-l", selector, "-o", "json").stdout)
        notes = made["items"][0]["metadata"]["annotations"]
        assert notes["tka.specht-labs.de/login"] == "alice@example.com"
        assert notes["tka.specht-labs.de/node"] == "alice"


def test_the_audit_lines_lead_from_the_api_servers_log_to_the_person(world):
    token = world.credential("alice")["status"]["token"]
    jti = claims(token)["jti"]
    world.kube("/api/v1/namespaces", token=token)

    issued = [line for line in world.log_lines("server", audit=True) if line.get("jti") == jti]

    assert issued and issued[-1]["login"] == "alice@example.com" and issued[-1]["role"] == "cluster-admin"
    assert issued[-1]["node"] == "alice"
    eventually("the JTI in the API server's audit log",
               lambda: f"JTI={jti}" in (world.folder / "audit.log").read_text())
