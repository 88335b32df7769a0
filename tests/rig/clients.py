"""clients.py - programs that call exec plugins, other plugins, and what checks what we deliver: for
tests and the benchmark.

Each is obtained once, from its registry into a folder of the rig's cache that is named after what
decides how it comes out: the files of its folder under clients/.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

import parts
from host import RigError, command

HERE = pathlib.Path(__file__).resolve().parent / "clients"
GO_FLAGS = "-s -w"
KUBECTL_FLAGS = GO_FLAGS + " -X k8s.io/component-base/version.gitVersion=v1.32.13"
READY = "ready"


@dataclasses.dataclass(frozen=True)
class GoClient:
    """A program built from the folder's go.mod."""

    folder: str
    package: str
    flags: str = GO_FLAGS

    def make(self, target, say):
        env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off",
               "GOFLAGS": "-buildvcs=false"}
        argv = ["nice", parts.find_go(say), "build", "-trimpath", "-ldflags", self.flags,
                "-o", str(target / self.folder), self.package]
        run_watched(self.folder, target, argv, HERE / self.folder, env)

    def argv(self, target):
        return [target / self.folder]


@dataclasses.dataclass(frozen=True)
class PythonClient:
    """A script, and a Python that has the packages of requirements.txt."""

    folder: str
    script: str

    def make(self, target, _):
        install_packages(self.folder, target)

    def argv(self, target):
        return [target / "bin/python", HERE / self.folder / self.script]


@dataclasses.dataclass(frozen=True)
class JavascriptClient:
    """A script, the packages of package.json, and the node of requirements.txt: Debian's is too old."""

    folder: str = "javascript"

    def make(self, target, _):
        install_packages(self.folder, target)
        for name in ("package.json", "package-lock.json", "list.mjs"):
            shutil.copy(HERE / self.folder / name, target)
        argv = ["nice", target / "bin/npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        run_watched("javascript packages", target, argv, target,
                    {**os.environ, "PATH": f"{target}/bin:{os.environ['PATH']}"})

    def argv(self, target):
        return [target / "bin/node", target / "list.mjs"]


@dataclasses.dataclass(frozen=True)
class PythonTool:
    """A program of a package in the folder's requirements.txt."""

    folder: str
    program: str

    def make(self, target, _):
        install_packages(self.folder, target)

    def argv(self, target):
        return [target / "bin" / self.program]


@dataclasses.dataclass(frozen=True)
class DebianTool:
    """One program of the Debian package that the folder's file names, without installing the rest."""

    folder: str
    path: str

    def make(self, target, _):
        package = (HERE / self.folder / "package").read_text().strip()
        run_watched(package, target, ["apt-get", "download", package], target, None)
        command("dpkg-deb", "-x", *target.glob("*.deb"), target / "root", seconds=120)

    def argv(self, target):
        return [target / "root" / self.path]


@dataclasses.dataclass(frozen=True)
class GoFiles:
    """No program but files of a module in the folder's go.mod: what its path pattern finds there."""

    folder: str
    module: str
    pattern: str

    def make(self, target, say):
        env = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
        go = parts.find_go(say)
        run_watched(self.module, target, [go, "mod", "download", self.module], HERE / self.folder, env)
        folder = command(go, "-C", HERE / self.folder, "list", "-m", "-f", "{{.Dir}}", self.module, env=env).strip()
        for path in pathlib.Path(folder).glob(self.pattern):
            shutil.copyfile(path, target / path.name)

    def argv(self, target):
        return sorted(path for path in target.iterdir() if path.match(pathlib.PurePath(self.pattern).name))


CLIENTS = {
    "kubectl-1.32": GoClient("kubectl", ".", KUBECTL_FLAGS),
    "helm": GoClient("helm", "helm.sh/helm/v4/cmd/helm"),
    "python": PythonClient("python", "list.py"),
    "javascript": JavascriptClient(),
    "kubelogin": GoClient("kubelogin", "github.com/int128/kubelogin"),
    "etcdctl": GoClient("etcd", "go.etcd.io/etcd/etcdctl/v3"),
    "etcdutl": GoClient("etcd", "go.etcd.io/etcd/etcdutl/v3"),
    "krew": GoClient("krew", "sigs.k8s.io/krew/cmd/krew"),
    "krew-validator": GoClient("krew", "sigs.k8s.io/krew/cmd/validate-krew-manifest"),
    "kubeconform": GoClient("checks", "github.com/yannh/kubeconform/cmd/kubeconform"),
    "kube-score": GoClient("checks", "github.com/zegl/kube-score/cmd/kube-score"),
    "powershell-grammar": PythonClient("powershell", "parse.py"),
    "spdx": PythonTool("spdx", "pyspdxtools"),
    "sslyze": PythonTool("sslyze", "sslyze"),
    "schemathesis": PythonTool("schemathesis", "schemathesis"),
    "promtool": DebianTool("promtool", "usr/bin/promtool"),
    "prometheus-crds": GoFiles("prometheus-operator", "github.com/prometheus-operator/prometheus-operator",
                               "example/prometheus-operator-crd/monitoring.coreos.com_*.yaml"),
}


def install_packages(folder, target):
    """A virtual environment of its own."""
    command("/usr/bin/python3", "-m", "venv", target, seconds=300)
    argv = ["nice", target / "bin/pip", "install", "--quiet", "-r", HERE / folder / "requirements.txt"]
    run_watched(f"{folder} packages", target, argv, target, None)


def run_watched(name, target, argv, folder, env):
    log = target / "log"
    with log.open("w") as words:
        status = parts.watch(name, subprocess.Popen(
            [str(word) for word in argv], cwd=folder, env=env, stdin=subprocess.DEVNULL,
            stdout=words, stderr=words))
    if status != 0:
        tail = "\n".join(log.read_text().splitlines()[-15:])
        raise RigError(f"making {name}:\n{tail}")


def place(name):
    """The client's folder in the cache."""
    client = CLIENTS[name]
    recipe = hashlib.sha256(repr(client).encode())
    for path in sorted((HERE / client.folder).iterdir()):
        recipe.update(path.name.encode() + b"\0" + path.read_bytes())
    return parts.cache() / "clients" / f"{name}-{recipe.hexdigest()[:12]}"


def obtain(name, say):
    """How the client's command line begins. Made first, where it is not there yet."""
    target = place(name)
    if not (target / READY).exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with (target.parent / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (target / READY).exists():
                say(f"getting {name}: once, into {target}")
                make(name, target, say)
    return [str(word) for word in CLIENTS[name].argv(target)]


def make(name, target, say):
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    try:
        CLIENTS[name].make(target, say)
        (target / READY).touch()
    finally:
        if not (target / READY).exists():
            with contextlib.suppress(OSError):
                shutil.rmtree(target)
