"""kubectl-tka: what people and kubectl see of it, and what it makes of bad input."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
import yaml

from daemons import SERVER_HEALTH
from host import ask, frozen
from needed import missing
from relay import CLOSE, HANG, Relay, reply
from tailnet import PORT
from world import SERVER, SERVER_TUN, eventually, rule

EXEC_INFO = {"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "spec": {"interactive": False}}
LAN = "10.77.0.20"
NEW_PARENT = ("sh", "-c", '"$@"; exit $?', "client")


def stanza(world, node="alice", context="rig"):
    """What the kubeconfig tells kubectl to run: a command and its arguments."""
    config = yaml.safe_load((world.home(node) / ".kube/config").read_text())
    user = next(item["user"]["exec"] for item in config["users"] if item["name"] == context)
    return [user["command"], *user["args"]]


def plugin(world, node="alice", info=EXEC_INFO, context="rig", code=0, env=None, prefix=()):
    """The plugin, run as kubectl runs it: by another process each time."""
    variables = {} if info is None else {"KUBERNETES_EXEC_INFO": info if isinstance(info, str) else json.dumps(info)}
    return world.run(node, *NEW_PARENT, *prefix, *stanza(world, node, context), code=code, env={**variables, **(env or {})})


def one_line(said):
    """What a refusal looks like: one line on stderr, and nothing on stdout."""
    assert said.stdout == "", said.stdout
    assert said.stderr.count("\n") == 1 and said.stderr.startswith("kubectl-tka: "), said.stderr
    assert "\x1b" not in said.stderr
    return said.stderr


def cache_entries(world, node="alice"):
    return sorted(path for place in (".cache/tka", "run/tka") for path in (world.home(node) / place).glob("*.json"))


def marks(world, node="alice"):
    return [path for path in (world.home(node) / ".local/state/tka").glob("*.json") if path.name != "known.json"]


def cache_entry(world, node="alice"):
    entries = cache_entries(world, node)
    assert len(entries) == 1, entries
    return entries[0]


def edit_entry(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def all_requests(world, **fields):
    """Requests that the server has answered: each is logged before the next, which is ours, is."""
    assert ask(world.rig.host.http("hub", SERVER_HEALTH), "/livez")[0] == 200
    return len(world.log_lines("server", msg="request", **fields))


def requests(world):
    """Those for a credential."""
    return all_requests(world, route="/api/v1alpha1/credential")


def kubeconfig(world, node="alice"):
    return world.home(node) / ".kube/config"


# --- usage ---

@pytest.mark.parametrize("argv, words", [
    (["frobnicate"], "frobnicate"),
    (["logn"], "login"),
    (["login", "--rolle", "view"], "--role"),
    (["login", "a", "b"], '"b"'),
    (["login", "--for", "soon"], "soon"),
    (["login", "--for", "0s"], "0s"),
    (["login", "--port", "0"], "0 is out of range"),
    (["login", "--role"], "--role"),
    (["login", "--config"], "--config"),
    (["login", "--cache", "cloud"], "cloud"),
    (["login", "http://tka:8123/path"], "path"),
    (["login", "ftp://tka"], "ftp://tka"),
    (["login", "http://"], "http://"),
    (["credential"], "--server"),
    (["credential", "--server", "http://tka:8123"], "--ca-hash"),
    (["version", "-o", "xml"], "xml"),
    (["get", "nothing"], "get nothing"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_usage_is_one_line_and_exit_2(world, argv, words):
    assert words in one_line(world.run("alice", "kubectl-tka", *argv, code=2))


@pytest.mark.parametrize("argv", [["--help"], ["help"], ["login", "--help"], ["logout", "-h"], ["credential", "--help"],
                                  ["get", "login", "--help"]], ids=" ".join)
def test_help_goes_to_stdout_and_is_no_failure(world, argv):
    said = world.run("alice", "kubectl-tka", *argv)

    assert "kubectl tka" in said.stdout and said.stderr == ""


def test_version_needs_no_server(world):
    assert world.run("lan", "kubectl-tka", "version").stdout.startswith("kubectl-tka")
    assert json.loads(world.run("lan", "kubectl-tka", "version", "-o", "json").stdout)["version"]


# --- the configuration file ---

@pytest.mark.parametrize("text, words", [
    ("tailscale: {port: [", "line "),
    ("tailscale: {prot: 1}", "port"),
    ("tailscale: {port: many}", "tailscale.port"),
    ("tailscale: {port: 70000}", "70000"),
    ("- a list", "keys and values"),
    ("cache: cloud", "cloud"),
    ("x" * (2 << 20), "larger"),
], ids=["malformed", "unknown key", "no number", "out of range", "a list", "not one of the choices", "2 MB"])
def test_a_bad_config_file_is_named_in_one_line(world, text, words):
    path = world.home("alice") / "bad.yaml"
    path.write_text(text)

    said = one_line(world.run("alice", "kubectl-tka", "login", "--config", path, SERVER, code=2))

    path.unlink()
    assert "bad.yaml" in said and words in said


def test_a_config_file_that_was_named_must_exist(world):
    said = world.run("alice", "kubectl-tka", "login", "--config", "/nowhere/tka.yaml", SERVER, code=None)

    assert said.returncode in (1, 2) and "/nowhere/tka.yaml" in one_line(said)


def test_the_config_file_of_the_home_says_where_the_server_is(world):
    path = world.home("alice") / ".config/tka/config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("tailscale:\n  hostname: tka\n  port: 8123\n")

    world.run("alice", "kubectl-tka", "login")

    assert world.signins(username="alice@example.com")


def test_a_config_file_in_the_current_folder_is_never_read(world):
    folder = world.home("alice") / "work"
    folder.mkdir(exist_ok=True)
    for name in ("config.yaml", "tka.yaml", ".tka.yaml"):
        (folder / name).write_text("not: [even yaml")

    world.run("alice", "env", f"--chdir={folder}", "kubectl-tka", "login", SERVER)


# --- a server that is not there, or not one ---

@pytest.mark.parametrize("url, code", [
    ("http://tka:9", 3), ("http://no-such-host:8123", 3), ("http://no-such-host.tailnet.test:8123", 3),
    ("http://carol:8123", 4), (f"http://{LAN}:8123", 4), ("http://127.0.0.1:8123", 4), ("https://tka:8123", 3),
], ids=["no listener", "no host", "no host in the domain", "no server's tag", "in the LAN", "this machine",
        "https where there is none"])
def test_a_login_to_what_is_no_server_fails_in_one_line(world, url, code):
    said = one_line(world.login("alice", url, code=code))

    assert url.split("/")[2].split(":")[0] in said
    assert not kubeconfig(world).exists()


@contextlib.contextmanager
def recording_listener(world, namespace, address):
    """A TCP listener; gives the list of what connections sent."""
    got = []

    def answer(stream):
        with contextlib.suppress(OSError), stream:
            stream.settimeout(2)
            got.append(stream.recv(65536))
    with world.rig.host.inside(world.rig.host.namespace(namespace)):
        listener = socket.create_server(address)
    relay = Relay(listener, None)
    relay.serve = answer
    try:
        yield got
    finally:
        relay.stop()


@contextlib.contextmanager
def relay_at(world, namespace, address):
    """What passes requests on to the real server, and answers as it is told."""
    with world.rig.host.inside(world.rig.host.namespace(namespace)):
        listener = socket.create_server(address)
    real = (world.rig.tailnet.address("tka"), PORT)
    relay = Relay(listener, lambda: world.rig.host.connect("alice", real))
    try:
        yield relay
    finally:
        relay.stop()


@pytest.fixture
def false_server(world):
    """One that listens in the server's node, and so is where a server may be."""
    with relay_at(world, "hub", ("127.0.0.1", 8125)) as relay:
        yield relay


FALSE_ANSWERS = {
    "HTML": (reply(200, "<html>hello</html>", "text/html"), 2),
    "HTML 502": (reply(502, "<html>bad gateway</html>", "text/html"), 3),
    "an empty object": (reply(200, "{}"), 2),
    "cut JSON": (reply(200, '{"server_url": "htt'), 2),
    "an API server in plain HTTP": (reply(200, json.dumps({"server_url": "http://10.77.0.1:6443", "ca_data": ""})), 2),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", None),
    "20 MB": (reply(200, "x" * (20 << 20)), None),
    "401": (reply(401, '{"message": "who?"}'), 5),
    "403 with control characters": (reply(403, json.dumps({"message": "no\x1b[31m\nkubectl-tka: yes\x07"})), 4),
    "429": (reply(429, '{"message": "slow down"}', Retry_After="1"), 3),
    "500": (reply(500, '{"message": "oh"}'), 1),
    "hanging up": (CLOSE, 3),
}


@pytest.mark.parametrize("answer, code", FALSE_ANSWERS.values(), ids=FALSE_ANSWERS)
@pytest.mark.parametrize("path", ["cluster-info", "credential"])
def test_a_server_that_answers_nonsense_is_one_line_and_no_kubeconfig(world, false_server, path, answer, code):
    with false_server.instead(path, answer):
        said = world.login("alice", "http://tka:8125", code=None)

    one_line(said)
    assert said.returncode == code or (code is None and said.returncode in (1, 2, 3)), said
    assert not kubeconfig(world).exists() and not cache_entries(world)


def test_a_redirect_of_the_server_leads_nowhere(world, false_server):
    with recording_listener(world, "lan", (LAN, PORT)) as got, \
            false_server.instead(".", reply(307, "", Location=f"http://{LAN}:{PORT}/")):
        said = world.login("alice", "http://tka:8125", code=None)

    assert said.returncode != 0 and got == []


def test_a_server_that_says_nothing_is_given_up_on(world, false_server):
    world.login("alice", "http://tka:8125")
    for path in cache_entries(world):
        path.unlink()
    with false_server.instead("credential", HANG):
        said = plugin(world, code=3)

    one_line(said)


# --- the plugin ---

@pytest.mark.parametrize("info, version", [
    (None, "v1"),
    ("", "v1"),
    (EXEC_INFO, "v1"),
    ({**EXEC_INFO, "apiVersion": "client.authentication.k8s.io/v1beta1"}, "v1beta1"),
    ({**EXEC_INFO, "spec": {"interactive": True, "cluster": {"server": "https://x", "new": [1]}}, "new": {}}, "v1"),
    ({"spec": {}}, "v1"),
    (json.dumps(EXEC_INFO) + "\n", "v1"),
], ids=["missing", "empty", "v1", "v1beta1", "unknown fields", "no version", "a newline after it"])
@pytest.mark.parametrize("warm", [True, False], ids=["from the cache", "from the server"])
def test_the_plugin_answers_in_the_version_it_is_asked_in(world, info, version, warm):
    world.login("alice")
    if not warm:
        cache_entry(world).unlink()

    said = plugin(world, info=info)

    answer = json.loads(said.stdout)
    assert said.stderr == "" and said.stdout.count("\n") <= 1
    assert answer["apiVersion"] == f"client.authentication.k8s.io/{version}" and answer["kind"] == "ExecCredential"
    assert answer["status"]["token"].startswith("eyJ") and answer["status"]["expirationTimestamp"].endswith("Z")


@pytest.mark.parametrize("info", ["{", "[]", '{"apiVersion": "client.authentication.k8s.io/v1alpha1"}',
                                  '{"apiVersion": "v2"}'], ids=["cut", "a list", "v1alpha1", "v2"])
def test_the_plugin_refuses_what_it_cannot_answer(world, info):
    world.login("alice")

    assert "KUBERNETES_EXEC_INFO" in one_line(plugin(world, info=info, code=2))


def test_the_plugin_never_reads_stdin(world):
    world.login("alice")
    reading, writing = os.pipe()
    line = world.rig.node_argv("alice", stanza(world))

    done = subprocess.run(line, env=world.rig.node_env("alice"), stdin=reading, capture_output=True, timeout=10,
                          check=True)

    os.close(reading)
    os.close(writing)
    assert b"token" in done.stdout


def test_a_token_is_printed_by_the_plugin_alone(world):
    said = [world.login("alice"), world.run("alice", "kubectl-tka", "get", "login"),
            world.run("alice", "kubectl-tka", "get", "login", "-o", "json"),
            world.run("alice", "kubectl-tka", "logout")]

    assert all("eyJ" not in each.stdout + each.stderr for each in said)


BROKEN_ENTRIES = {
    "empty": lambda path: path.write_text(""),
    "cut": lambda path: path.write_text(path.read_text()[:200]),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "10 MB": lambda path: path.write_text("{" + " " * (10 << 20) + "}"),
    "no token": lambda path: edit_entry(path, token=""),
    "a token of two lines": lambda path: edit_entry(path, token="eyJ\nx"),
    "for another cluster": lambda path: edit_entry(path, cluster="other"),
    "for another server": lambda path: edit_entry(path, server="http://other:8123"),
    "of a newer version": lambda path: edit_entry(path, version=99),
    "of another node": lambda path: edit_entry(path, addresses="100.64.0.99"),
    "ended": lambda path: edit_entry(path, expires=1, until=1),
    "from the future": lambda path: edit_entry(path, fetched_at=int(time.time()) + 3600),
    "numbers of another world": lambda path: edit_entry(path, expires=1 << 62, clock_offset=1 << 62),
    "readable by all": lambda path: path.chmod(0o644),
    "of somebody else": lambda path: os.chown(path, 65534, 65534),
    "a symbolic link": lambda path: path.symlink_to(path.rename(path.with_name("real"))),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("how", BROKEN_ENTRIES)
def test_a_cache_entry_that_cannot_be_trusted_is_fetched_anew_in_silence(world, how):
    world.login("alice")
    path = cache_entry(world)
    try:
        BROKEN_ENTRIES[how](path)
    except PermissionError:
        missing("only root gives a file away")
    before = requests(world)

    said = plugin(world)

    assert said.stderr == "" and json.loads(said.stdout)["status"]["token"].startswith("eyJ")
    assert requests(world) == before + 1
    if how != "a folder":
        assert stat.S_ISREG(path.lstat().st_mode) and stat.S_IMODE(path.lstat().st_mode) == 0o600
        plugin(world)
        assert requests(world) == before + 1


def test_the_cache_is_private(world):
    world.login("alice")
    path = cache_entry(world)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_cache_that_is_off_holds_nothing(world):
    world.login("alice", SERVER, "--cache", "none")
    before = requests(world)

    plugin(world)

    assert requests(world) == before + 1
    assert not cache_entries(world)


def test_where_nothing_can_be_kept_the_token_still_serves(world):
    world.login("alice")
    before = requests(world)

    said = plugin(world, env={"XDG_CACHE_HOME": "/proc/nowhere", "XDG_RUNTIME_DIR": "/nowhere"})

    assert json.loads(said.stdout)["status"]["token"] and said.stderr == "" and requests(world) == before + 1


def test_many_cold_calls_at_once_are_one_request(world):
    world.login("alice")
    cache_entry(world).unlink()
    before = requests(world)

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        said = list(pool.map(lambda _: plugin(world), range(20)))

    assert len({json.loads(each.stdout)["status"]["token"] for each in said}) == 1
    assert requests(world) == before + 1


def test_a_cached_token_serves_while_the_server_is_down(world):
    world.login("alice", SERVER, "--use")
    with world.stopped("server"):
        assert "namespace/tka" in world.run("alice", "kubectl", "get", "ns", "-o", "name").stdout


def test_a_token_due_for_renewal_serves_while_the_server_is_down(world):
    world.login("alice")
    edit_entry(cache_entry(world), period_seconds=360000)
    before = requests(world)
    plugin(world)
    assert requests(world) == before + 1, "it was not due"

    edit_entry(cache_entry(world), period_seconds=360000)
    with world.stopped("server"):
        said = plugin(world)

    assert json.loads(said.stdout)["status"]["token"] and said.stderr == ""


def test_a_token_due_for_renewal_is_not_served_to_whom_the_server_refuses(world):
    world.login("bob")
    edit_entry(cache_entry(world, "bob"), period_seconds=360000)
    with world.policy(alice=[rule("view")]):
        said = one_line(plugin(world, "bob", code=4))

    assert "User not authorized" in said


def test_the_second_program_is_found_beside_the_first_and_never_by_path(world):
    world.login("alice")
    cache_entry(world).unlink()
    trap = world.home("alice") / "trap"
    trap.mkdir(exist_ok=True)
    (trap / "kubectl-tka-remote").write_text("#!/bin/sh\necho caught >&2\nexit 9\n")
    (trap / "kubectl-tka-remote").chmod(0o755)
    path = world.rig.node_env("alice")["PATH"]

    assert plugin(world, env={"PATH": f"{trap}:{path}"}).stderr == ""


def test_a_hit_maps_libc_and_jansson_alone(world):
    world.login("alice")
    plugin(world)

    said = plugin(world, prefix=["env", "LD_DEBUG=files"])

    libraries = {pathlib.Path(path).name.split(".so")[0]
                 for path in re.findall(r"calling init: (\S+)", said.stderr)}
    assert libraries <= {"libc", "libjansson", "libm", "ld-linux-x86-64", "ld-linux-aarch64"}, libraries


@pytest.mark.parametrize("flag", ["--context-name", "--node-id"])
def test_what_a_kubeconfig_cannot_hold_is_refused_before_anything_is_begun(world, flag):
    said = world.run("alice", "sh", "-c", f"kubectl-tka login {SERVER} {flag} $(printf 'a\\377')", code=2)

    assert flag in one_line(said) and "UTF-8" in said.stderr and not world.signins()
    assert not kubeconfig(world).exists()


# --- signing out ---

def test_after_logout_kubectl_says_so_instead_of_signing_in(world):
    world.login("alice", SERVER, "--use")
    world.run("alice", "kubectl", "tka", "logout")

    said = plugin(world, code=5)
    kubectl = world.run("alice", "kubectl", "get", "ns", code=1)

    assert one_line(said) == f'kubectl-tka: not signed in to rig: run "kubectl tka login {SERVER}"\n'
    assert said.stderr.strip() in kubectl.stderr
    assert not world.signins() and not cache_entries(world)


def test_login_after_logout_signs_in_again(world):
    world.login("alice")
    world.run("alice", "kubectl", "tka", "logout")

    world.login("alice")

    assert json.loads(plugin(world).stdout)["status"]["token"]


def test_logout_while_the_server_is_down_forgets_here_and_says_that_the_session_lives(world):
    world.login("alice")
    with world.stopped("server"):
        said = one_line(world.run("alice", "kubectl-tka", "logout", code=3))
        assert "session lives" in said
        assert not cache_entries(world)
        one_line(plugin(world, code=5))
    assert world.signins()


def test_a_logout_that_cannot_be_noted_here_still_ends_the_session_and_forgets_the_token(world):
    world.login("alice")

    said = world.run("alice", "kubectl-tka", "logout", code=None, env={"XDG_STATE_HOME": "/proc"})

    assert said.returncode != 0 and "not noted here" in said.stderr and "session lives" not in said.stderr
    assert not cache_entries(world) and not world.signins()


def frozen_server(world):
    pid, _ = world.rig.host.process("server")
    return frozen(pid)


def has_asked(world):
    """Whether somebody of alice's waits for the server."""
    return f":{PORT}" in world.run("alice", "ss", "-Htn", "state", "established").stdout


def test_a_token_that_comes_after_a_logout_is_neither_kept_nor_served(world):
    world.login("alice")
    cache_entry(world).unlink()
    eventually("nobody asks", lambda: not has_asked(world))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with frozen_server(world):
            asking = pool.submit(plugin, world, code=None)
            eventually("the plugin has asked", lambda: has_asked(world), 5)
            leaving = pool.submit(world.run, "alice", "kubectl-tka", "logout")
            eventually("the logout is noted", lambda: marks(world), 5)
        said = asking.result()
        leaving.result()

    assert said.returncode == 5 and "kubectl tka login" in one_line(said)
    assert not cache_entries(world) and not world.signins()


def test_a_token_that_a_refresh_brings_after_a_logout_is_not_kept(world):
    world.login("alice")
    eventually("nobody asks", lambda: not has_asked(world))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with frozen_server(world):
            asking = pool.submit(world.run, "alice", "kubectl-tka", "refresh", code=None)
            eventually("the refresh has asked", lambda: has_asked(world), 5)
            leaving = pool.submit(world.run, "alice", "kubectl-tka", "logout")
            eventually("the logout is noted", lambda: marks(world), 5)
        said = asking.result()
        leaving.result()

    assert said.returncode == 5 and said.stdout == ""
    assert not cache_entries(world) and not world.signins()


@pytest.mark.parametrize("argv", [[SERVER], ["--all"]], ids=["of the server", "of all"])
def test_a_logout_reaches_what_other_kubeconfigs_signed_in_to(world, argv):
    other = world.home("alice") / "run/other.yaml"
    other.write_text(world.login("alice", SERVER, "--stdout").stdout)
    get = ("alice", "kubectl", "--kubeconfig", other, "get", "ns")
    world.run(*get)

    said = world.run("alice", "kubectl-tka", "logout", *argv)

    assert "Signed out of" in said.stdout and not cache_entries(world) and not world.signins()
    assert "kubectl tka login" in world.run(*get, code=1).stderr and not world.signins()
    other.unlink()


@pytest.fixture
def elsewhere(world):
    """A login whose context stands in a kubeconfig that the commands after it do not look into."""
    other = world.home("alice") / "run/other.yaml"
    world.login("alice", SERVER, "--kubeconfig", other)
    yield other
    other.unlink(missing_ok=True)


@pytest.mark.parametrize("argv", [["refresh"], ["access"], ["get", "login"], ["cluster-info"], ["kubeconfig"],
                                  ["kubeconfig", "--token"], ["login"], ["doctor"], ["logout"]], ids=" ".join)
def test_a_cluster_that_status_knows_is_one_to_every_command(world, elsewhere, argv):
    assert "rig" in world.run("alice", "kubectl-tka", "status", "rig").stdout

    said = world.run("alice", "kubectl-tka", *argv, "rig", code=None)

    assert "https://rig" not in said.stdout + said.stderr
    assert said.returncode == 0 or (argv == ["doctor"] and "rig answers at" in said.stdout), said.stderr


def test_a_program_runs_at_a_cluster_that_another_kubeconfig_signed_in_to(world, elsewhere):
    world.run("alice", "kubectl-tka", "exec", "rig", "--", "kubectl", "get", "ns")


def test_a_context_of_another_kubeconfig_is_logged_out_by_its_name_and_stays_there(world, elsewhere):
    world.login("alice", SERVER, "--role", "view", "--kubeconfig", elsewhere)
    before = elsewhere.read_text()

    world.run("alice", "kubectl-tka", "logout", "rig!view", "--forget")

    assert [signin["spec"]["role"] for signin in world.signins()] == ["cluster-admin"] and elsewhere.read_text() == before
    world.run("alice", "kubectl-tka", "logout", "rig")
    assert not world.signins() and not cache_entries(world)


def test_the_kubeconfig_counts_before_what_another_has_by_the_same_name(world):
    other = world.home("alice") / "run/other.yaml"
    world.login("alice", SERVER)
    world.login("alice", SERVER_TUN, "--kubeconfig", other)
    other.unlink()

    said = world.run("alice", "kubectl-tka", "logout", "rig", "-o", "json")

    assert [row["server"] for row in json.loads(said.stdout)] == [SERVER]


def test_a_logout_goes_by_the_clock_of_the_server_for_a_session_and_by_ours_for_people(world):
    world.login("alice")
    path, now = cache_entry(world), int(time.time())
    edit_entry(path, clock_offset=-7200, expires=now - 7200 - 60, until=now - 7200 + 1800)
    with world.stopped("server"):
        said = world.run("alice", "kubectl-tka", "logout", code=3)

    assert time.strftime("until %FT%TZ", time.gmtime(now + 1800)) in said.stderr


def test_a_logout_of_all_ends_what_has_ended_by_our_clock_alone(world):
    other = world.home("alice") / "run/other.yaml"
    other.write_text(world.login("alice", SERVER, "--stdout").stdout)
    now = int(time.time())
    edit_entry(cache_entry(world), clock_offset=-7200, expires=now - 7200 - 60, until=now - 7200 + 1800)

    assert "Signed out of" in world.run("alice", "kubectl-tka", "logout", "--all").stdout and not world.signins()
    other.unlink()


def test_a_logout_that_crashes_leaves_no_core_file(world):
    world.login("alice")
    eventually("nobody asks", lambda: not has_asked(world))
    argv = ["prlimit", "--core=unlimited", *world.rig.node_argv("alice", ["kubectl-tka", "logout"])]
    with frozen_server(world):
        pid = os.posix_spawnp(argv[0], [str(word) for word in argv], world.rig.node_env("alice"))
        eventually("the server is asked", lambda: has_asked(world), 5)
        os.kill(pid, signal.SIGABRT)
        status = os.waitpid(pid, 0)[1]

    assert os.WTERMSIG(status) == signal.SIGABRT and not os.WCOREDUMP(status)


def test_logging_out_twice_is_no_failure(world):
    world.login("alice")

    assert "Signed out of rig" in world.run("alice", "kubectl-tka", "logout").stdout
    assert "no session" in world.run("alice", "kubectl-tka", "logout").stdout


def test_get_login_shows_the_session_and_exits_5_without_one(world):
    said = one_line(world.run("alice", "kubectl-tka", "get", "login", SERVER, code=5))
    assert "not signed in" in said.lower()

    world.login("alice")

    shown = json.loads(world.run("alice", "kubectl-tka", "get", "login", "-o", "json").stdout)
    assert (shown["username"], shown["role"], shown["provisioned"]) == ("alice@example.com", "cluster-admin", True)
    assert "cluster-admin" in world.run("alice", "kubectl-tka", "get", "login").stdout


def test_a_login_with_a_role_has_a_context_of_its_own(world):
    world.login("alice")
    world.login("alice", SERVER, "--role", "view")

    refused = world.run("alice", "kubectl", "--context", "rig!view", "auth", "can-i", "delete", "ns", code=1)
    granted = world.run("alice", "kubectl", "--context", "rig", "auth", "can-i", "delete", "ns")

    assert "no" in refused.stdout and "yes" in granted.stdout


def test_a_login_for_a_while_ends_and_is_not_renewed(world):
    world.login("alice", SERVER, "--for", "6s")
    uid = world.signin()["metadata"]["uid"]
    world.await_gone(uid, 20)
    before = requests(world)

    said = one_line(plugin(world, code=5))

    assert "kubectl tka login" in said and requests(world) == before and not world.signins()


def test_a_reason_reaches_the_record_and_the_audit_log(world):
    world.login("alice", SERVER, "--reason", "disk full on node 7")

    assert world.signin()["spec"]["reason"] == "disk full on node 7"
    assert world.log_lines("server", audit=True, reason="disk full on node 7")


def test_who_may_not_is_told_why_with_exit_4(world):
    said = one_line(world.login("carol", code=4))

    assert "User not authorized" in said and not kubeconfig(world, "carol").exists()


# --- the kubeconfig ---

OTHERS = """\
# my clusters
apiVersion: v1
kind: Config
preferences: {colors: true}   # kept
current-context: other
future-field: {a: [1, 2]}
clusters:
- name: other                 # the old one
  cluster:
    server: https://other:6443
    future: "yes"
contexts:
- {name: other, context: {cluster: other, user: other}}
users:
# a user of mine
- name: other
  user:
    token: "secret"
"""


def test_a_login_keeps_what_else_stands_in_the_kubeconfig(world):
    kubeconfig(world).write_text(OTHERS)
    kubeconfig(world).chmod(0o640)

    world.login("alice")

    text = kubeconfig(world).read_text()
    value = yaml.safe_load(text)
    for line in OTHERS.splitlines():
        assert line in text.splitlines(), line
    assert value["current-context"] == "other" and {item["name"] for item in value["users"]} == {"other", "rig"}
    assert stat.S_IMODE(kubeconfig(world).stat().st_mode) == 0o640


def test_the_current_context_changes_only_when_asked(world):
    kubeconfig(world).write_text(OTHERS)

    world.login("alice", SERVER, "--use")

    assert yaml.safe_load(kubeconfig(world).read_text())["current-context"] == "rig"
    assert "# a user of mine" in kubeconfig(world).read_text()


@pytest.mark.parametrize("text", [
    "clusters: [", "- a list\n", "clusters: {a: b}\n", "clusters:\n- name: rig\n  cluster: {server: https://mine}\n",
    "a: 1\na: 2\n", "\x00\x01", "contexts: text\n", "a: &b 1\n", "a: &b 1\nc: *b\n", "#" * (16 << 20) + "\n",
], ids=["cut", "a list", "clusters no list", "a name of ours that is not ours", "a key twice", "binary",
        "contexts a text", "an anchor", "an alias", "more than 16 MiB"])
def test_a_kubeconfig_that_cannot_be_changed_safely_is_left_as_it_is(world, text):
    kubeconfig(world).write_text(text)

    said = one_line(world.login("alice", code=None))

    assert kubeconfig(world).read_text() == text and "config" in said
    assert [path.name for path in kubeconfig(world).parent.iterdir() if path.name.startswith("config")] == ["config"]


def test_a_kubeconfig_with_the_certificates_of_hundreds_of_clusters_is_changed_in_place(world):
    many = [{"name": f"c{i}", "cluster": {"server": "https://c", "certificate-authority-data": "QUJD" * 1000}}
            for i in range(1000)]
    kubeconfig(world).write_text("# mine\n" + yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "clusters": many}))
    lines = set(kubeconfig(world).read_text().splitlines())
    began = time.monotonic()

    said = world.login("alice", SERVER, "--use")

    assert said.stderr == "" and time.monotonic() - began < 10
    assert not lines - set(kubeconfig(world).read_text().splitlines()) and plugin(world).stderr == ""
    assert "rig" in world.run("alice", "kubectl-tka", "status").stdout
    world.run("alice", "kubectl-tka", "logout", "--forget")
    assert not lines - set(kubeconfig(world).read_text().splitlines()) and "rig" not in kubeconfig(world).read_text()


def test_a_kubeconfig_that_is_a_link_stays_one(world):
    real = world.home("alice") / "dotfiles-config"
    real.write_text(OTHERS)
    kubeconfig(world).symlink_to(real)

    world.login("alice")

    assert kubeconfig(world).is_symlink() and "rig" in real.read_text()
    real.unlink()


def test_a_lock_that_somebody_left_is_named(world):
    kubeconfig(world).write_text(OTHERS)
    lock = kubeconfig(world).with_name("config.lock")
    lock.touch()

    said = world.login("alice", code=None)

    lock.unlink()
    assert said.returncode != 0 and "config.lock" in one_line(said) and kubeconfig(world).read_text() == OTHERS
    assert "signed in to rig, but" in said.stderr and '"kubectl tka logout rig"' in said.stderr
    assert "active" in world.run("alice", "kubectl-tka", "status", "rig").stdout
    world.run("alice", "kubectl-tka", "logout", "rig")
    assert not world.signins() and not cache_entries(world)


def test_of_several_kubeconfigs_the_first_that_exists_is_written(world):
    one, two = world.home("alice") / "one", world.home("alice") / "two"
    two.write_text(OTHERS)
    env = {"KUBECONFIG": f"{one}:{two}"}

    world.run("alice", "kubectl-tka", "login", SERVER, env=env)

    assert not one.exists() and "kubectl-tka" in two.read_text()
    assert "rig" in world.run("alice", "kubectl", "config", "get-contexts", "-o", "name", env=env).stdout
    two.unlink()


def test_a_context_name_of_ones_own_is_used_and_found_again(world):
    world.login("alice", SERVER, "--context-name", "work")

    assert "namespace/tka" in world.run("alice", "kubectl", "--context", "work", "get", "ns", "-o", "name").stdout
    assert "Signed out" in world.run("alice", "kubectl-tka", "logout", "work").stdout


def test_kubectl_reads_what_was_written_as_it_was_meant(world):
    world.login("alice", SERVER, "--use")

    view = json.loads(world.run("alice", "kubectl", "config", "view", "--raw", "-o", "json").stdout)

    cluster = view["clusters"][0]["cluster"]
    assert cluster["server"] == "https://10.77.0.1:6443" and cluster["certificate-authority-data"]
    assert view["users"][0]["user"]["exec"]["installHint"] and view["current-context"] == "rig"


def test_another_node_of_the_tailnet_gets_no_token_of_the_one_before(world):
    """As after "tailscale switch": the cache holds what somebody else was given."""
    world.login("alice")
    home = world.home("aliceorg")
    for name in (".kube/config", "run/tka"):
        source, target = world.home("alice") / name, home / name
        subprocess.run(["cp", "-a", source, target], check=True)
    socket_flag = str(world.rig.tailnet.socket("alice"))
    (home / ".kube/config").write_text((home / ".kube/config").read_text().replace(
        socket_flag, str(world.rig.tailnet.socket("aliceorg"))))

    token = json.loads(plugin(world, "aliceorg").stdout)["status"]["token"]

    assert not world.may(token, "delete", "namespaces")
    eventually("a session of her own", lambda: world.signins(username="alice@example.org"))
