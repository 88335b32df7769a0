"""tka-server and tka-operator: bad flags, bad configuration, and a world around them that is not well."""

import os
import shutil
import socket

import pytest
import yaml

from cluster import SERVER as API_SERVER
from host import HUB_ADDRESS
from own_daemon import HEALTH, URL, VERBS, change, config_of, kubeconfig_for, own_daemon
from relay import reply
from stand_in_kube_apiserver import SERVER as STAND_IN, kube_status, stand_in_kube_apiserver
from stand_in_localapi import stand_in_localapi
from world import GROUP, eventually

BOTH = pytest.mark.parametrize("program", VERBS)
BASE = "tailscale: {port: 8124}\nclusterInfo: {apiEndpoint: 'https://api:6443'}\n"


def attempt(world, program, *argv, env=None, code=(1, 2, 3)):
    """A start that must fail at once: one line on stderr, which is returned."""
    said = world.run("admin", world.rig.built_here() / program, *argv, code=None, seconds=10, env=env)
    assert said.returncode in code and said.stdout == "", said
    assert said.stderr.count("\n") == 1 and said.stderr.startswith(program + ": "), said.stderr
    return said.stderr


def attempt_config(world, program, text):
    """The same with a configuration file of that text."""
    path = world.folder / "attempt.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        return attempt(world, program, VERBS[program], "--config", path)
    finally:
        path.unlink()


# --- flags ---

@BOTH
@pytest.mark.parametrize("argv, words", [
    (["frobnicate"], "frobnicate"), (["VERB", "--frobnicate"], "--frobnicate"),
    (["VERB", "--health-prot", "1"], "--health-port"), (["VERB", "--health-port"], "--health-port"),
    (["VERB", "--health-port", "0"], "0 is out of range"), (["VERB", "--health-port", "65536"], "65536"),
    (["VERB", "--health-port", "http"], '"http"'), (["VERB", "--log-level", "loud"], '"loud"'),
    (["VERB", "--max-period", "1 day"], "1 day"), (["VERB", "word"], '"word"'), (["version", "word"], '"word"'),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_usage_of_a_daemon_is_one_line_and_exit_2(world, program, argv, words):
    argv = [VERBS[program] if word == "VERB" else word for word in argv]

    assert words in attempt(world, program, *argv, code=(2,))


@BOTH
def test_a_daemon_without_a_word_shows_what_there_is_and_exits_2(world, program):
    said = world.run("admin", world.rig.built_here() / program, code=2, seconds=10)

    assert said.stdout == "" and VERBS[program] in said.stderr and "version" in said.stderr


@pytest.mark.parametrize("program, argv, first", [
    ("tka-server", "config --help", "tka-server COMMAND"), ("tka-server", "config schema -h", "tka-server COMMAND"),
    ("tka-server", "version --help", "tka-server COMMAND"), ("tka-server", "config check --help", "tka-server config check"),
    ("tka-operator", "drain --help", "tka-operator drain"), ("tka-operator", "run --help", "tka-operator run")])
def test_help_of_a_daemon_is_about_the_command_that_was_typed(world, program, argv, first):
    said = world.run("admin", world.rig.built_here() / program, *argv.split(), seconds=10)

    assert said.stdout.startswith(f"Usage: {first}") and said.stderr == ""


@BOTH
@pytest.mark.parametrize("argv", [["--help"], ["VERB", "--help"], ["version"]], ids=" ".join)
def test_help_and_version_of_a_daemon_need_nothing(world, program, argv):
    argv = [VERBS[program] if word == "VERB" else word for word in argv]

    said = world.run("lan", program, *argv)

    assert program in said.stdout and said.stderr == ""


# --- configuration ---

@BOTH
@pytest.mark.parametrize("text, words", [
    ("log: {level: [", "line "), ("log:\n  level: info\n  level: warn\n", "twice"), ("- a list", "keys and values"),
    ("log: loud", "log"), ("lgo: {level: info}", "lgo"), ("log: {leevel: info}", "level"),
    ("log: {level: loud}", "log.level"), ("log: {level: 5}", "log.level"), ("health: {port: 0}", "health.port"),
    ("health: {port: 1.5}", "health.port"), (BASE + "health: {address: 300.1.1.1}", "health.address"),
    ("operator: {roles: {a: b}}", "operator.roles"), ("operator: {namespace: Not_A_Name}", "operator.namespace"),
    ("server: {maxPeriod: forever}", "server.maxPeriod"), ("server: {maxPeriod: -1h}", "server.maxPeriod"),
    (BASE + "server: {minPeriod: 2h, maxPeriod: 1h}", "Period"),
    (b"\xff\xfe\x00", "attempt.yaml"), ("x: &a [*a]", "attempt.yaml"), ("a: " + "[" * 100000, "attempt.yaml"),
    ("x" * (2 << 20), "larger"),
], ids=["malformed", "a key twice", "a list", "a section that is a text", "unknown section", "unknown key",
        "no level", "a number for a level", "port 0", "half a port", "no address", "roles that are no list",
        "no namespace's name", "no duration", "a negative duration", "minimum above maximum", "binary", "a loop",
        "100000 deep", "2 MB"])
def test_a_bad_configuration_is_named_in_one_line(world, program, text, words):
    said = attempt_config(world, program, text)

    assert words in said


@BOTH
@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), os.mkfifo],
                         ids=["missing", "a folder", "a pipe"])
def test_a_configuration_that_cannot_be_read_is_named(world, program, make):
    path = world.folder / "unreadable.yaml"
    make(path)
    try:
        assert "unreadable.yaml" in attempt(world, program, VERBS[program], "--config", path)
    finally:
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("changes, words", [
    ({"operator__namespace": "tka-system"}, "tka-system"),
    ({"operator__roles": []}, "operator.roles"),
    ({"tailscale__port": 443, "server__tls__source": "off"}, "443"),
    ({"tailscale__port": 0}, "tailscale.port"),
    ({"tailscale__mode": "bridge"}, "userspace"),
    ({"tailscale__capName": "https://x"}, "tailscale.capName"),
    ({"tailscale__capName": []}, "tailscale.capName"),
    ({"clusterInfo__apiEndpoint": None}, "clusterInfo.apiEndpoint"),
    ({"clusterInfo__apiEndpoint": "http://10.77.0.1:6443"}, "clusterInfo.apiEndpoint"),
    ({"clusterInfo__caData": "not base64"}, "clusterInfo.caData"),
    ({"clusterInfo__caData": "bm8gUEVN"}, "clusterInfo.caData"),
    ({"health__address": "127.0.0.1"}, "health.address"),
    ({"health__address": "0.0.0.0"}, "health.address"),
    ({"health__address": "::"}, "health.address"),
    ({"health__port": 8080}, "8080"),
    ({"tailscale__port": 8123}, "8123"),
    ({"kubernetes__kubeconfig": "/nowhere/kubeconfig"}, "/nowhere/kubeconfig"),
], ids=["sessions beside the programs", "no role", "443 without TLS", "port 0", "no mode", "a URL for a capability",
        "no capability", "no API server", "an API server in plain HTTP", "a CA that is no base64",
        "a CA that is no PEM", "health where the tailnet is", "health everywhere", "health everywhere in IPv6",
        "a health port in use", "a port in use", "no kubeconfig"])
def test_a_server_that_would_be_unsafe_or_useless_does_not_start(world, changes, words):
    said = attempt_config(world, "tka-server", yaml.safe_dump(config_of(world, "tka-server", **changes)))

    assert words in said


@pytest.mark.parametrize("changes, words", [
    ({"operator__namespace": "tka-system"}, "tka-system"),
    ({"operator__roles": []}, "operator.roles"),
    ({"health__address": "127.0.0.1", "health__port": 8081}, "8081"),
    ({"kubernetes__kubeconfig": "/nowhere/kubeconfig"}, "/nowhere/kubeconfig"),
], ids=["sessions beside the programs", "no role", "a health port in use", "no kubeconfig"])
def test_an_operator_that_would_be_unsafe_or_useless_does_not_start(world, changes, words):
    said = attempt_config(world, "tka-operator", yaml.safe_dump(config_of(world, "tka-operator", **changes)))

    assert words in said


@BOTH
@pytest.mark.parametrize("change_it, words", [
    (lambda value: "{", "line"),
    (lambda value: change(value, {"current-context": "other"}), "other"),
    (lambda value: change(value, {"current-context": None}), "current-context"),
    (lambda value: {**value, "clusters": []}, "rig"),
    (lambda value: {**value, "clusters": [{"name": "rig", "cluster": {"server": "http://10.77.0.1:6443"}}]}, "https"),
    (lambda value: {**value, "clusters": [{"name": "rig", "cluster": {
        "server": API_SERVER, "certificate-authority": "/nowhere/ca.crt"}}]}, "/nowhere/ca.crt"),
    (lambda value: {**value, "users": [{"name": "rig", "user": {"tokenFile": "/nowhere/token"}}]}, "/nowhere/token"),
    (lambda value: {**value, "users": [{"name": "rig", "user": {"exec": {"command": "true"}}}]}, "exec"),
], ids=["malformed", "no such context", "no context", "no cluster", "plain HTTP", "no CA file", "no token file",
        "an exec plugin"])
def test_a_bad_kubeconfig_is_named_in_one_line(world, program, change_it, words):
    folder = world.folder / "bad-kubeconfig"
    path = kubeconfig_for(world, program, API_SERVER, folder)
    value = change_it(yaml.safe_load((folder / "kubeconfig").read_text()))
    (folder / "kubeconfig").write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    config = config_of(world, program, kubernetes__kubeconfig=path)

    said = attempt_config(world, program, yaml.safe_dump(config))

    shutil.rmtree(folder)
    assert words in said


@BOTH
def test_a_flag_wins_over_the_environment_and_that_over_the_file(world, program):
    """Told by which of three ports, all of them in use, it cannot have."""
    path = world.folder / "precedence.yaml"
    path.write_text(yaml.safe_dump(config_of(world, program, health__port=8101)))
    argv = [VERBS[program], "--config", path]
    with world.rig.host.inside(world.rig.host.namespace("hub")):
        taken = [socket.create_server((HEALTH[0], port)) for port in (8101, 8102, 8103)]

    in_file = attempt(world, program, *argv)
    in_environment = attempt(world, program, *argv, env={"TKA_HEALTH_PORT": "8102"})
    in_flag = attempt(world, program, *argv, "--health-port", "8103", env={"TKA_HEALTH_PORT": "8102"})

    for listener in taken:
        listener.close()
    path.unlink()
    assert "8101" in in_file and "8102" in in_environment and "8103" in in_flag


# --- things that are not there yet ---

@BOTH
def test_a_daemon_started_before_the_api_server_waits_for_it_and_says_so(world, program):
    folder = world.folder / "through-stand-in"
    config = config_of(world, program, kubernetes__kubeconfig=kubeconfig_for(world, program, STAND_IN, folder))
    with own_daemon(world, program, config) as daemon:
        said = daemon.await_status(503, "10.77.0.1")
        assert daemon.probe("/livez")[0] == 200, said
        with stand_in_kube_apiserver(world):
            daemon.await_status(200, seconds=45)
    shutil.rmtree(folder)


@BOTH
@pytest.mark.parametrize("answer", [reply(404, "404 page not found\n", "text/plain"),
                                    kube_status(404, "NotFound", "the server could not find the requested resource")],
                         ids=["as text", "as a Status"])
def test_a_missing_or_older_crd_is_told_and_its_coming_noticed(world, program, answer):
    folder = world.folder / "through-stand-in"
    config = config_of(world, program, kubernetes__kubeconfig=kubeconfig_for(world, program, STAND_IN, folder))
    with stand_in_kube_apiserver(world) as api, own_daemon(world, program, config) as daemon:
        with api.instead("tkasignins", answer):
            eventually("it has asked", lambda: any("tkasignins" in line for line in api.seen))
            daemon.await_status(503, "tkasignins")
        daemon.await_status(200, seconds=45)
    shutil.rmtree(folder)


def test_a_server_started_before_tailscaled_waits_for_it_and_says_so(world):
    (world.folder / "localapi").mkdir(exist_ok=True)
    config = config_of(world, "tka-server", tailscale__socket=str(world.folder / "localapi/s"), tailscale__mode="auto")
    with own_daemon(world, "tka-server", config) as daemon:
        said = daemon.await_status(503, "tailscaled")
        assert "localapi/s" in said or "socket" in said or "tailscaled" in said
        assert daemon.probe("/livez")[0] == 200
        with stand_in_localapi(world, "tka"):
            daemon.await_status(200, seconds=30)
            assert world.ask("alice", "POST", "credential", url=URL).status == 200


def test_a_server_in_auto_mode_does_not_listen_where_the_tailnet_would_reach_its_health(world):
    config = config_of(world, "tka-server", tailscale__mode="auto", health__address="127.0.0.1")

    path = world.folder / "auto.yaml"
    path.write_text(yaml.safe_dump(config))

    said = world.run("admin", world.rig.built_here() / "tka-server", "serve", "--config", path, code=2, seconds=10)

    path.unlink()
    assert "health.address" in said.stderr.splitlines()[-1]


# --- in the cluster ---

IN_POD = ("mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && "
          "mount --bind \"$1\" /run/secrets/kubernetes.io/serviceaccount && shift && exec \"$@\"")


def pod_environment(world, folder):
    return {"PATH": world.rig.admin_env()["PATH"], "HOME": str(folder),
            "KUBERNETES_SERVICE_HOST": HUB_ADDRESS, "KUBERNETES_SERVICE_PORT": "6443"}


@BOTH
def test_in_a_pod_a_daemon_needs_no_kubeconfig(world, program):
    account = world.folder / program.removeprefix("tka-")
    config = config_of(world, program, kubernetes__kubeconfig=None, kubernetes__namespace=None)
    with own_daemon(world, program, config, wrap=["sh", "-c", IN_POD, "pod", account],
                    env=pod_environment(world, account)) as daemon:
        daemon.await_status(200, seconds=20)
        assert daemon.log_lines(release_namespace="tka-system") or program == "tka-operator"
        if program == "tka-server":
            assert world.ask("alice", "POST", "credential", url=URL).status == 200


@BOTH
def test_in_a_pod_sessions_beside_the_programs_are_refused_too(world, program):
    account = world.folder / program.removeprefix("tka-")
    config = config_of(world, program, kubernetes__kubeconfig=None, kubernetes__namespace=None,
                       operator__namespace="tka-system")
    path = world.folder / "pod.yaml"
    path.write_text(yaml.safe_dump(config))
    env = pod_environment(world, account)

    said = world.run("admin", "env", "-i", *(f"{key}={value}" for key, value in env.items()),
                     "sh", "-c", IN_POD, "pod", account, world.rig.built_here() / program, VERBS[program],
                     "--config", path, code=None, seconds=10)

    path.unlink()
    assert said.returncode in (1, 2) and "tka-system" in said.stderr


@BOTH
def test_without_a_kubeconfig_and_outside_of_a_pod_a_daemon_says_what_is_missing(world, program):
    config = config_of(world, program, kubernetes__kubeconfig=None)
    path = world.folder / "nowhere.yaml"
    path.write_text(yaml.safe_dump(config))

    said = world.run("admin", "env", "-i", "HOME=/nowhere", world.rig.built_here() / program, VERBS[program],
                     "--config", path, code=None, seconds=10)

    path.unlink()
    assert said.returncode in (1, 2) and said.stderr.count("\n") == 1 and "kubeconfig" in said.stderr, said


def test_nothing_of_the_daemons_listens_where_the_lan_is(world):
    """The rig's server in userspace mode, its health and the operator's, as the LAN would reach them."""
    for port in (8123, 8080, 8081):
        with world.rig.host.inside(world.rig.host.namespace("lan")):
            stream = socket.socket()
        with stream:
            stream.settimeout(2)
            if port == 8080:
                continue  # that is the rig's control plane
            assert stream.connect_ex((HUB_ADDRESS, port)) != 0, port


def test_the_collection_that_is_watched_is_the_session_namespace_alone(world):
    assert GROUP.endswith("/namespaces/tka/tkasignins")
    for name in ("tka-server", "tka-operator"):
        refused = world.run("admin", "kubectl", "auth", "can-i", "list", "secrets", "-n", "tka",
                            f"--as=system:serviceaccount:tka-system:{name}", code=1)
        assert "no" in refused.stdout
