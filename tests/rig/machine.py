"""machine.py - a small Debian of its own: packages are installed there, and systemd runs there for real.

Its root is made once, into the rig's cache; each machine is a writable layer over it. Commands run in mount and process
namespaces of their own, so that nothing they leave running or mounted outlives them.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess

import parts
from host import NAMESPACES, RigError, wait_until

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = ("systemd", "man-db", "bash-completion", "ca-certificates")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
READY = "ready"

# $1: the machine's folder, $2: its lower layer; then pairs of what is bound to where, "--", and the command.
ENTER = """
mount -t overlay -o lowerdir="$2",upperdir="$1/upper",workdir="$1/work" overlay "$1/root"
cd "$1/root"; shift 2
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs dev
mkdir -m 1777 dev/shm; mkdir dev/pts; ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd
for device in null zero full random urandom tty; do touch dev/$device; mount --bind /dev/$device dev/$device; done
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "./$2"; else mkdir -p "$(dirname "./$2")"; touch "./$2"; fi
    mount --bind "$1" "./$2"; shift 2
done
shift
"""
CHROOT = ENTER + 'exec chroot . "$@"'
# systemd makes namespaces for its services, which it cannot below a chroot: its root is a root.
BOOT = ENTER + """
mount -t tmpfs tmpfs sys/fs/cgroup
for each in systemd unified; do mkdir sys/fs/cgroup/$each; done
if [ -d /sys/fs/cgroup/unified ]; then
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
else
    umount sys/fs/cgroup; mount -t cgroup2 cgroup2 sys/fs/cgroup
fi
mount --make-rprivate /; pivot_root . .; umount -l .; mount --make-rshared /
exec "$@"
"""
SYSTEMD = ("env", "-i", "container=tka", "/lib/systemd/systemd", "--log-target=console", "--show-status=0")


def why_not():
    """What stands in the way of making machines here, in words; None if nothing does."""
    whole = pathlib.Path("/proc/self/uid_map").read_text().split()[2] == "4294967295"
    return None if os.geteuid() == 0 and whole else "making a Debian needs root"


def obtain(say, packages=PACKAGES):
    """The lower layer of every machine that begins with these packages."""
    recipe = hashlib.sha256((HERE / "debian").read_bytes() + " ".join(packages).encode()).hexdigest()[:12]
    target = parts.cache() / "machines" / recipe
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / READY).exists():
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            say(f"making a Debian: once, into {target}")
            make(target, packages)
    return target / "root"


def make(target, packages):
    with (target / "log").open("wb") as log:
        status = subprocess.run(["nice", HERE / "debian", target / "root", *packages], check=False,
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
    if status != 0:
        raise RigError(f"making a Debian: see {target / 'log'}")
    (target / READY).touch()


def passed_on():
    """How to reach registries from here."""
    return {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}


class Machine:
    """A Debian whose changes are kept in a folder."""

    def __init__(self, folder, say, namespace=None, packages=PACKAGES):
        self.folder, self.lower = pathlib.Path(folder), obtain(say, packages)
        self.inside = [f"--net={NAMESPACES / namespace}"] if namespace else []
        self.process = self.pid = None
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def path(self, inside):
        """Where a file of the machine is written from outside, while it does not run."""
        return self.folder / "upper" / inside.lstrip("/")

    def enter(self, script, options, binds, argv):
        pairs = [str(word) for pair in (binds or {}).items() for word in pair]
        return ["nsenter", *self.inside, "--", "unshare", "--mount", "--pid", "--fork", "--kill-child",
                "--propagation", "private", *options, "sh", "-euc", script, "machine", str(self.folder),
                str(self.lower), *pairs, "--", *map(str, argv)]

    def run(self, *argv, code=0, env=None, binds=None, seconds=120):
        """A command on the machine: beside systemd when that runs, else alone."""
        variables = {"PATH": SYSTEM_PATH, "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
                     **passed_on(), **(env or {})}
        line = self.beside_systemd(argv) if self.pid else self.enter(CHROOT, [], binds, argv)
        done = subprocess.run(line, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds, check=False)
        if code is not None:
            assert done.returncode == code, f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done

    def beside_systemd(self, argv):
        return ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--net", "--wd=/",
                "--", *map(str, argv)]

    @contextlib.contextmanager
    def booted(self, binds=None):
        """The machine with systemd running."""
        groups = Groups(self.folder.name)
        options = ["--cgroup", "--ipc", "--uts"]
        try:
            with (self.folder / "console").open("wb") as log:
                self.process = subprocess.Popen(
                    self.enter(BOOT, options, binds, SYSTEMD), env={"PATH": SYSTEM_PATH}, stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, preexec_fn=groups.enter, start_new_session=True)
            wait_until("systemd", self.is_running, 60, self.has_ended)
            yield self
        finally:
            self.end()
            groups.remove()

    def is_running(self):
        """systemd has started what it starts."""
        self.pid = self.pid or self.find_systemd()
        if not self.pid:
            return False
        said = self.run("systemctl", "is-system-running", code=None).stdout.strip()
        return said in ("running", "degraded")

    def has_ended(self):
        return None if self.process.poll() is None else (self.folder / "console").read_text(errors="replace")[-2000:]

    def find_systemd(self):
        """The only child of unshare, once it is systemd."""
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                for child in (task / "children").read_text().split():
                    if os.readlink(f"/proc/{child}/exe").endswith("/systemd"):
                        return int(child)
        return None

    def end(self):
        """As if the power went."""
        self.pid = None
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)  # --kill-child does the rest
            self.process.wait()


class Groups:
    """A control group of the machine's own in every hierarchy that can have one."""

    def __init__(self, name):
        base = pathlib.Path("/sys/fs/cgroup")
        hierarchies = [base] if (base / "cgroup.procs").exists() else sorted(base.iterdir())
        self.folders = [each / f"tka-{name}" for each in hierarchies
                        if each.name != "cpuset" and not each.is_symlink() and (each / "cgroup.procs").exists()]
        for folder in self.folders:
            folder.mkdir(exist_ok=True)

    def enter(self):
        """Called in the process that becomes the machine."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        wait_until("the machine's processes gone", self.are_removed, 10)

    def are_removed(self):
        """Processes that were killed leave their group a moment later."""
        for folder in self.folders:
            for each in sorted(folder.rglob("*"), reverse=True) + [folder]:
                with contextlib.suppress(OSError):
                    each.rmdir()
        return not any(folder.exists() for folder in self.folders)
