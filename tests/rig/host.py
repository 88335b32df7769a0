"""host.py - one rig's processes and network namespaces, and how all of them are ended again."""

import contextlib
import ctypes
import dataclasses
import hashlib
import http.client
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time

NAMESPACES = pathlib.Path("/run/netns")
CLONE_NEWNET = 0x40000000
SUBNET = "10.77.0"
HUB_ADDRESS = SUBNET + ".1"
MARKER = ".tka-rig"


class RigError(Exception):
    """Something a person should read; the verbs print it as one line."""


@dataclasses.dataclass
class Service:
    """A process of the rig. `ready` is polled until it is true."""

    name: str
    namespace: str
    argv: list
    ready: object
    env: dict = dataclasses.field(default_factory=dict)
    patience_seconds: float = 30


def catch_signals():
    """Makes the first signal an exception, so that everything is cleaned up; ignores later ones."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(number, _):
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(number)
    for number in numbers:
        signal.signal(number, interrupt)


EAGER_SECONDS = 2


def wait_until(what, check, seconds, broken=None):
    """Polls until check() is true. broken() may return words that end the wait early. What takes long is asked less
    often: a device that asked a server 50 times a second would be told to wait before long."""
    begun = time.monotonic()
    deadline = begun + seconds
    while not check():
        words = broken() if broken else None
        if words:
            raise RigError(f"{what}: {words}")
        if time.monotonic() > deadline:
            raise RigError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02 if time.monotonic() < begun + EAGER_SECONDS else 0.1)


@contextlib.contextmanager
def frozen(pid):
    """A process that keeps what it has, takes connections, and says nothing until the end."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def claim_folder(folder):
    """Makes a folder a rig's, which may be emptied. Refuses one that holds anything else."""
    if len(str(folder)) > 64:
        raise RigError(f'"{folder}" is too long: sockets below it need its name to be '
                       "64 characters or fewer")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise RigError(f'"{folder}" holds something that is no rig; name another with --dir')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).touch()


def process_start(pid):
    """When the process started, in clock ticks since boot; None if it is gone or a zombie."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def end_processes(processes, ask, patience_seconds):
    """Ends [(pid, start)], asking with SIGTERM first if told to. Never hits a reused pid."""
    held = []
    for pid, start in processes:
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            if process_start(pid) == start:
                held.append(handle)
            else:
                os.close(handle)
    signals = (signal.SIGTERM, signal.SIGKILL) if ask else (signal.SIGKILL,)
    for number in signals:
        for handle in held:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        held = wait_for_end(held, patience_seconds if number == signal.SIGTERM else 5)
    for handle in held:
        os.close(handle)


def wait_for_end(handles, seconds):
    """Waits for processes to end; returns the handles of those that did not."""
    deadline = time.monotonic() + seconds
    poll = select.poll()
    left = set(handles)
    for handle in left:
        poll.register(handle, select.POLLIN)
    while left and time.monotonic() < deadline:
        for handle, _ in poll.poll(100):
            poll.unregister(handle)
            left.discard(handle)
            os.close(handle)
    return list(left)


def command(*argv, text=None, seconds=60, env=None):
    """Runs a program to its end and returns what it printed; what it complained of is the error."""
    try:
        done = subprocess.run(
            [str(part) for part in argv], input=text, capture_output=True, text=True,
            timeout=seconds, env=env, check=False,
            stdin=subprocess.DEVNULL if text is None else None)
    except FileNotFoundError as err:
        raise RigError(f"{argv[0]} is not installed") from err
    except subprocess.TimeoutExpired as err:
        raise RigError(f"{argv[0]} did not end within {seconds} s") from err
    if done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip()).replace("\n", "; ")
        raise RigError(f"{' '.join(map(str, argv[:4]))}: {words or done.returncode}")
    return done.stdout


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, host, timeout=5):
        super().__init__(host, timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class NamespaceConnection(http.client.HTTPConnection):
    """HTTP, or HTTPS where a TLS context is given, from inside a network namespace."""

    def __init__(self, open_socket, address, tls=None, timeout=5):
        super().__init__(address[0], address[1], timeout=timeout)
        self.open_socket, self.address, self.tls = open_socket, address, tls

    def connect(self):
        self.sock = self.open_socket(self.address, self.timeout)
        if self.tls:
            self.sock = self.tls.wrap_socket(self.sock, server_hostname=self.address[0])


def ask(connection, path, method="GET", body=None, headers=None):
    """One request and its answer as (status, bytes); (0, words) when nobody answers."""
    try:
        connection.request(method, path, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    except (OSError, http.client.HTTPException, ssl.SSLError) as err:
        return 0, str(err).encode()
    finally:
        connection.close()


class Host:
    """The folder, the namespaces and the processes of one rig."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder).absolute()
        self.prefix = "rig" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:6]
        self.libc = ctypes.CDLL(None, use_errno=True)

    # --- the folder ---

    def prepare_folder(self):
        """Empties the folder of what an earlier rig left."""
        claim_folder(self.folder)
        for entry in self.folder.iterdir():
            if entry.name in (MARKER, "lock", "holder"):
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for name in ("pids", "log"):
            (self.folder / name).mkdir()

    # --- namespaces ---

    def namespace(self, name):
        return f"{self.prefix}-{name}"

    def namespaces(self):
        """Those of this rig that exist."""
        if not NAMESPACES.is_dir():
            return []
        return sorted(p.name for p in NAMESPACES.iterdir() if p.name.startswith(self.prefix + "-"))

    def make_hub(self):
        """A namespace with a bridge. No route leads out of it."""
        hub = self.namespace("hub")
        command("ip", "netns", "add", hub)
        command("ip", "-n", hub, "-batch", "-", text=(
            "link set lo up\n"
            "link add br0 type bridge\n"
            f"addr add {HUB_ADDRESS}/24 dev br0\n"
            "link set br0 up\n"))

    def make_leaf(self, name, octet):
        """A namespace with one leg in the hub's bridge."""
        leaf, hub = self.namespace(name), self.namespace("hub")
        command("ip", "netns", "add", leaf)
        command("ip", "-n", hub, "-batch", "-", text=(
            f"link add p-{name} type veth peer name eth0 netns {leaf}\n"
            f"link set p-{name} master br0\n"
            f"link set p-{name} up\n"))
        command("ip", "-n", leaf, "-batch", "-", text=(
            "link set lo up\n"
            f"addr add {SUBNET}.{octet}/24 dev eth0\n"
            "link set eth0 up\n"))

    @contextlib.contextmanager
    def inside(self, namespace):
        """This thread in another network namespace; sockets made there stay there."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            self.enter(NAMESPACES / namespace)
            try:
                yield
            finally:
                self.enter(f"/proc/self/fd/{home}")
        finally:
            os.close(home)

    def enter(self, path):
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError as err:
            raise RigError(f"there is no namespace {path}: is the rig up?") from err
        try:
            if self.libc.setns(handle, CLONE_NEWNET) != 0:
                raise RigError(f"entering {path}: {os.strerror(ctypes.get_errno())}")
        finally:
            os.close(handle)

    def connect(self, namespace, address, timeout=5):
        """A TCP connection from inside a namespace of this rig. Whoever does not answer is tried from another port:
        a tailscaled in userspace mode does not answer one whose last connection it closed first, for 60 s."""
        deadline, patience = time.monotonic() + timeout, 1
        while True:
            left = deadline - time.monotonic()
            stream = self.socket_inside(namespace, address)
            stream.settimeout(max(min(patience, left), 0.01))
            try:
                stream.connect(address)
                stream.settimeout(timeout)
                return stream
            except TimeoutError:
                stream.close()
                if left <= patience:
                    raise
                patience *= 2
            except OSError:
                stream.close()
                raise

    def socket_inside(self, namespace, address):
        with self.inside(self.namespace(namespace)):
            return socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)

    def http(self, namespace, address, tls=None, timeout=5):
        """An HTTP connection from inside a namespace of this rig."""
        def open_socket(where, seconds):
            return self.connect(namespace, where, seconds)
        return NamespaceConnection(open_socket, address, tls, timeout)

    def processes_inside(self):
        """[(pid, start)] of all that run in a namespace of this rig."""
        ours = set()
        for name in self.namespaces():
            with contextlib.suppress(OSError):
                ours.add((NAMESPACES / name).stat().st_ino)
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                if (entry / "ns/net").stat().st_ino in ours:
                    start = process_start(entry.name)
                    if start is not None:
                        found.append((int(entry.name), start))
        return found

    # --- processes ---

    def log_path(self, name):
        return self.folder / "log" / (name + ".log")

    def process(self, name):
        """(pid, start) of a service that runs; None otherwise."""
        try:
            pid, start = (self.folder / "pids" / name).read_text().split()
        except (OSError, ValueError):
            return None
        return (int(pid), int(start)) if process_start(pid) == int(start) else None

    def begin(self, service):
        """Starts a service without waiting for it."""
        if self.process(service.name):
            raise RigError(f"{service.name} runs already")
        with self.log_path(service.name).open("ab") as log:
            child = subprocess.Popen(
                ["nsenter", f"--net={NAMESPACES / self.namespace(service.namespace)}", "--",
                 *map(str, service.argv)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.folder, env={"PATH": os.environ["PATH"], "HOME": str(self.folder),
                                      "LANG": "C.UTF-8", **service.env})
        record = self.folder / "pids" / service.name
        record.write_text(f"{child.pid} {process_start(child.pid) or 0}\n")
        child.returncode = 0  # it outlives this program: nothing to wait for

    def await_ready(self, service):
        """Waits for a service; when it ends or takes too long, its last words are the error."""
        def broken():
            return None if self.process(service.name) else "it ended"
        try:
            wait_until(service.name, service.ready, service.patience_seconds, broken)
        except RigError as err:
            raise RigError(f"{err}\n{self.last_words(service.name)}") from err

    def start(self, service):
        self.begin(service)
        self.await_ready(service)

    def stop(self, service, kill=False):
        running = self.process(service.name)
        if running:
            end_processes([running], not kill, 15)
        (self.folder / "pids" / service.name).unlink(missing_ok=True)

    def last_words(self, name, lines=12):
        try:
            text = self.log_path(name).read_text(errors="replace").splitlines()[-lines:]
        except OSError:
            return "(no log)"
        return "\n".join(f"  {name}: {line[:300]}" for line in text) or "  (its log is empty)"

    def remove_everything(self, draining):
        """Ends every process and removes every namespace. May be called at any time, repeatedly."""
        asked = [self.process(name) for name in draining]
        end_processes([each for each in asked if each], True, 12)
        pids = self.folder / "pids"
        recorded = [self.process(p.name) for p in pids.iterdir()] if pids.is_dir() else []
        end_processes([each for each in recorded if each], False, 0)
        end_processes(self.processes_inside(), False, 0)
        for name in self.namespaces():
            command("ip", "netns", "del", name)
        shutil.rmtree(pids, ignore_errors=True)
