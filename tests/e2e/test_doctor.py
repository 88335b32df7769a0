"""kubectl tka doctor: every ailment that it is for, made on purpose, is found and told with what mends it."""

import base64
import email.utils
import json
import os
import re
import signal
import time

import pytest

from relay import CLOSE, reply
from stand_in_localapi import stand_in_localapi, told
from terminal import Terminal
from test_client import false_server  # noqa: F401 (a fixture)
from test_keyring import bus, keyring  # noqa: F401 (fixtures)
from test_tls import NAME, make_authority, put, tls_server  # noqa: F401 (a fixture)
from test_tls import PORT as TLS_PORT
from world import SERVER

FALSE = "http://tka:8125"


def doctor(world, *argv, code=None, env=None):
    """What it finds: check -> [(state, finding, mend)]."""
    said = world.run("alice", "kubectl-tka", "doctor", *argv, "-o", "json", code=code, env=env)
    found = {}
    for row in json.loads(said.stdout):
        found.setdefault(row["check"], []).append((row["state"], row["finding"], row.get("mend", "")))
    assert said.returncode == any(state == "fail" for rows in found.values() for state, _, _ in rows)
    return found


def worst(found, check):
    return sorted(found[check], key=lambda row: ("ok", "warn", "fail").index(row[0]))[-1]


def test_everything_well_is_ok_in_a_line_for_each_check(world):
    world.login("alice")

    said = world.run("alice", "kubectl-tka", "doctor")

    checks = {line.split()[1] for line in said.stdout.splitlines()}
    assert checks == {"tailnet", "server", "keyring", "cache", "kubeconfig", "locks", "path", "plugins", "kubectl", "kuberc"}
    assert all(re.match("(ok|warn)  +[a-z]", line) for line in said.stdout.splitlines())
    assert "alice@example.com on alice" in said.stdout and "rig answers at" in said.stdout


def test_quiet_shows_only_what_is_not_well(world):
    said = world.run("alice", "kubectl-tka", "doctor", "-q", env={"TKA_TAILSCALE_SOCKET": "/nowhere"}, code=1)

    assert "fail  tailnet" in said.stdout and "ok" not in [line.split()[0] for line in said.stdout.splitlines()]
    assert "checks failed" in said.stderr


def stale_lock(world):
    path = world.home("alice") / ".kube/config.lock"
    path.touch(mode=0)
    os.utime(path, (time.time() - 60,) * 2)


def open_folder(world):
    (world.home("alice") / "run/tka").chmod(0o755)


KUBERC = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n"


def write_kuberc(text):
    def write(world):
        (world.home("alice") / ".kube/kuberc").write_text(text)
    return write


def take_user_away(world):
    path = world.home("alice") / ".kube/config"
    path.write_text(path.read_text().replace("command: kubectl-tka", "command: something-else"))


def change_ca(world):
    path = world.home("alice") / ".kube/config"
    path.write_text(re.sub(r'ca-hash: "?[0-9a-f]{64}"?', f'ca-hash: "{"0" * 64}"', path.read_text()))


AILMENTS = {
    "a lock that was left": (stale_lock, "locks", "fail", "a crash may have left it", "rm "),
    "a folder open to others": (open_folder, "cache", "fail", "open to others", "chmod 700"),
    "plugins forbidden": (write_kuberc("credentialPluginPolicy: DenyAll\n"), "kuberc", "fail", "keeps kubectl", "command: kubectl-tka"),
    "not on the list": (write_kuberc("credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: gcloud}]\n"),
                        "kuberc", "fail", "keeps kubectl", "credentialPluginAllowlist"),
    "a kuberc of nonsense": (write_kuberc("a: [\n"), "kuberc", "warn", "line ", ""),
    "another plugin in the context": (take_user_away, "kubeconfig", "fail", "does not run kubectl-tka", "login"),
    "another CA": (change_ca, "server", "fail", "CA is another", "log in again"),
}


@pytest.mark.parametrize("spoil, check, state, words, mend", AILMENTS.values(), ids=AILMENTS)
def test_an_ailment_is_found_and_its_mend_told(world, spoil, check, state, words, mend):
    world.login("alice")
    spoil(world)
    try:
        found = worst(doctor(world), check)
    finally:
        for name in (".kube/config.lock", ".kube/kuberc"):
            (world.home("alice") / name).unlink(missing_ok=True)

    assert found[0] == state and words in found[1] and mend in found[2], found


@pytest.mark.parametrize("word", ["rig", SERVER])
def test_another_ca_is_noticed_by_whichever_name_the_server_is_called(world, word):
    world.login("alice")
    change_ca(world)

    assert "CA is another" in worst(doctor(world, word), "server")[1]


def test_a_kubeconfig_that_cannot_be_read_is_never_called_well_and_its_lock_is_seen(world):
    world.login("alice")
    path = world.home("alice") / ".kube/config"
    path.write_text("a: [\n")
    stale_lock(world)
    try:
        found = doctor(world)
    finally:
        for each in (path, path.with_name("config.lock")):
            each.unlink()

    assert [state for state, _, _ in found["kubeconfig"]] == ["fail"] and worst(found, "locks")[0] == "fail"


@pytest.fixture
def elsewhere(world):
    """The plugin once more, in a folder that is not in PATH."""
    folder = world.folder / "elsewhere"
    folder.mkdir()
    (folder / "kubectl-tka").symlink_to(world.rig.built_here() / "kubectl-tka")
    yield folder / "kubectl-tka"
    (folder / "kubectl-tka").unlink()
    folder.rmdir()
    (world.home("alice") / ".kube/kuberc").unlink(missing_ok=True)


@pytest.mark.parametrize("entries, flags, allowed", [
    ("[{command: kubectl-tka}]", (), True),
    ("[{command: gcloud}, {command: kubectl-tka}]", (), True),
    ("[{command: OWN}]", (), True),
    ("[{command: ELSEWHERE}]", (), False),
    ("[{command: /nowhere/kubectl-tka}]", (), False),
    ("[{command: kubectl-tka}]", ("--absolute",), True),
    ("[{command: OWN}]", ("--absolute",), True),
    ("[{command: ELSEWHERE}]", ("--absolute",), False),
    ("[{command: gcloud}]", (), False),
], ids=["its name", "the second", "its path", "another path", "no program", "its name for its path", "its path twice",
        "another path for its path", "another name"])
def test_of_a_list_of_plugins_doctor_says_what_kubectl_does(world, elsewhere, entries, flags, allowed):
    world.login("alice", SERVER, "--use", *flags)
    entries = entries.replace("OWN", str(world.rig.built_here() / "kubectl-tka")).replace("ELSEWHERE", str(elsewhere))
    write_kuberc(f"{KUBERC}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: {entries}\n")(world)

    said = world.run("alice", "kubectl", "get", "--raw", "/version", code=None)
    found = worst(doctor(world), "kuberc")

    assert (said.returncode == 0) == allowed, said.stderr
    assert allowed or "allowlist" in said.stderr
    assert found[0] == ("ok" if allowed else "fail") and ("allows" if allowed else "keeps kubectl") in found[1], found


@pytest.mark.parametrize("env, check, state, words", [
    ({"TKA_TAILSCALE_SOCKET": "/nowhere"}, "tailnet", "fail", "tailscaled"),
    ({"XDG_RUNTIME_DIR": "/nowhere"}, "cache", "warn", "XDG_RUNTIME_DIR"),
    ({"KUBERC": "off"}, "kuberc", "ok", "there is none"),
    ({"TKA_SERVER": "http://carol:8123"}, "server", "fail", "carol"),
    ({"TKA_SERVER": "http://tka:9"}, "server", "fail", "tka:9"),
], ids=["no tailscaled", "no runtime folder", "no kuberc wanted", "no server there", "nobody listens"])
def test_surroundings_that_are_not_well_are_named(world, env, check, state, words):
    found = worst(doctor(world, env=env), check)

    assert found[0] == state and words in found[1], found


def edited_whois(world, **node):
    whois = world.rig.tailnet.whois("alice", world.rig.tailnet.address("alice") + ":0")
    whois["Node"].update(node)
    return told(whois)


@pytest.mark.parametrize("rule, answer, state, words, mend", [
    (r"/whois\?", lambda world: edited_whois(world, Expired=True), "fail", "has expired", "--force-reauth"),
    (r"/whois\?", lambda world: edited_whois(world, Tags=["tag:ci"]), "warn", "is tagged tag:ci", "nobody's"),
    (r"/status", lambda _: told({"BackendState": "NeedsLogin"}), "fail", "NeedsLogin", "tailscale up"),
    (r"/status", lambda _: told({"BackendState": "Stopped"}), "fail", "Stopped", "tailscale up"),
    (r"/status", lambda world: told({**world.rig.tailnet.local("alice", "status")[1], "TUN": False}), "warn", "no network interface",
     "https"),
], ids=["expired", "tagged", "not logged in", "stopped", "no interface"])
def test_a_node_that_cannot_sign_in_is_told_why(world, rule, answer, state, words, mend):
    with stand_in_localapi(world, "alice") as api, api.instead(rule, answer(world)):
        found = worst(doctor(world, env={"TKA_TAILSCALE_SOCKET": str(api.path)}), "tailnet")

    assert found[0] == state and words in found[1] and mend in found[2], found


@pytest.mark.parametrize("changes, state, words", [
    ({"ca_data": base64.b64encode(b"x" * 70000).decode()}, "fail", "longer than 65536 bytes"),
    ({"insecure_skip_tls_verify": True}, "warn", "will not check who the API server is"),
    ({"ca_data": "no base64!"}, "fail", "CA"),
    ({"server_url": 7}, "fail", "server_url"),
], ids=["a large CA", "no CA wanted", "a CA of nonsense", "a URL of nonsense"])
def test_what_a_server_says_of_its_cluster_is_looked_at(world, false_server, changes, state, words):  # noqa: F811
    info = {"server_url": "https://api:6443", "insecure_skip_tls_verify": False, "ca_data": "", "labels": {}, **changes}
    with false_server.instead("cluster-info", reply(200, json.dumps(info))):
        found = worst(doctor(world, FALSE), "server")

    assert found[0] == state and words in found[1], found


def test_a_server_with_a_certificate_is_known_by_it_and_one_with_another_is_not(world, authority):  # noqa: F811
    folder = world.folder / "certificate"
    put(folder, *authority.issue("first"))
    url = f"https://{NAME}:{TLS_PORT}"
    with tls_server(world, folder):
        said = world.run("alice", "sh", "-c", 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt && shift && exec "$@"',
                         "trusting", authority.folder / "ca.crt", "kubectl-tka", "doctor", url, "-o", "json", code=None)
        known = [(row["state"], row["finding"]) for row in json.loads(said.stdout) if row["check"] == "server"][0]
        unknown = worst(doctor(world, url), "server")

    assert known[0] == "ok" and "known by its certificate" in known[1]
    assert unknown[0] == "fail" and "certificate" in unknown[1]


@pytest.mark.parametrize("script, state, words", [
    ("exec sleep 30", "warn", "version"), ("echo hello", "warn", "version"), ("exit 1", "warn", "version"),
    ("echo '{}'", "ok", "unknown version"), ("exec yes", "warn", "version"),
], ids=["hangs", "says nonsense", "fails", "says nothing", "never ends"])
def test_a_kubectl_that_is_not_well_keeps_nobody_waiting(world, script, state, words):
    folder = world.folder / "own-kubectl"
    folder.mkdir()
    (folder / "kubectl").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "kubectl").chmod(0o755)
    argv = ("env", f"PATH={folder}:/usr/bin:/bin", world.rig.built_here() / "kubectl-tka", "doctor")
    began = time.monotonic()
    try:
        said = world.run("alice", *argv, "-o", "json", code=None)
        took = time.monotonic() - began
        if "sleep" in script:
            with Terminal(world, "alice", argv) as terminal:
                terminal.await_text(r"^[|/\\-] asking kubectl for its version \d+\.\d+s$")
    finally:
        (folder / "kubectl").unlink()
        folder.rmdir()
    rows = [row for row in json.loads(said.stdout) if row["check"] == "kubectl"]

    assert [row["state"] for row in rows] == [state] and words in rows[0]["finding"], rows
    assert took < 12  # of which kubectl 5 s at most


def test_a_plugin_that_the_desktop_does_not_find_is_told_of(world):
    found = worst(doctor(world), "path")

    assert found[0] == "warn" and "desktop" in found[1] and "--absolute" in found[2]


def test_a_plugin_that_all_contexts_name_by_its_path_need_not_be_found_by_the_desktop(world):
    world.login("alice", SERVER, "--absolute")
    assert worst(doctor(world), "path")[0] == "ok"

    world.login("alice", SERVER, "--role", "view")
    assert worst(doctor(world), "path")[0] == "warn"


def test_a_clock_that_is_wrong_is_noticed(world, false_server):  # noqa: F811
    info = {"server_url": "https://api:6443", "insecure_skip_tls_verify": False, "ca_data": "", "labels": {}}
    for ahead, state in ((0, "ok"), (20, "warn"), (-600, "fail")):
        date = email.utils.formatdate(time.time() + ahead, usegmt=True)
        with false_server.instead("cluster-info", reply(200, json.dumps(info), Date=date)):
            assert worst(doctor(world, FALSE), "server")[0] == state


def test_a_server_that_hangs_up_is_told_of(world, false_server):  # noqa: F811
    with false_server.instead(".", CLOSE):
        assert worst(doctor(world, FALSE), "server")[0] == "fail"


def test_programs_in_the_way_and_programs_missing(world):
    folder = world.folder / "in-the-way"
    folder.mkdir()
    for name in ("kubectl-tka-login", "kubectl-tka", "kubectl"):
        (folder / name).write_text("#!/bin/sh\necho '{\"clientVersion\": {\"gitVersion\": \"v1.21.0\"}}'\n")
        (folder / name).chmod(0o755)
    own = world.rig.built_here() / "kubectl-tka"
    try:
        found, nothing = (json.loads(world.run(
            "alice", "env", f"PATH={path}", own, "doctor", "-o", "json", code=1).stdout)
                          for path in (f"{folder}:/usr/bin:/bin", "/nowhere"))
    finally:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    told = {row["check"]: row for row in found}
    assert "in the way of \"kubectl tka login\"" in told["plugins"]["finding"] and told["kubectl"]["state"] == "fail"
    assert any(row["check"] == "path" and "not the one in" in row["finding"] for row in found)
    states = {(row["check"], row["state"]) for row in nothing}
    assert {("path", "fail"), ("kubectl", "warn")} <= states


def look_at_keyring(world, env):
    return worst(doctor(world, env=env), "keyring")


def test_a_keyring_that_is_open_or_locked_is_told_as_such(world, keyring):  # noqa: F811
    assert look_at_keyring(world, keyring.env) == ("ok", "open", "")
    keyring.lock()
    state, finding, mend = look_at_keyring(world, keyring.env)

    assert state == "warn" and "is locked" in finding and "login" in mend


def test_a_keyring_that_hangs_is_told_of(world, keyring):  # noqa: F811
    keyring.daemon.send_signal(signal.SIGSTOP)
    state, finding, mend = look_at_keyring(world, keyring.env)

    assert state == "warn" and "does not answer" in finding and "restart" in mend


def test_a_keyring_is_not_started_to_be_looked_at(world, bus):  # noqa: F811
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}

    for env in (bus.env, nowhere):
        assert look_at_keyring(world, env) == ("ok", "no keyring on the session bus: tokens lie in files", "")
    assert not bus.is_there()
