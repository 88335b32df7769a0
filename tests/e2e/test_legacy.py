"""Servers of the public TKA, which know no /credential: every command that they can serve works with them too."""

import json
import subprocess

import pytest
import yaml

from relay import reply
from stand_in_legacy_server import NOT_SIGNED_IN, URL, stand_in_legacy_server
from world import SERVER, eventually

CLUSTER = "tka"  # such a server does not say what its cluster is called


@pytest.fixture
def legacy(world):
    with stand_in_legacy_server(world) as server:
        yield server


def tka(world, *argv, code=0, **more):
    return world.run("alice", "kubectl-tka", *argv, code=code, **more)


def get_pods(world, context=CLUSTER, code=0):
    return world.run("alice", "kubectl", "--context", context, "get", "pods", code=code)


def edit_cache(world, **fields):
    """Every entry that is kept in a file."""
    for path in (world.home("alice") / "run/tka").glob("*.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_login_waits_for_the_session_as_long_as_the_server_says(world, legacy):
    said = json.loads(tka(world, "login", URL, "-o", "json").stdout)

    assert (said["cluster"], said["user"], said["role"], said["context"]) == (CLUSTER, "alice", "view", CLUSTER)
    assert legacy.seen.count("GET /api/v1alpha1/kubeconfig") == 2
    assert legacy.seen.count("POST /api/v1alpha1/login") == 1
    assert "No resources" in get_pods(world).stderr


def test_login_again_begins_no_other_session(world, legacy):
    tka(world, "login", URL)
    tka(world, "login", URL)

    assert legacy.seen.count("POST /api/v1alpha1/login") == 1


def test_the_plugin_serves_from_the_cache_and_fetches_again_when_it_must(world, legacy):
    tka(world, "login", URL)
    before = len(legacy.seen)
    get_pods(world)
    assert len(legacy.seen) == before

    edit_cache(world, expires=1, until=1)
    get_pods(world)
    assert legacy.seen[before:].count("GET /api/v1alpha1/kubeconfig") == 1


def test_the_plugin_signs_in_when_the_session_is_over(world, legacy):
    tka(world, "login", URL)
    legacy.until, legacy.grant.delay = None, 0
    edit_cache(world, expires=1, until=1)

    get_pods(world)

    assert legacy.seen.count("POST /api/v1alpha1/login") == 2


def test_a_token_is_used_no_longer_than_the_session_lasts(world, legacy):
    legacy.grant.seconds = 200  # tokens live ten minutes all the same
    tka(world, "login", URL)

    (path,) = (world.home("alice") / "run/tka").glob("*.json")
    entry = json.loads(path.read_text())
    assert entry["expires"] == entry["until"] <= entry["fetched_at"] + entry["clock_offset"] + 200


def test_get_login_tells_signed_in_pending_and_not_at_all(world, legacy):
    assert "run 'tka login'" in tka(world, "get", "login", "--server", URL, code=5).stderr
    legacy.login()
    assert json.loads(tka(world, "get", "login", "--server", URL, "-o", "json", code=6).stdout)["provisioned"] is False
    legacy.pending = 0
    said = json.loads(tka(world, "get", "login", "--server", URL, "-o", "json").stdout)
    assert said["role"] == "view" and said["provisioned"] is True


def test_cluster_info_shows_what_such_a_server_says(world, legacy):
    said = json.loads(tka(world, "cluster-info", URL, "-o", "json").stdout)

    assert said["server_url"].startswith("https://") and len(said["ca_hash"]) == 64 and said["labels"] == {}


def test_kubeconfig_is_a_file_that_kubectl_reads(world, legacy):
    legacy.login()
    text = tka(world, "kubeconfig", URL, "--token").stdout
    path = world.home("alice") / "with-token.yaml"
    path.write_text(text)
    path.chmod(0o600)

    done = world.run("alice", "kubectl", "--kubeconfig", path, "get", "pods")
    path.unlink()

    assert "No resources" in done.stderr and isinstance(yaml.safe_load(text)["users"], list)


def test_kubeconfig_without_a_session_says_how_to_begin_one(world, legacy):
    said = tka(world, "kubeconfig", URL, "--token", code=5)

    assert said.stdout == "" and f"login {URL}" in said.stderr


def test_refresh_begins_the_time_anew_without_a_logout(world, legacy):
    tka(world, "login", URL)
    before = legacy.until

    tka(world, "refresh", CLUSTER)

    assert legacy.until > before and "POST /api/v1alpha1/logout" not in legacy.seen
    get_pods(world)


def test_logout_ends_the_session_and_says_so_once_it_is_gone(world, legacy):
    tka(world, "login", URL)

    assert "Signed out of" in tka(world, "logout", CLUSTER).stdout
    assert legacy.until is None and "login" in get_pods(world, code=1).stderr
    assert "no session" in tka(world, "logout", CLUSTER).stdout


def test_a_shell_ends_the_session_it_began_and_none_that_was_there(world, legacy):
    run = ("exec", URL, "--", "kubectl", "get", "pods")

    assert "No resources" in tka(world, *run).stderr
    assert legacy.until is None and legacy.seen.count("POST /api/v1alpha1/logout") == 1

    legacy.login()  # another device
    assert "No resources" in tka(world, *run).stderr
    assert legacy.until is not None and legacy.seen.count("POST /api/v1alpha1/logout") == 1


def test_the_last_of_several_shells_ends_the_session_that_the_first_began(world, legacy):
    script = 'touch "$HOME/$0"; cat; kubectl get pods'

    def shell(name):
        process = subprocess.Popen(world.rig.node_argv("alice", ["kubectl-tka", "exec", URL, "--", "sh", "-ec", script, name]),
                                   stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=world.rig.node_env("alice"))
        eventually(f"the {name} shell", (world.home("alice") / name).exists)
        (world.home("alice") / name).unlink()
        return process

    first, second = shell("first"), shell("second")
    first.communicate()
    assert first.returncode == 0 and legacy.until is not None
    second.communicate()
    assert second.returncode == 0 and legacy.until is None


def test_a_session_that_vanishes_during_the_logout_is_ended(world, legacy):
    tka(world, "login", URL)
    legacy.gone_at_logout = True

    tka(world, "logout", CLUSTER)

    assert legacy.until is None


@pytest.mark.parametrize("flags, code, words", [
    (["--role", "edit"], 4, '"view", not "edit"'), (["--for", "15m"], 2, "no --for"),
    (["--reason", "why"], 2, "no --reason"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_what_such_a_server_cannot_do_is_refused_and_leaves_no_session(world, legacy, flags, code, words):
    said = tka(world, "login", URL, *flags, code=code)

    assert words in said.stderr and said.stderr.count("\n") == 1
    assert legacy.until is None and not (world.home("alice") / ".kube/config").exists()


def test_the_role_that_is_granted_anyway_may_be_asked_for(world, legacy):
    said = json.loads(tka(world, "login", URL, "--role", "view", "-o", "json").stdout)

    assert said["context"] == f"{CLUSTER}!view"
    get_pods(world, f"{CLUSTER}!view")


def test_access_and_debug_say_that_such_a_server_shows_no_rules(world, legacy):
    assert "older kind" in tka(world, "access", URL, code=1).stderr
    said = tka(world, "login", URL, "--debug")
    assert "older kind" in said.stderr and "Signed in" in said.stdout


REFUSALS = {
    "policy": (500, {"message": "Error parsing duration", "cause": {"message": 'time: invalid duration "1d"'}}, 1,
               'invalid duration "1d"'),
    "denied": (403, {"message": "User not authorized"}, 4, "User not authorized"),
    "twice": (400, {"message": "Multiple capability rules with the same priority found",
                    "advice": ["give each rule a priority of its own"]}, 2, "give each rule a priority of its own"),
    "tagged": (400, {"message": "tagged nodes not (yet) supported"}, 2, "tagged nodes"),
    "not known": (500, {"message": "Error getting WhoIs", "cause": {"message": "failed to get WhoIs"}}, 1,
                  "failed to get WhoIs"),
    "control characters": (403, {"message": "no\x1b[31m\x9b1m"}, 4, "no?[31m"),
}


@pytest.mark.parametrize("status, body, code, words", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_told_with_its_causes_and_advice(world, legacy, status, body, code, words):
    with legacy.instead("POST .*login", reply(status, json.dumps(body))):
        said = tka(world, "login", URL, code=code)

    assert words in said.stderr and said.stderr.count("\n") == 1
    assert "\x1b" not in said.stderr and "\x9b" not in said.stderr


def test_an_error_while_the_session_is_made_is_not_the_last_word(world, legacy):
    with legacy.instead("GET .*kubeconfig", reply(500, '{"message": "Failed to generate token"}', Retry_After="1"), 2):
        tka(world, "login", URL)

    get_pods(world)


def test_a_kubeconfig_in_the_form_of_the_file_is_understood_too(world, legacy):
    legacy.login()
    legacy.pending = 0
    token = legacy.token()
    body = {"kind": "Config", "apiVersion": "v1", "clusters": [], "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "c", "context": {"user": "u"}}], "current-context": "c"}
    with legacy.instead("GET .*kubeconfig", reply(200, json.dumps(body))):
        tka(world, "login", URL)

    get_pods(world)


@pytest.mark.parametrize("body", ['{"clusters": {}}', "null", "[]", '{"clusters": 1, "users": {}, "contexts": {}}', json.dumps(
    {"clusters": {}, "users": {"u": {"token": ""}}, "contexts": {"c": {"user": "u"}}, "current-context": "c"})])
def test_a_kubeconfig_of_no_use_is_one_line_and_nothing_is_written(world, legacy, body):
    legacy.login()
    with legacy.instead("GET .*kubeconfig", reply(200, body)):
        said = tka(world, "login", URL, code=None)

    assert said.returncode in (2, 3) and said.stderr.count("\n") == 1
    assert not (world.home("alice") / ".kube/config").exists()


def test_a_session_that_never_comes_is_told_of_in_the_end(world, legacy):
    tka(world, "login", URL)
    legacy.until, legacy.grant.delay = None, 1 << 30
    edit_cache(world, expires=1, until=1)

    said = get_pods(world, code=1)

    assert said.stderr.count("still preparing the session") == 1


def test_two_clusters_one_of_each_kind_are_kept_apart(world, legacy):
    tka(world, "login", SERVER)
    tka(world, "login", URL)

    rows = {row["name"]: row for row in json.loads(tka(world, "list", "-o", "json").stdout)}
    assert rows["rig"]["session"]["role"] == "cluster-admin" and rows[CLUSTER]["session"]["role"] == "view"
    tka(world, "logout", CLUSTER)
    assert legacy.until is None and get_pods(world, "rig").returncode == 0
    eventually("the other session still there", lambda: len(world.signins(username="alice@example.com")) == 1)


def test_logging_out_of_all_ends_both(world, legacy):
    tka(world, "login", SERVER)
    tka(world, "login", URL)

    said = json.loads(tka(world, "logout", "--all", "-o", "json").stdout)

    assert {row["cluster"]: row["ended"] for row in said} == {"rig": 1, CLUSTER: 1}
    assert legacy.until is None and world.signins() == []
    assert NOT_SIGNED_IN["message"] in tka(world, "get", "login", CLUSTER, code=5).stderr
