"""The programs that call the plugin, run for real: kubectl new and old, helm, the Python and JavaScript clients."""

import contextlib
import json
import re

import pytest
import yaml

from test_client import EXEC_INFO, cache_entries, cache_entry, kubeconfig, one_line, plugin, requests, stanza
from world import SERVER

READERS = ("kubectl", "kubectl-1.32", "python", "javascript")
EVERY = (*READERS, "helm")
USER = re.compile(r"system:serviceaccount:tka:tka-user-\S+")


ARGUMENTS = {
    "kubectl": ["--context", "rig", "get", "ns", "-o", "name"],
    "kubectl-1.32": ["--context", "rig", "get", "ns", "-o", "name"],
    "helm": ["--kube-context", "rig", "list", "--all-namespaces"],
    "python": ["rig"],
    "javascript": ["rig"],
}


@pytest.fixture
def call(world, obtain):
    """Runs a client as alice: what lists namespaces, or releases of helm."""
    def run(name, code=0, env=None, arguments=None):
        return world.run("alice", *obtain(name), *(arguments or ARGUMENTS[name]), code=code, env=env)
    return run


def change_kubeconfig(world, change):
    """change(user's exec, cluster) on what login has written."""
    path = kubeconfig(world)
    value = yaml.safe_load(path.read_text())
    change(next(item["user"]["exec"] for item in value["users"] if item["name"] == "rig"),
           next(item["cluster"] for item in value["clusters"] if item["name"] == "rig"))
    path.write_text(yaml.safe_dump(value))


# --- each of them ---

@pytest.mark.parametrize("name", EVERY)
def test_a_client_gets_in_and_its_second_run_asks_no_server(world, call, name):
    world.login("alice")
    cache_entry(world).unlink()
    before = requests(world)

    first = call(name)
    second = call(name)

    assert requests(world) == before + 1
    assert first.stdout == second.stdout and first.stderr == second.stderr == ""
    assert ("NAMESPACE" if name == "helm" else "namespace/tka") in first.stdout


@pytest.mark.parametrize("name", READERS)
def test_the_cluster_sees_the_session_behind_a_client(world, call, name):
    world.login("alice")
    whoami = ["--context", "rig", "auth", "whoami"] if name.startswith("kubectl") else None

    said = call(name, arguments=whoami).stdout

    assert USER.search(said)[0].endswith(world.signin()["metadata"]["name"])


@pytest.mark.parametrize("name", EVERY)
def test_a_client_may_ask_in_v1beta1(world, call, name):
    world.login("alice")
    change_kubeconfig(world, lambda user, _: user.update(apiVersion="client.authentication.k8s.io/v1beta1"))

    assert call(name).stderr == ""


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("warm", [True, False], ids=["from the cache", "from the server"])
def test_a_client_may_tell_of_its_cluster(world, call, name, warm):
    def tell(user, cluster):
        user["provideClusterInfo"] = True
        cluster.setdefault("extensions", []).append(
            {"name": "client.authentication.k8s.io/exec", "extension": {"tka": {"cluster": "rig", "more": [1, {}]}}})
    world.login("alice")
    change_kubeconfig(world, tell)
    if not warm:
        cache_entry(world).unlink()

    assert call(name).stderr == ""


@pytest.mark.parametrize("name", EVERY)
def test_a_client_shows_what_to_type_after_a_logout(world, call, name):
    world.login("alice")
    world.run("alice", "kubectl-tka", "logout")

    said = call(name, code=None)

    assert said.returncode != 0
    assert f'run "kubectl tka login {SERVER}"' in said.stdout + said.stderr


@pytest.mark.parametrize("name", EVERY)
def test_a_client_that_finds_no_plugin_is_told_what_to_install(world, call, name):
    world.login("alice")
    change_kubeconfig(world, lambda user, _: user.update(command="kubectl-tka-that-is-missing"))

    said = call(name, code=None)

    assert said.returncode != 0 and "kubectl-tka-that-is-missing" in said.stdout + said.stderr
    if name.startswith("kubectl") or name == "helm":
        assert "put kubectl-tka and kubectl-tka-remote into a folder of your PATH" in said.stderr


def test_helm_installs_and_removes_a_release(world, call):
    world.login("alice")
    chart = world.home("alice") / "chart"
    (chart / "templates").mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: chart\nversion: 0.1.0\n")
    (chart / "templates/map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-helm}\ndata: {a: b}\n")

    call("helm", arguments=["--kube-context", "rig", "-n", "default", "install", "one", chart])
    there = world.kube("/api/v1/namespaces/default/configmaps/from-helm")[0]
    call("helm", arguments=["--kube-context", "rig", "-n", "default", "uninstall", "one"])
    gone = world.kube("/api/v1/namespaces/default/configmaps/from-helm")[0]

    assert (there, gone) == (200, 404)


# --- kubectl alone ---

@pytest.mark.parametrize("entry, code", [("kubectl-tka", 0), ("path", 0), ("other-plugin", 1)])
def test_kubectl_runs_the_plugin_where_its_allowlist_names_it(world, call, entry, code):
    world.login("alice")
    path = world.home("alice") / "kuberc"
    named = str(world.rig.built_here() / "kubectl-tka") if entry == "path" else entry
    path.write_text(json.dumps({
        "apiVersion": "kubectl.config.k8s.io/v1beta1", "kind": "Preference",
        "credentialPluginPolicy": "Allowlist", "credentialPluginAllowlist": [{"command": named}]}))

    said = call("kubectl", code=code, env={"KUBERC": str(path)})

    path.unlink()
    assert code == 0 or "not permitted by the credential plugin allowlist" in said.stderr


def test_kubectl_that_waits_at_a_pipe_does_not_keep_the_plugin_waiting(world):
    world.login("alice")

    said = world.run("alice", "sh", "-c", "sleep 2 | kubectl --context rig get ns -o name; kill $! 2>/dev/null; :")

    assert "namespace/tka" in said.stdout


# --- the answer ---

@pytest.mark.parametrize("info", [
    None, EXEC_INFO,
    {**EXEC_INFO, "spec": {"interactive": False, "cluster": {
        "server": "https://x:6443", "certificate-authority-data": "QQ==" * 24000, "tls-server-name": "x",
        "proxy-url": "http://proxy:1", "disable-compression": True, "config": {"tka": {"cluster": "other"}}}}},
], ids=["told nothing", "told the least", "told of a cluster with a large CA"])
@pytest.mark.parametrize("warm", [True, False], ids=["from the cache", "from the server"])
def test_the_answer_is_one_line_that_fits_every_client(world, info, warm):
    world.login("alice")
    if not warm:
        cache_entry(world).unlink()

    said = plugin(world, info=info)

    assert len(said.stdout.encode()) < 4095 and "\n" not in said.stdout.rstrip("\n")
    assert said.stderr == ""
    answer = json.loads(said.stdout)
    assert answer["kind"] == "ExecCredential" and set(answer["status"]) == {"token", "expirationTimestamp"}


def test_the_arguments_need_no_quoting_in_any_shell(world):
    world.login("alice")

    assert all(re.fullmatch(r"[A-Za-z0-9_./:@,=+-]+", word) for word in stanza(world))


def test_neither_arguments_nor_kubeconfig_hold_a_secret(world):
    world.login("alice")
    token = json.loads(plugin(world).stdout)["status"]["token"]

    assert token not in kubeconfig(world).read_text() and token.split(".")[2] not in " ".join(stanza(world))


def test_several_clients_at_once_ask_the_server_once(world, obtain):
    world.login("alice")
    cache_entry(world).unlink()
    before = requests(world)
    line = " & ".join(" ".join([*obtain(name), *ARGUMENTS[name]]) + f" >/dev/null 2>out-{name} || echo {name} failed"
                      for name in EVERY)

    with contextlib.ExitStack() as cleaning:
        for name in EVERY:
            cleaning.callback((world.home("alice") / f"out-{name}").unlink, missing_ok=True)
        said = world.run("alice", "env", f"--chdir={world.home('alice')}", "sh", "-c", f"{line} & wait")

    assert said.stdout == "" and requests(world) == before + 1
    assert len(cache_entries(world)) == 1
    one_line(world.run("alice", "kubectl-tka", "credential", code=2))
