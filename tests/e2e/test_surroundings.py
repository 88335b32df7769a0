"""kubectl-tka where the machine or the server is not well: disks, homes, clocks, certificates, answers without end."""

import contextlib
import datetime
import email.utils
import json
import os
import pathlib
import re
import socket
import ssl
import sys
import time

import pytest

from host import command
from needed import missing
from relay import Relay, reply
from tailnet import PORT
from test_client import (EXEC_INFO, NEW_PARENT, all_requests, cache_entries, edit_entry, false_server,  # noqa: F401
                         kubeconfig, one_line, plugin, requests, stanza)
from test_keyring import bus  # noqa: F401
from world import SERVER

FALSE_SERVER = "http://tka:8125"
V1 = "client.authentication.k8s.io/v1"
FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)

# In the mount namespace of the one command; "$@" is the command.
FULL_DISK = ("sh", "-c", """
    mkdir -p "$HOME/keep" && cp -a "$HOME/.kube/config" "$HOME/keep/"
    for at in .kube .cache run .local/state; do
        mount -t tmpfs -o size=16k,mode=700 full "$HOME/$at" || exit 99
    done
    cp -a "$HOME/keep/config" "$HOME/.kube/"
    for at in .kube .cache run .local/state; do
        cat /dev/zero > "$HOME/$at/filler" 2>/dev/null
    done
    "$@"; code=$?
    cmp "$HOME/keep/config" "$HOME/.kube/config" >&2 || code=98
    ls -A "$HOME/.kube" | grep -v -x -e config -e filler >&2 && code=97
    exit $code""", "full")
DEAD_HOME = (sys.executable, str(pathlib.Path(__file__).with_name("stand_in_dead_file_server.py")))
READ_ONLY_HOME = ("sh", "-c", 'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME" && exec "$@"', "ro")


def forget_tokens(world):
    for path in cache_entries(world):
        path.unlink()


def token_of(said):
    return json.loads(said.stdout)["status"]["token"]


# --- disks and homes ---

def test_a_home_on_a_dead_file_server_holds_nobody_for_ever(world):
    if not os.path.exists("/dev/fuse"):
        missing("no FUSE here: nothing to make a dead file server of")
    world.login("alice")

    assert plugin(world, prefix=DEAD_HOME, code=137).stdout == ""


@pytest.mark.parametrize("mode", ["auto", "runtime", "file"])
@pytest.mark.parametrize("prefix", [FULL_DISK, READ_ONLY_HOME], ids=["full disk", "read-only home"])
def test_where_nothing_can_be_written_the_plugin_still_gives_a_token(world, prefix, mode):
    world.login("alice", SERVER, "--cache", mode)
    forget_tokens(world)
    before = requests(world)

    said = plugin(world, prefix=prefix)

    assert token_of(said).startswith("eyJ") and said.stderr == ""
    assert requests(world) == before + 1 and not cache_entries(world)


def test_a_keyring_on_a_full_disk_gives_way_to_a_private_file(world, bus):
    on_small_disk = ("unshare", "--mount", "sh", "-c",
                     'mount -t tmpfs -o size=64k,mode=700 small "$XDG_DATA_HOME" && exec "$@"', "small")
    bus.start(prefix=on_small_disk)
    command("nsenter", f"--target={bus.daemon.pid}", "--mount", "sh", "-c",
            'cat /dev/zero > "$1/filler" 2>/dev/null; ! echo more > "$1/more" 2>/dev/null', "fill", bus.folder / "data")

    said = world.run("alice", "kubectl-tka", "login", SERVER, env=bus.env)
    before = requests(world)
    hit = plugin(world, env=bus.env)

    assert "a private file" in said.stdout and bus.items() == 0 and len(cache_entries(world)) == 1
    assert token_of(hit) and hit.stderr == "" and requests(world) == before


@pytest.mark.parametrize("prefix, words", [(FULL_DISK, "No space left"), (READ_ONLY_HOME, "Read-only file system")],
                         ids=["full disk", "read-only home"])
def test_where_nothing_can_be_written_a_login_says_so_and_leaves_the_kubeconfig_whole(world, prefix, words):
    world.login("alice")
    before = kubeconfig(world).read_bytes()

    said = world.run("alice", *prefix, "kubectl-tka", "login", SERVER, "--context-name", "another", code=1)

    lines = [line for line in said.stderr.splitlines() if not line.startswith("kubectl-tka: warning: ")]
    assert len(lines) == 1 and lines[0].startswith("kubectl-tka: ") and words in lines[0], said.stderr
    assert kubeconfig(world).read_bytes() == before


def test_where_nothing_can_be_written_a_cached_token_serves(world):
    world.login("alice")
    before = requests(world)

    said = plugin(world, prefix=READ_ONLY_HOME)

    assert token_of(said) and said.stderr == "" and requests(world) == before


NO_HOME = ("env", "-u", "HOME", "-u", "XDG_CACHE_HOME", "-u", "XDG_STATE_HOME", "-u", "XDG_CONFIG_HOME")


@pytest.mark.parametrize("unset", [NO_HOME, ("env", "-u", "XDG_RUNTIME_DIR"), (*NO_HOME, "-u", "XDG_RUNTIME_DIR")],
                         ids=["no home", "no runtime folder", "neither"])
def test_without_a_home_or_a_runtime_folder_the_plugin_works_in_silence(world, unset):
    world.login("alice")

    said = [plugin(world, prefix=unset) for _ in range(2)]

    assert all(token_of(each) and each.stderr == "" for each in said)


def test_without_a_home_or_a_kubeconfig_a_login_names_what_to_set(world):
    said = world.run("alice", *NO_HOME, "-u", "KUBECONFIG", "kubectl-tka", "login", SERVER, code=2)

    assert "HOME" in one_line(said) and "KUBECONFIG" in said.stderr
    assert not world.signins()


def test_root_leaves_nothing_in_the_home_of_somebody_else(world, tmp_path):
    """As with sudo -E: what root makes there, its owner cannot use."""
    world.login("alice")
    forget_tokens(world)
    os.chown(tmp_path, 65534, 65534)
    os.chmod(tmp_path.parent, 0o755)
    there = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "XDG_CACHE_HOME": "", "XDG_STATE_HOME": "",
             "XDG_CONFIG_HOME": ""}

    said = world.run("alice", *NEW_PARENT, *stanza(world), env={**there, "KUBERNETES_EXEC_INFO": json.dumps(EXEC_INFO)})
    refused = world.run("alice", "kubectl-tka", "login", SERVER, code=None,
                        env={**there, "KUBECONFIG": str(tmp_path / ".kube/config")})

    assert token_of(said) and said.stderr == ""
    assert refused.returncode == 2 and "belongs to somebody else" in refused.stderr.splitlines()[-1]
    assert not list(tmp_path.iterdir())


# --- clocks ---

@pytest.fixture
def clock():
    """Another clock for one command, in seconds from ours."""
    if FAKETIME is None:
        pytest.fail("libfaketime is not installed: tests/rig/setup installs it")

    def wrong_by(seconds):
        return ("env", f"LD_PRELOAD={FAKETIME}", f"FAKETIME={seconds:+d}", "FAKETIME_DONT_FAKE_MONOTONIC=1")
    return wrong_by


def plugin_at(world, prefix):
    """The second program, which reads the cache as the first one does: that one preloads nothing."""
    command_line = [world.rig.built_here() / "kubectl-tka-remote", *stanza(world)[1:]]
    return world.run("alice", *NEW_PARENT, *prefix, *command_line, env={"KUBERNETES_EXEC_INFO": json.dumps(EXEC_INFO)})


def end_of(said):
    text = json.loads(said.stdout)["status"]["expirationTimestamp"]
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z").timestamp()


@pytest.mark.parametrize("shift", [3600, -3600], ids=["an hour fast", "an hour slow"])
def test_with_a_wrong_clock_everything_works_and_the_end_is_told_by_that_clock(world, clock, shift):
    world.run("alice", *clock(shift), "kubectl-tka", "login", SERVER)
    before = requests(world)

    warm = plugin_at(world, clock(shift))
    assert requests(world) == before
    forget_tokens(world)
    cold = plugin_at(world, clock(shift))

    now = time.time() + shift
    assert warm.stderr == cold.stderr == "" and requests(world) == before + 1
    assert all(now + 600 < end_of(said) < now + 3700 for said in (warm, cold))


@pytest.mark.parametrize("shift", [3600, -3600], ids=["set forward", "set back"])
def test_a_clock_that_was_set_in_between_costs_one_request(world, clock, shift):
    world.login("alice")
    before = requests(world)

    said = [plugin_at(world, clock(shift)) for _ in range(3)]

    assert [each.stderr for each in said] == ["", "", ""] and requests(world) == before + 1
    assert min(end_of(each) - time.time() - shift for each in said) > 600
    assert world.whoami(token_of(said[-1]))[0] == 201


STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
DATE = re.compile(rb"(?<=\r\nDate: )[^\r]+")


def shift_stamps(raw, seconds):
    """The same answer of a server whose clock is so far ahead of ours."""
    step = datetime.timedelta(seconds=seconds)

    def stamp(found):
        told = datetime.datetime.strptime(found[0].decode(), "%Y-%m-%dT%H:%M:%SZ")
        return (told + step).strftime("%Y-%m-%dT%H:%M:%SZ").encode()

    def date(found):
        told = email.utils.parsedate_to_datetime(found[0].decode())
        return email.utils.format_datetime(told + step, usegmt=True).encode()
    return DATE.sub(date, STAMP.sub(stamp, raw))


@pytest.fixture
def server_ahead(world, false_server):  # noqa: F811
    """Puts a server before us whose clock, and that of its API server, is so many seconds ahead: what a wrong clock
    of ours looks like to a program that no library can give another clock."""
    def ahead(seconds):
        def pass_on(client, raw):
            with false_server.connect() as server:
                server.sendall(raw)
                answer = b"".join(iter(lambda: server.recv(65536), b""))
            client.sendall(shift_stamps(answer, seconds))
        false_server.pass_on = pass_on
        return FALSE_SERVER
    return ahead


@pytest.mark.parametrize("shift", [3600, -3600], ids=["an hour slow", "an hour fast"])
def test_with_a_clock_wrong_to_the_server_hits_are_hits_and_ends_are_told_by_ours(world, server_ahead, shift):
    world.login("alice", server_ahead(shift))
    before = requests(world)

    warm = [plugin(world) for _ in range(2)]
    assert requests(world) == before
    forget_tokens(world)
    cold = plugin(world)

    assert [each.stderr for each in (*warm, cold)] == ["", "", ""] and requests(world) == before + 1
    assert all(time.time() + 600 < end_of(said) < time.time() + 3700 for said in (*warm, cold))
    assert world.whoami(token_of(cold))[0] == 201


@pytest.mark.parametrize("shift", [3600, -3600], ids=["an hour slow", "an hour fast"])
def test_a_token_that_has_ended_by_the_servers_clock_is_not_given_out(world, server_ahead, shift):
    world.login("alice", server_ahead(shift))
    entry = json.loads(cache_entries(world)[0].read_text())
    edit_entry(cache_entries(world)[0], expires=int(time.time()) + entry["clock_offset"] - 1)
    before = requests(world)

    said = plugin(world)

    assert said.stderr == "" and requests(world) == before + 1 and end_of(said) > time.time() + 600


# --- a server that is not well, when the plugin asks ---

def credential(seconds, token="eyJhbGciOiJub25lIn0.e30.x", **status):
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    return reply(200, json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {
        "token": token, "expirationTimestamp": end, **status}}))


ANSWERS = {
    "HTML": (lambda: reply(200, "<html>welcome</html>", "text/html"), 2),
    "an empty object": (lambda: reply(200, "{}"), 2),
    "cut JSON": (lambda: reply(200, '{"status": {"tok'), 2),
    "nothing": (lambda: reply(200, ""), 2),
    "another kind": (lambda: reply(200, json.dumps({"apiVersion": V1, "kind": "Pod", "status": {"token": "x"}})), 2),
    "a token of two lines": (lambda: credential(3600, token="eyJ\nx"), None),
    "a token of 1 MB": (lambda: credential(3600, token="x" * (1 << 20)), 2),
    "a token without an end": (lambda: credential(3600, expirationTimestamp=None), 2),
    "a token that has ended": (lambda: credential(-60), 3),
    "a redirect": (lambda: reply(307, "", Location="http://10.77.0.20:8123/"), None),
    "202 for ever": (lambda: reply(202, "{}", Retry_After="1"), 6),
    "502": (lambda: reply(502, "<html>bad gateway</html>", "text/html"), 3),
    "no HTTP": (lambda: b"\x16\x03\x01 garbage\r\n\r\n", None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_answers_badly_is_one_line_within_the_deadline(world, false_server, name):  # noqa: F811
    answer, code = ANSWERS[name]
    world.login("alice", FALSE_SERVER)
    forget_tokens(world)
    started = time.monotonic()

    with false_server.instead("credential", answer()):
        said = plugin(world, code=None)

    assert FALSE_SERVER in one_line(said) and time.monotonic() - started < 11
    assert said.returncode == code or (code is None and said.returncode in (1, 2, 3)), said
    assert not cache_entries(world)



def drip(client, answer):
    with contextlib.suppress(OSError):
        for byte in answer:
            client.sendall(bytes([byte]))
            time.sleep(0.3)


def test_a_server_that_drips_its_answer_is_given_up_on_in_time(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    forget_tokens(world)
    whole = false_server.answer

    def answer(client, method, path, raw):
        return drip(client, credential(3600)) if "credential" in path else whole(client, method, path, raw)
    false_server.answer = answer
    started = time.monotonic()

    said = plugin(world, code=3)

    assert FALSE_SERVER in one_line(said) and 5 < time.monotonic() - started < 11


# --- certificates ---

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """A CA, and certificates for a server of ours."""

    def __init__(self, folder):
        self.folder = folder
        command("openssl", "req", "-x509", *CURVE, "-days", "30", "-subj", "/CN=test CA",
                "-keyout", folder / "ca.key", "-out", folder / "ca.crt")

    def issue(self, name, days=30):
        at = self.folder
        command("openssl", "req", "-new", *CURVE, "-subj", f"/CN={name}",
                "-keyout", at / "key.pem", "-out", at / "csr.pem")
        (at / "names").write_text(f"extendedKeyUsage=serverAuth\nsubjectAltName=DNS:{name}\n")
        command("openssl", "x509", "-req", "-in", at / "csr.pem", "-days", str(days), "-CA", at / "ca.crt",
                "-CAkey", at / "ca.key", "-CAcreateserial", "-extfile", at / "names", "-out", at / "crt.pem")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(at / "crt.pem", at / "key.pem")
        return tls

    def trusted(self):
        """What runs a command that believes this CA alone."""
        bundle = "/etc/ssl/certs/ca-certificates.crt"
        return ("sh", "-c", f'mount --bind "{self.folder}/ca.crt" {bundle} && exec "$@"', "trusted")


@contextlib.contextmanager
def tls_server(world, tls):
    with world.rig.host.inside(world.rig.host.namespace("hub")):
        listener = socket.create_server(("127.0.0.1", 8126))
    real = (world.rig.tailnet.address("tka"), PORT)
    relay = Relay(listener, lambda: world.rig.host.connect("alice", real), tls)
    try:
        yield "https://tka:8126"
    finally:
        relay.stop()


def test_with_a_certificate_that_is_trusted_a_login_works_over_tls(world, tmp_path):
    authority = Authority(tmp_path)
    with tls_server(world, authority.issue("tka")) as url:
        world.run("alice", *authority.trusted(), "kubectl-tka", "login", url)
        forget_tokens(world)
        assert token_of(plugin(world, prefix=authority.trusted()))


ADVICE = "have this machine trust its CA, use the name that it was issued for, or renew it"


@pytest.mark.parametrize("name, days, trusted", [("tka", 30, False), ("other", 30, True), ("tka", 0, True)],
                         ids=["of an unknown CA", "for another name", "that has ended"])
def test_a_certificate_that_is_not_valid_is_one_line_and_nothing_is_sent(world, tmp_path, name, days, trusted):
    authority = Authority(tmp_path)
    tls = authority.issue(name, days)
    time.sleep(1.1 if days == 0 else 0)
    before = all_requests(world)
    prefix = authority.trusted() if trusted else ()

    with tls_server(world, tls) as url:
        said = world.run("alice", *prefix, "kubectl-tka", "login", url, code=3)

    assert "its certificate is not valid" in one_line(said) and url in said.stderr and ADVICE in said.stderr
    assert all_requests(world) == before and not kubeconfig(world).exists()


def test_the_plugin_says_what_to_do_about_a_certificate_that_it_does_not_believe(world, tmp_path):
    authority = Authority(tmp_path)
    with tls_server(world, authority.issue("tka")) as url:
        world.run("alice", *authority.trusted(), "kubectl-tka", "login", url)
        forget_tokens(world)
        said = plugin(world, code=3)

    assert "its certificate is not valid" in one_line(said) and url in said.stderr and ADVICE in said.stderr
