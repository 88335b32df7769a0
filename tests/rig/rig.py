"""rig.py - a whole rig: a tailnet, a cluster and the daemons between them, as one thing."""

import contextlib
import fcntl
import json
import os
import pathlib
import sys
import time

import parts
from cluster import SERVER, Cluster
from daemons import DAEMONS, Daemons
from host import NAMESPACES, Host, RigError, claim_folder
from tailnet import DEFAULT_POLICY, LAN, NODES, PORT, Tailnet

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
OURS = ("kubectl-tka", "kubectl-tka-remote", "tka-server", "tka-operator")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Variables of the caller that programs run in a node get to see.
PASSED_ON = ("TERM", "LANG", "LC_ALL", "TZ", "COLUMNS", "NO_COLOR", "SHELL", "ASAN_OPTIONS",
             "UBSAN_OPTIONS", "LSAN_OPTIONS")

# Over the machine's own files, in a mount namespace of the command's own.
IN_NODE = ('[ ! -e /etc/resolv.conf ] || mount --bind "$1/resolv.conf" /etc/resolv.conf; '
           'mount --bind "$1/hosts" /etc/hosts && shift && exec "$@"')


def default_folder():
    return pathlib.Path(os.environ.get("TKA_RIG_DIR") or REPOSITORY / "build/rig")


class Rig:
    """One rig. Everything about it is decided by its folder."""

    def __init__(self, folder=None, say=None):
        self.host = Host(folder or default_folder())
        self.folder = self.host.folder
        self.tailnet = Tailnet(self.host)
        self.cluster = Cluster(self.host, REPOSITORY)
        self.daemons = Daemons(self.host, self.cluster, self.tailnet)
        self.say = say or (lambda words: None)

    def services(self):
        """Name -> service, in the order in which they are started."""
        each = [*self.cluster.services(), *self.tailnet.services(), *self.daemons.services()]
        return {service.name: service for service in each}

    def service(self, name):
        known = self.services()
        if name not in known:
            raise RigError(f'"{name}" is no service; there are {", ".join(known)}')
        if not (self.folder / "pids").is_dir():
            raise RigError(f"there is no rig in {self.folder}: rig up brings one up")
        return known[name]

    # --- up and down ---

    def up(self, with_daemons=True):
        """Brings everything up; leaves nothing behind if that does not work or is interrupted."""
        if self.already_up(with_daemons):
            return
        check_tun()
        if with_daemons:
            self.check_programs()
        found = parts.obtain(self.say)
        self.down()
        try:
            self.bring_up(found, with_daemons)
        except BaseException:
            self.say("cleaning up")
            self.down()
            raise

    def already_up(self, with_daemons):
        """All of it runs: nothing to do but to restart daemons that were built anew since."""
        if not self.is_up(with_daemons):
            return False
        for name in DAEMONS if with_daemons else ():
            pid, _ = self.host.process(name)
            if os.readlink(f"/proc/{pid}/exe").endswith(" (deleted)"):
                self.say(f"{name} was built anew: restarting it")
                self.restart(name)
        self.say("the rig is up already")
        return True

    def is_up(self, with_daemons=True):
        return all(self.host.process(name) for name in self.services()
                   if with_daemons or name not in DAEMONS)

    def check_programs(self):
        missing = [name for name in OURS if not os.access(self.built() / name, os.X_OK)]
        if missing:
            raise RigError(f"{self.built()} has no {', '.join(missing)}; type make")

    @staticmethod
    def built():
        """Where our own programs are; TKA_RIG_PROGRAMS names another build of them."""
        named = os.environ.get("TKA_RIG_PROGRAMS")
        return pathlib.Path(named or REPOSITORY / "build/bin").absolute()

    def bring_up(self, found, with_daemons):
        host, tailnet, cluster = self.host, self.tailnet, self.cluster
        services = self.services()
        host.prepare_folder()
        self.link_programs(found)
        self.make_namespaces()
        self.say("namespaces")
        cluster.configure()
        tailnet.configure()
        host.start(services["etcd"])
        host.begin(services["apiserver"])  # takes seconds: the tailnet comes up meanwhile
        host.start(services["headscale"])
        keys = tailnet.make_users()
        self.say("headscale, users, policy")
        for node in NODES.values():
            tailnet.join(node, keys[node.owner])
        tailnet.await_peers()
        self.say(f"tailnet: {', '.join(NODES)}")
        host.await_ready(services["apiserver"])
        host.begin(services["kcm"])
        self.say("kube-apiserver")
        cluster.apply()
        host.await_ready(services["kcm"])
        self.say("kube-controller-manager, CRD, RBAC, policies")
        self.make_homes()
        if with_daemons:
            self.daemons.configure()
            for name in DAEMONS:
                host.begin(services[name])
            for name in DAEMONS:
                host.await_ready(services[name])
            self.say(f"{', '.join(DAEMONS)}: ready")

    def link_programs(self, found):
        folder = self.folder / "bin"
        folder.mkdir()
        for name, path in found.items():
            (folder / name).symlink_to(path)
        (folder / "tailscale").symlink_to(found["tailscaled"])
        for name in OURS:
            (folder / name).symlink_to(self.built() / name)

    def make_namespaces(self):
        self.host.make_hub()
        for node in NODES.values():
            if node.tun:
                self.host.make_leaf(node.name, node.octet)
        self.host.make_leaf(*LAN)

    def make_homes(self):
        for name in (*NODES, LAN[0]):
            for folder in (".kube", ".cache", ".local/state", "run"):
                (self.home(name) / folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    def home(self, name):
        return self.folder / "home" / name

    def down(self):
        self.host.remove_everything(DAEMONS)

    @contextlib.contextmanager
    def locked(self):
        """Two verbs that change the same rig come one after the other."""
        claim_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- services ---

    def start(self, name):
        service = self.service(name)
        self.host.start(service)
        if name in NODES:
            self.tailnet.greet(name)

    def stop(self, name, kill=False):
        self.host.stop(self.service(name), kill)

    def restart(self, name, kill=False):
        self.stop(name, kill)
        self.start(name)

    # --- commands inside ---

    def node_env(self, name):
        """The whole environment of a command run as a node's user."""
        home = self.home(name)
        env = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
        env.update({
            "HOME": str(home), "USER": name, "LOGNAME": name,
            "PATH": f"{self.built_here()}:{self.folder}/bin:{SYSTEM_PATH}",
            "KUBECONFIG": f"{home}/.kube/config",
            "XDG_RUNTIME_DIR": f"{home}/run", "XDG_STATE_HOME": f"{home}/.local/state",
            "XDG_CACHE_HOME": f"{home}/.cache", "XDG_CONFIG_HOME": f"{home}/.config",
        })
        if name in NODES:
            env["TKA_TAILSCALE_SOCKET"] = str(self.tailnet.socket(name))
        return env

    def built_here(self):
        """The folder of our programs that this rig was brought up with."""
        try:
            return pathlib.Path(os.readlink(self.folder / "bin" / OURS[0])).parent
        except OSError as err:
            raise RigError(f"there is no rig in {self.folder}: rig up brings one up") from err

    def node_argv(self, name, argv):
        """What to execute to run argv in a node's namespace, with the tailnet's host names."""
        if name not in NODES and name not in (LAN[0], "hub"):
            raise RigError(f'"{name}" is no node; there are {", ".join(NODES)} and {LAN[0]}')
        namespace = NODES[name].namespace if name in NODES else name
        path = NAMESPACES / self.host.namespace(namespace)
        if not path.exists():
            raise RigError(f"{name} is not up: there is no namespace {path.name}")
        return ["nsenter", f"--net={path}", "--", "unshare", "--mount", "--propagation", "private",
                "--", "sh", "-c", IN_NODE, "rig", str(self.folder), *argv]

    def admin_env(self):
        env = self.node_env("tka")
        env.update({"KUBECONFIG": str(self.cluster.admin_kubeconfig()),
                    "HOME": str(self.folder / "cluster")})
        return env

    # --- what there is ---

    def facts(self):
        """What tests and people need to know about the rig, as variables of a shell."""
        facts = {
            "RIG_DIR": self.folder, "RIG_BIN": self.built_here(),
            "RIG_CACHE_BIN": parts.cache_bin(), "RIG_API_SERVER": SERVER,
            "RIG_SERVER_URL": f"http://tka:{PORT}", "RIG_SERVER_TUN_URL": f"http://tkatun:{PORT}",
            "RIG_ADMIN_KUBECONFIG": self.cluster.admin_kubeconfig(),
            "RIG_NODE_KUBECONFIG": self.cluster.folder / "node.kubeconfig",
            "RIG_KUBECTL": self.folder / "bin/kubectl",
            "RIG_HUB_NS": self.host.namespace("hub"), "RIG_LAN_NS": self.host.namespace(LAN[0]),
            "RIG_HEADSCALE_CONFIG": self.tailnet.config_path(),
            "RIG_AUDIT_LOG": self.folder / "audit.log",
        }
        for name, node in NODES.items():
            facts[f"RIG_NS_{name.upper()}"] = self.host.namespace(node.namespace)
            facts[f"RIG_SOCKET_{name.upper()}"] = self.tailnet.socket(name)
            facts[f"RIG_IP_{name.upper()}"] = self.tailnet.address(name)
        return {key: str(value) for key, value in facts.items()}

    def shell_facts(self):
        return "".join(f"{key}={quoted(value)}\n" for key, value in self.facts().items())

    def table(self):
        """One row per service: name, state, pid, namespace, memory, age."""
        yield ("SERVICE", "STATE", "PID", "NAMESPACE", "MEMORY", "AGE")
        for name, service in self.services().items():
            running = self.host.process(name)
            if running:
                pid, started = running
                yield (name, "running", str(pid), self.host.namespace(service.namespace),
                       f"{resident_mib(pid)} MiB", f"{age_seconds(started)} s")
            else:
                yield (name, "-", "-", "-", "-", "-")


def check_tun():
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise RigError("the nodes need /dev/net/tun, and it is missing or not ours to open")


def quoted(value):
    return "'" + value.replace("'", "'\\''") + "'"


def resident_mib(pid):
    with contextlib.suppress(OSError, IndexError, ValueError):
        pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // (1 << 20)
    return 0


def age_seconds(start_ticks):
    uptime = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    return int(uptime - start_ticks / os.sysconf("SC_CLK_TCK"))


def progress(stream=sys.stderr):
    """A say() that prints each line with the time since it was made."""
    started = time.monotonic()

    def say(words):
        print(f"{time.monotonic() - started:6.1f} s  {words}", file=stream, flush=True)
    return say


def set_policy_file(rig, path):
    rig.tailnet.set_policy(pathlib.Path(path).read_text())


def restore_policy(rig):
    rig.tailnet.set_policy(json.dumps(DEFAULT_POLICY, indent=2))
