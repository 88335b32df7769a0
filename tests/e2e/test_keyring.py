"""The keyring as the cache: a real gnome-keyring-daemon on a session bus of its own."""

import contextlib
import json
import os
import pathlib
import pty
import signal
import socket
import subprocess
import threading

import pytest

from needed import missing
from terminal import Terminal, told
from test_client import plugin, requests, stanza
from world import SERVER, eventually

SCHEMA = "de.specht-labs.tka.Credential"
PASSWORD = "a password"
COLLECTION = "/org/freedesktop/secrets/collection/login"


class Keyring:
    """A session bus and a keyring on it, as they are on a desktop."""

    def __init__(self, folder, prefix=(), kind="--session"):
        """prefix: what runs the bus, as somebody else; kind: which bus dbus-daemon is to be."""
        self.folder = folder
        self.daemon = None
        for name in ("data", "control"):
            subprocess.run([*prefix, "mkdir", "-m", "700", folder / name], check=True)
        self.base = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "control"),
                     "XDG_DATA_HOME": str(folder / "data")}
        self.bus = subprocess.Popen(
            [*prefix, "dbus-daemon", kind, "--nofork", "--nopidfile", "--print-address=1",
             f"--address=unix:path={folder}/bus"], env=self.base, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True)
        self.address = self.bus.stdout.readline().strip()
        self.env = {"DBUS_SESSION_BUS_ADDRESS": self.address}

    def start(self, prompter=None, prefix=()):
        """Unlocked, as after somebody has typed her password. prompter: who is asked for it later, by its name;
        prefix: what runs the daemon."""
        asked = {"GNOME_KEYRING_TEST_PROMPTER": prompter} if prompter else {}
        self.daemon = subprocess.Popen(
            [*prefix, "gnome-keyring-daemon", "--foreground", "--components=secrets", "--unlock"],
            env={**self.base, **self.env, **asked},
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.daemon.stdin.write(PASSWORD)
        self.daemon.stdin.close()
        # Asking the keyring itself would have the bus start another one.
        eventually("a keyring on the bus", self.is_there)
        eventually("its default collection", lambda: "/login" in self.call(
            "org.freedesktop.secrets", "org.freedesktop.Secret.Service.ReadAlias", "string:default"))

    def is_there(self):
        return "true" in self.call("org.freedesktop.DBus", "org.freedesktop.DBus.NameHasOwner",
                                   "string:org.freedesktop.secrets")

    def call(self, name, method, *arguments):
        return subprocess.run(
            ["dbus-send", "--session", "--print-reply", f"--dest={name}", "/" + name.replace(".", "/"), method,
             *arguments], env={**self.base, **self.env}, capture_output=True, text=True, check=False,
            timeout=10).stdout

    def lock(self):
        self.call("org.freedesktop.secrets", "org.freedesktop.Secret.Service.Lock", f"array:objpath:{COLLECTION}")

    def tool(self, *argv, text=None):
        return subprocess.run(["secret-tool", *argv], env={**self.base, **self.env}, capture_output=True, text=True,
                              check=False, timeout=10, input=text)

    def items(self):
        """What the keyring holds of ours, as secret-tool shows it."""
        said = self.tool("search", "--all", "xdg:schema", SCHEMA)
        return (said.stdout + said.stderr).count("attribute.cluster")

    def kill(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def stop(self):
        for process in (self.daemon, self.bus):
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()
        self.bus.stdout.close()


@pytest.fixture
def bus(tmp_path):
    """A session bus with no keyring on it yet."""
    found = Keyring(tmp_path)
    yield found
    found.stop()


@pytest.fixture
def keyring(bus):
    bus.start()
    return bus


@contextlib.contextmanager
def person(bus, password):
    """Somebody who types that at the desktop's dialogue, on a bus with a keyring that is locked: gives a list, to
    which is added at the end whether she was asked."""
    script = pathlib.Path(__file__).with_name("stand_in_prompter.py")
    prompter = subprocess.Popen(["/usr/bin/python3", script, password], env={**bus.base, **bus.env},
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    said = []
    try:
        bus.start(prompter.stdout.readline().strip())
        bus.lock()
        yield said
        said.append(prompter.communicate(timeout=10)[0].strip())
    finally:
        prompter.kill()
        prompter.wait()


def login_on_a_terminal(world, env, *flags):
    """What somebody at a terminal sees: the standard output, and what comes on the terminal itself."""
    ours, theirs = pty.openpty()
    line = world.rig.node_argv("alice", ["kubectl-tka", "login", SERVER, *flags])
    with os.fdopen(ours, "rb", buffering=0) as screen:
        with os.fdopen(theirs, "rb", buffering=0) as terminal:
            done = subprocess.run(line, env={**world.rig.node_env("alice"), **env}, stdin=terminal, stderr=terminal,
                                  stdout=subprocess.PIPE, text=True, timeout=60, check=False)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal that nobody has open
            while more := screen.read(4096):
                shown += more
    assert done.returncode == 0, shown
    return done.stdout, shown.decode()


@contextlib.contextmanager
def stand_in_bus_that_never_answers(path):
    """Takes connections and what they say, and keeps silent. Gives the environment that names it, and the list of
    the connections."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(64)
    kept = []

    def accept():
        with contextlib.suppress(OSError):
            while True:
                kept.append(listener.accept()[0])
    threading.Thread(target=accept, daemon=True).start()
    try:
        yield {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}, kept
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for stream in [listener, *kept]:
            stream.close()


def login(world, env, *flags):
    return world.run("alice", "kubectl-tka", "login", SERVER, *flags, env=env)


def files(world):
    return [path for place in (".cache/tka", "run/tka") for path in (world.home("alice") / place).glob("*.json")]


def notes(world):
    return list((world.home("alice") / "run/tka").glob("*.keyring"))


def token(said):
    return json.loads(said.stdout)["status"]["token"]


TIMED = ("sh", "-c", """
    began=$(date +%s%N)
    "$@"; code=$?
    echo $(($(date +%s%N) - began)) >"$HOME/run/took"
    exit $code""", "timed")


def timed(world, env):
    """(what the plugin said, the seconds it took)"""
    took = world.home("alice") / "run/took"
    said = plugin(world, env=env, prefix=TIMED)
    seconds = int(took.read_text()) / 1e9
    took.unlink()
    return said, seconds


def shortest(world, env, forget=False):
    """The same of three calls, and of the shortest: a busy machine makes each longer, and none shorter. forget: what is
    noted of the keyring before each."""
    took = []
    for _ in range(3):
        for path in notes(world) if forget else ():
            path.unlink()
        said, seconds = timed(world, env)
        took.append(seconds)
    return said, min(took)


def is_half_a_second(slow, quick):
    """Of calls that wait and of calls that do not."""
    return 0.4 < slow < 0.9 and quick < 0.3


def test_a_login_keeps_its_token_in_the_keyring_and_in_no_file(world, keyring):
    said = login(world, keyring.env)
    before = requests(world)

    hit = plugin(world, env=keyring.env)

    assert "the keyring" in said.stdout and said.stderr == ""
    assert hit.stderr == "" and token(hit).startswith("eyJ")
    assert requests(world) == before and keyring.items() == 1 and files(world) == []


def test_secret_tool_sees_whose_it_is_and_can_delete_it(world, keyring):
    login(world, keyring.env)

    shown = keyring.tool("search", "--all", "xdg:schema", SCHEMA)
    assert f"attribute.server = {SERVER}" in shown.stdout + shown.stderr
    assert "attribute.cluster = rig" in shown.stdout + shown.stderr and "TKA: rig" in shown.stdout
    secret = json.loads(keyring.tool("lookup", "xdg:schema", SCHEMA, "cluster", "rig").stdout)
    assert secret["login"] == "alice@example.com" and secret["addresses"]
    keyring.tool("clear", "xdg:schema", SCHEMA)
    before = requests(world)

    assert token(plugin(world, env=keyring.env)) and requests(world) == before + 1 and keyring.items() == 1


def test_another_role_is_another_item_and_logout_takes_it_away(world, keyring):
    login(world, keyring.env)
    login(world, keyring.env, "--role", "view")
    assert keyring.items() == 2

    world.run("alice", "kubectl-tka", "logout", "rig", env=keyring.env)

    assert keyring.items() == 0
    assert "kubectl tka login" in plugin(world, env=keyring.env, code=5).stderr


def test_a_token_that_is_renewed_replaces_the_one_before(world, keyring):
    login(world, keyring.env)
    entry = json.loads(keyring.tool("lookup", "xdg:schema", SCHEMA, "cluster", "rig").stdout)
    entry["period_seconds"] = 360000
    keyring.tool("store", "--label=due", "xdg:schema", SCHEMA, "server", SERVER, "ca-hash", entry["ca_hash"],
                 "cluster", "rig", "role", "", text=json.dumps(entry))
    before = requests(world)

    plugin(world, env=keyring.env)
    plugin(world, env=keyring.env)

    assert requests(world) == before + 1 and keyring.items() == 1


@pytest.mark.parametrize("secret", ["", "{", "{}", "\x00\x01", "x" * 100000],
                         ids=["empty", "cut", "another object", "binary", "100 kB"])
def test_an_item_that_is_no_entry_is_fetched_anew_in_silence(world, keyring, secret):
    login(world, keyring.env)
    hash_ = stanza(world)[stanza(world).index("--ca-hash") + 1]
    keyring.tool("store", "--label=broken", "xdg:schema", SCHEMA, "server", SERVER, "ca-hash", hash_, "cluster", "rig",
                 "role", "", text=secret)
    before = requests(world)

    said = plugin(world, env=keyring.env)

    assert said.stderr == "" and token(said) and requests(world) == before + 1


def test_a_locked_keyring_is_told_of_once_and_a_private_file_serves(world, keyring):
    login(world, keyring.env)
    keyring.lock()
    before = requests(world)

    first = plugin(world, env=keyring.env)
    second = plugin(world, env=keyring.env)

    assert first.stderr.count("\n") == 1 and "locked" in first.stderr and "kubectl tka login" in first.stderr
    assert token(first) and token(second) == token(first) and second.stderr == ""
    assert requests(world) == before + 1 and len(files(world)) == 1
    assert files(world)[0].parent.name == "tka" and "run" in files(world)[0].parts


def test_a_keyring_that_is_unlocked_again_is_used_again(world, keyring):
    login(world, keyring.env)
    keyring.lock()
    plugin(world, env=keyring.env)
    for path in notes(world):  # as after a while
        path.unlink()
    keyring.daemon.kill()
    keyring.daemon.wait()
    keyring.start()

    said = login(world, keyring.env)

    assert "the keyring" in said.stdout and files(world) == [] and keyring.items() == 1


def test_a_login_on_a_terminal_asks_for_the_password_of_a_locked_keyring(world, bus):
    with person(bus, PASSWORD) as said:
        out, shown = login_on_a_terminal(world, bus.env)
        before = requests(world)
        hit = plugin(world, env=bus.env)

    assert said == ["asked"] and "the keyring" in out and "kubectl-tka:" not in shown
    assert token(hit) and requests(world) == before and files(world) == [] and bus.items() == 1


@pytest.mark.parametrize("flags, place", [((), "a private file"), (("--cache", "keyring"), "not kept")],
                         ids=["auto", "strict"])
def test_who_does_not_give_the_password_is_told_where_the_token_is(world, bus, flags, place):
    with person(bus, "") as said:
        out, shown = login_on_a_terminal(world, bus.env, *flags)

    assert said == ["asked"] and place in out + shown and "locked" in shown
    assert len(files(world)) == (0 if flags else 1)


def test_nobody_is_asked_for_a_password_but_at_a_login_on_a_terminal(world, bus):
    with person(bus, PASSWORD) as said:
        login(world, bus.env)
        for path in [*files(world), *notes(world)]:
            path.unlink()
        assert token(plugin(world, env=bus.env))
        world.run("alice", "kubectl-tka", "logout", "rig", env=bus.env)

    assert said == ["not asked"]


def test_strict_keyring_keeps_nothing_elsewhere(world, keyring):
    login(world, keyring.env, "--cache", "keyring")
    keyring.lock()
    before = requests(world)

    said = plugin(world, env=keyring.env)

    assert "not kept" in said.stderr and token(said) and files(world) == [] and requests(world) == before + 1
    assert plugin(world, env=keyring.env).stderr == ""


@pytest.mark.parametrize("env", [{}, {"DBUS_SESSION_BUS_ADDRESS": ""}, {"DBUS_SESSION_BUS_ADDRESS": "autolaunch:"},
                                 {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere/bus", "DISPLAY": ":77"},
                                 {"DBUS_SESSION_BUS_ADDRESS": "autolaunch:;unix:path=/nowhere/bus", "DISPLAY": ":77"},
                                 {"DBUS_SESSION_BUS_ADDRESS": "tcp:host=127.0.0.1,port=1"}],
                         ids=["none", "empty", "to be launched", "a path that is not there", "a list", "over TCP"])
def test_without_a_session_bus_a_private_file_serves_in_silence(world, env):
    said = login(world, env)
    before = requests(world)

    hit = plugin(world, env=env)

    assert "private file" in said.stdout and said.stderr == "" and hit.stderr == "" and token(hit)
    assert requests(world) == before
    assert not (world.home("alice") / ".dbus").exists(), "no bus was launched"


def test_a_bus_without_a_keyring_starts_none(world, bus):
    login(world, bus.env)
    before = requests(world)

    said = plugin(world, env=bus.env)

    assert not bus.is_there()
    assert said.stderr == "" and token(said) and requests(world) == before and len(files(world)) == 1


def test_a_keyring_killed_in_the_middle_costs_one_request(world, keyring):
    login(world, keyring.env)
    before = requests(world)
    keyring.daemon.send_signal(signal.SIGSTOP)
    threading.Timer(0.25, keyring.kill).start()

    said, seconds = timed(world, keyring.env)

    assert token(said) and said.stderr == "" and requests(world) == before + 1 and seconds < 4
    assert token(plugin(world, env=keyring.env)) == token(said) and requests(world) == before + 1


def test_a_keyring_that_hangs_is_waited_for_half_a_second_and_then_not_at_all(world, keyring):
    login(world, keyring.env)
    login(world, {})  # and a token in a file
    keyring.daemon.send_signal(signal.SIGSTOP)
    before = requests(world)

    first, slow = shortest(world, keyring.env, forget=True)
    second, quick = shortest(world, keyring.env)

    assert token(first) == token(second) and requests(world) == before
    assert is_half_a_second(slow, quick), (slow, quick)


def test_a_login_on_a_terminal_says_that_it_waits_for_the_keyring(world, keyring):
    keyring.daemon.send_signal(signal.SIGSTOP)
    with Terminal(world, "alice", told(["kubectl-tka", "login", SERVER]), keyring.env) as terminal:
        terminal.await_text("^Waiting for the keyring, which may ask for a password$")
        keyring.daemon.send_signal(signal.SIGCONT)
        assert terminal.status() == 0

    assert keyring.items() == 1


def test_a_bus_that_never_answers_is_given_up_on(world, tmp_path):
    login(world, {})
    with stand_in_bus_that_never_answers(tmp_path / "silent") as (env, met):
        first, slow = shortest(world, env, forget=True)
        assert len(met) == 3
        second, quick = shortest(world, env)
        assert len(met) == 3, "it was asked again"

    assert token(first) == token(second) and first.stderr == second.stderr == ""
    assert is_half_a_second(slow, quick), (slow, quick)


def test_a_cold_call_on_a_bus_that_never_answers_still_brings_a_token(world, tmp_path):
    login(world, {})
    for path in files(world):
        path.unlink()
    with stand_in_bus_that_never_answers(tmp_path / "silent") as (env, _):
        said, seconds = timed(world, env)

    assert token(said) and seconds < 4 and len(files(world)) == 1


@pytest.fixture
def folder_of_somebody_else(tmp_path):
    if os.geteuid() != 0:
        missing("only root can listen as somebody else")
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents:
        if parent.is_relative_to(pathlib.Path("/tmp")) and parent != pathlib.Path("/tmp"):
            parent.chmod(0o755)
    return tmp_path


def test_a_bus_of_somebody_else_is_not_told_what_we_look_for(world, folder_of_somebody_else):
    theirs = folder_of_somebody_else / "theirs"
    login(world, {})
    got = []
    script = ("import os,socket,sys; os.setuid(65534); s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); "
              "s.listen(); print('up', flush=True); c=s.accept()[0]; print(len(c.recv(4096)), flush=True)")
    child = subprocess.Popen(["/usr/bin/python3", "-c", script, str(theirs)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "up\n"
        said = plugin(world, env={"DBUS_SESSION_BUS_ADDRESS": f"unix:path={theirs}"})
        got.append(child.stdout.readline())
    finally:
        child.kill()
        child.wait()

    assert token(said) and got == ["0\n"]


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
FOR_ALL = """<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>"""


def test_a_keyring_of_somebody_else_gets_no_token(world, folder_of_somebody_else):
    """A bus that lets us in, as a stale address may lead to."""
    config = folder_of_somebody_else / "bus.conf"
    config.write_text(FOR_ALL)
    theirs = Keyring(folder_of_somebody_else, NOBODY, f"--config-file={config}")
    try:
        theirs.start(prefix=NOBODY)
        said = login(world, theirs.env)
        world.run("alice", "kubectl-tka", "refresh", "rig", env=theirs.env)
        hit = plugin(world, env=theirs.env)
        held = theirs.items()
    finally:
        theirs.stop()

    assert held == 0 and "private file" in said.stdout and token(hit) and len(files(world)) == 1
