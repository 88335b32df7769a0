"""node.py - a real Kubernetes node beside a rig: kubelet, containerd and the rest of a cluster of its own,
on a machine of the rig's network, so that its pods and the rig's people share a tailnet."""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import parts
from host import HUB_ADDRESS, NAMESPACES, SUBNET, RigError, command, wait_until

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "deploy/image"))

import debian  # noqa: E402
import oci  # noqa: E402
from tree import Entry, Tree  # noqa: E402

NAME, OCTET = "node", 30
ADDRESS = f"{SUBNET}.{OCTET}"
API = f"https://{ADDRESS}"
PODS = "10.98.0.0/24"
PAUSE_IMAGE = "localhost/pause:0"
TAILSCALE_IMAGE = "localhost/tailscale:0"
FOLDERS = ("pki", "log", "run", "cni", "kubelet", "containerd", "etcd", "sysctl", "bin", "images")
KEPT_NOWHERE = ("containerd", "over", "etcd", "images", "kubelet")

# Name -> (subject, extra names in the certificate).
CERTIFICATES = {
    "apiserver": ("/CN=apiserver", f"IP:10.96.0.1,IP:{ADDRESS},IP:127.0.0.1,DNS:kubernetes.default.svc"),
    "kubelet-client": ("/O=system:masters/CN=apiserver-kubelet-client", ""),
    "admin": ("/O=system:masters/CN=admin", ""),
    "controllers": ("/CN=system:kube-controller-manager", "DNS:localhost,IP:127.0.0.1"),
    "scheduler": ("/CN=system:kube-scheduler", "DNS:localhost,IP:127.0.0.1"),
    "kubelet": (f"/O=system:nodes/CN=system:node:{NAME}", f"IP:{ADDRESS},DNS:{NAME}"),
}
KUBECONFIGS = ("admin", "controllers", "scheduler", "kubelet")

CONTAINERD = """version = 2
root = '{folder}/containerd'
state = '/run/containerd'
[grpc]
address = '/run/containerd/containerd.sock'
[plugins.'io.containerd.grpc.v1.cri']
sandbox_image = '{pause}'
disable_apparmor = true
restrict_oom_score_adj = true
[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc.options]
BinaryName = '/usr/sbin/runc'
SystemdCgroup = false
[plugins.'io.containerd.grpc.v1.cri'.cni]
conf_dir = '{folder}/cni'
bin_dir = '/usr/lib/cni'
"""


def obstacle():
    """Why a node cannot run on this machine, in words; None where it can."""
    if os.geteuid() != 0:
        return "a node needs root, and this is not"
    if pathlib.Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]:
        return "a node needs the machine's own root, and this is that of a user namespace"
    if subprocess.run(["unshare", "-m", "-p", "-i", "-u", "--fork", "true"], check=False, capture_output=True).returncode:
        return "a node needs namespaces of its own, and unshare -m -p -i -u is refused here"
    if not pathlib.Path("/sys/fs/cgroup/memory").is_dir():
        return "the node needs cgroup v1, and this machine has none: systemd.unified_cgroup_hierarchy=0"
    return None


class Node:
    """The node of one rig, in a folder below the rig's."""

    def __init__(self, rig):
        self.rig = rig
        self.folder = rig.folder / "machine"
        self.group = "tkanode-" + hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]
        self.process = None

    # --- up and down ---

    def up(self, images):
        """Brings it up with these OCI archives."""
        self.down()
        self.configure()
        self.make_pause()
        self.make_tailscale()
        for image in images:
            (self.folder / "images" / image.name).symlink_to(image)
        self.make_network()
        self.process = subprocess.Popen(
            ["nsenter", f"--net={NAMESPACES / self.rig.host.namespace(NAME)}", "--", "unshare", "--fork",
             "--kill-child", "-m", "-p", "-i", "-u", "--mount-proc", "--", HERE / "node-init", self.folder, ADDRESS,
             self.group], stdin=subprocess.DEVNULL, stdout=(self.folder / "log/init").open("wb"),
            stderr=subprocess.STDOUT, start_new_session=True)
        wait_until("containerd", lambda: self.runs("ctr", "version"), 30, self.broken)
        for image in sorted((self.folder / "images").iterdir()):
            self.enter("ctr", "-n", "k8s.io", "images", "import", image)
        wait_until("the node", self.is_ready, 90, self.broken)

    def down(self):
        """Ends it with every container, and takes its leg out of the network; logs stay."""
        with contextlib.suppress(OSError, IndexError):
            if self.process:
                os.kill(self.init(), signal.SIGKILL)
                self.process.wait(20)
        if self.rig.host.namespace(NAME) in self.rig.host.namespaces():
            command("ip", "netns", "del", self.rig.host.namespace(NAME))
        for folder in pathlib.Path("/sys/fs/cgroup").glob(f"*/{self.group}"):
            for path, _, _ in os.walk(folder, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        for name in ("bin", *KEPT_NOWHERE):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def broken(self):
        if self.process.poll() is None:
            return None
        return "it ended: " + (self.folder / "log/init").read_text()[-500:]

    def is_ready(self):
        with contextlib.suppress(RigError):
            return "True" in self.kubectl("get", "node", NAME, "-o",
                                          'jsonpath={.status.conditions[?(@.type=="Ready")].status}')
        return False

    def make_network(self):
        """A leg in the rig's network; the rig knows the way to its pods."""
        host = self.rig.host
        host.make_leaf(NAME, OCTET)
        command("ip", "-n", host.namespace("hub"), "route", "replace", PODS, "via", ADDRESS)
        command("ip", "-n", host.namespace(NAME), "route", "replace", "default", "via", HUB_ADDRESS)

    # --- inside ---

    def init(self):
        """The process that is number 1 in there."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def argv(self, *argv):
        """How something is run in there."""
        return [str(word) for word in (
            "nsenter", "-t", self.init(), "-m", "-r", "-n", "-p", "-i", "-u", "--", "env", f"HOME={self.folder}/run",
            f"PATH={self.folder}/bin:{os.environ['PATH']}", f"KUBECONFIG={self.folder}/admin.kubeconfig",
            "CONTAINERD_ADDRESS=/run/containerd/containerd.sock", *argv)]

    def enter(self, *argv, text=None, seconds=60):
        return command(*self.argv(*argv), text=text, seconds=seconds)

    def runs(self, *argv):
        with contextlib.suppress(RigError, OSError, IndexError):
            self.enter(*argv)
            return True
        return False

    def kubectl(self, *argv, text=None, seconds=60):
        return self.enter("kubectl", *argv, text=text, seconds=seconds)

    def apply(self, *objects):
        self.kubectl("apply", "--server-side", "-f", "-", text="---\n".join(json.dumps(each) for each in objects))

    def get(self, *argv):
        """What kubectl get says, as a value."""
        return json.loads(self.kubectl("get", *argv, "-o", "json"))

    def pid_of(self, name):
        """The number, in there, of the one process of that name."""
        pid = self.enter("pgrep", "-x", name).split()
        if len(pid) != 1:
            raise RigError(f"there are {len(pid)} processes called {name}")
        return pid[0]

    def process_status(self, name):
        """What /proc says of it, as a dictionary."""
        rows = (line.split(":", 1) for line in self.enter("cat", f"/proc/{self.pid_of(name)}/status").splitlines())
        return {key: value.strip() for key, value in rows}

    def listeners(self, name):
        """(program, address, port) of each socket that takes TCP connections in the pod of the process of that name."""
        rows = self.enter("nsenter", "-t", self.pid_of(name), "-n", "ss", "-Hltnp").splitlines()
        found = (re.fullmatch(r'LISTEN +\d+ +\d+ +(\S+):(\d+) .* users:\(\("([^"]+)".*', row.rstrip()) for row in rows)
        return {(program, address, int(port)) for address, port, program in (each.groups() for each in found)}

    def restart_kubelet(self):
        """Ends it as a crash does; node-init starts it again."""
        before = (self.folder / "kubelet.pid").read_text()
        self.enter("kill", "-KILL", before.strip())
        wait_until("another kubelet", lambda: (self.folder / "kubelet.pid").read_text() not in ("", before), 10)

    # --- what it is made of ---

    def configure(self):
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        found = {**parts.obtain(self.rig.say), **parts.obtain(self.rig.say, parts.NODE_PARTS)}
        for name, path in found.items():
            (self.folder / "bin" / name).symlink_to(path)
        self.make_certificates()
        for name in KUBECONFIGS:
            self.write_kubeconfig(name)
        (self.folder / "kubelet.yaml").write_text(json.dumps(self.kubelet_config(), indent=2))
        (self.folder / "containerd.toml").write_text(CONTAINERD.format(folder=self.folder, pause=PAUSE_IMAGE))
        (self.folder / "cni/10-bridge.conflist").write_text(json.dumps({
            "cniVersion": "1.0.0", "name": "bridge", "plugins": [{
                "type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False,
                "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": PODS}]],
                         "routes": [{"dst": "0.0.0.0/0"}]}}]}))

    def make_certificates(self):
        at = self.folder / "pki"
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        command("openssl", "req", "-x509", *curve, "-days", "30", "-subj", "/CN=node", "-keyout", at / "ca.key",
                "-out", at / "ca.crt")
        command("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out",
                at / "accounts.key")
        for name, (subject, names) in CERTIFICATES.items():
            command("openssl", "req", "-new", *curve, "-subj", subject, "-keyout", at / f"{name}.key",
                    "-out", at / f"{name}.csr")
            (at / "extensions").write_text("extendedKeyUsage=serverAuth,clientAuth\n"
                                           + (f"subjectAltName={names}\n" if names else ""))
            command("openssl", "x509", "-req", "-in", at / f"{name}.csr", "-days", "30", "-CA", at / "ca.crt", "-CAkey",
                    at / "ca.key", "-CAcreateserial", "-extfile", at / "extensions", "-out", at / f"{name}.crt")

    def write_kubeconfig(self, name):
        at = self.folder / "pki"
        (self.folder / f"{name}.kubeconfig").write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "node",
            "clusters": [{"name": "node", "cluster": {"server": API, "certificate-authority": f"{at}/ca.crt"}}],
            "users": [{"name": "node", "user": {"client-certificate": f"{at}/{name}.crt",
                                                "client-key": f"{at}/{name}.key"}}],
            "contexts": [{"name": "node", "context": {"cluster": "node", "user": "node"}}]}))

    def kubelet_config(self):
        at = self.folder / "pki"
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{self.group}", "cgroupsPerQOS": True,
            "enforceNodeAllocatable": ["pods"], "failSwapOn": False,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock", "address": ADDRESS,
            "tlsCertFile": f"{at}/kubelet.crt", "tlsPrivateKeyFile": f"{at}/kubelet.key",
            "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                               "x509": {"clientCAFile": f"{at}/ca.crt"}},
            "authorization": {"mode": "Webhook"}, "resolvConf": "", "seccompDefault": True,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "500Mi", "imagefs.available": "500Mi"},
            "syncFrequency": "5s", "nodeStatusUpdateFrequency": "2s", "volumePluginDir": f"{self.folder}/plugins",
        }

    def make_pause(self):
        program = self.folder / "pause"
        command("cc", "-O2", "-static", "-o", program, HERE / "node-pause.c")
        tree = Tree()
        tree.add("/pause", Entry(program.read_bytes(), 0o755))
        self.write_image(PAUSE_IMAGE, tree, "/pause", "65532:65532")

    def make_tailscale(self):
        """As the official image is: containerboot starts tailscaled, and talks to it as tailscale does."""
        tree = Tree()
        for name in ("containerboot", "tailscaled"):
            tree.add(f"/usr/bin/{name}", Entry((self.folder / "bin" / name).read_bytes(), 0o755))
        tree.link("/usr/bin/tailscale", "tailscaled")
        self.write_image(TAILSCALE_IMAGE, tree, "containerboot", "0:0")

    def write_image(self, name, tree, program, user):
        image = oci.Image(name=name, architecture=debian.architecture(), epoch=0, user=user, command=(program,),
                          labels={})
        file = name.rpartition("/")[2].replace(":", "-") + ".tar"
        oci.write_archive(self.folder / "images" / file, image, tree.tar(0), level=1)

