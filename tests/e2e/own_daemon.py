"""own_daemon.py - a tka-server or tka-operator of a test's own, beside those of the rig."""

import contextlib
import copy
import itertools
import json
import pathlib
import re
import shutil
import subprocess

import yaml

from daemons import OPERATOR_HEALTH
from world import eventually, events

PORT = 8124
HEALTH = ("127.0.0.2", 8090)
URL = f"http://tka:{PORT}"
VERBS = {"tka-server": "serve", "tka-operator": "run"}


def change(config, changes):
    """A copy with "section.key" set; None removes it."""
    config = copy.deepcopy(config)
    for path, value in changes.items():
        *sections, key = path.split(".")
        at = config
        for section in sections:
            at = at.setdefault(section, {})
        if value is None:
            at.pop(key, None)
        else:
            at[key] = value
    return config


def config_of(world, program, **changes):
    """What the rig's daemon is configured with, but for where it listens. Keys of changes: section__key."""
    daemons = world.rig.daemons
    if program == "tka-server":
        config = daemons.server_config("server", "tka", "userspace")
        config = change(config, {"tailscale.port": PORT})
    else:
        config = daemons.common("operator", OPERATOR_HEALTH)
    config = change(config, {"health.address": HEALTH[0], "health.port": HEALTH[1]})
    return change(config, {path.replace("__", "."): value for path, value in changes.items()})


def kubeconfig_for(world, program, server, folder):
    """The daemon's own kubeconfig, leading to another address."""
    source = world.folder / program.removeprefix("tka-") / "kubeconfig"
    value = json.loads(source.read_text())
    value["clusters"][0]["cluster"]["server"] = server
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kubeconfig").write_text(json.dumps(value))
    return str(folder / "kubeconfig")


# Preloaded: what is freed becomes garbage for good, so that whoever still stands on it falls.
WIPING = """
#include <malloc.h>
#include <string.h>
void free(void *pointer) { if (pointer) memset(pointer, 0xa5, malloc_usable_size(pointer)); }
"""


def wiping_env(world):
    """The environment of such a daemon."""
    library = world.folder / "wiping.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-fno-builtin", "-x", "c", "-o", library, "-"], input=WIPING, text=True,
                   check=True, timeout=30)
    return {"PATH": world.rig.admin_env()["PATH"], "LD_PRELOAD": str(library)}


class OwnDaemon:
    """One that runs in a namespace of the rig."""

    count = itertools.count()

    def __init__(self, world, program, config, wrap=(), env=None, namespace="hub"):
        self.world, self.program, self.namespace = world, program, namespace
        self.folder = world.folder / f"own-{next(self.count)}-{program}"
        self.folder.mkdir()
        self.health = config["health"]["address"], config["health"]["port"]
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config))
        argv = [*wrap, world.rig.built_here() / program, VERBS[program], "--config", self.folder / "config.yaml"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in world.rig.node_argv(namespace, argv)], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=env or {"PATH": world.rig.admin_env()["PATH"], "HOME": str(self.folder)})

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def log_lines(self, **fields):
        return events(self.log(), **fields)

    def probe(self, path="/readyz"):
        """(status, text); (0, "") while nobody listens."""
        connection = self.world.rig.host.http(self.namespace, self.health, timeout=3)
        with contextlib.closing(connection):
            try:
                connection.request("GET", path)
                answer = self.world.answer_of(connection.getresponse())
            except OSError:
                assert self.process.poll() is None, f"{self.program} ended: {self.log()}"
                return 0, ""
        return answer.status, answer.text

    def await_status(self, status, words="", seconds=15):
        """Waits until /readyz says so; returns what it says."""
        def look():
            said = self.probe()
            return said if said[0] == status and words in said[1] else None
        try:
            return eventually(f"{self.program}: {status} {words}", look, seconds)[1]
        except Exception as err:
            raise AssertionError(f"{err}; it says {self.probe()}; its log: {self.log()[-2000:]}") from err

    def resident_mib(self):
        """The most memory it ever had, in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        """Ends it, as a sound daemon ends: at SIGTERM, within its drain, with 0."""
        status = self.process.poll()
        if status is None:
            self.process.terminate()
            try:
                status = self.process.wait(13)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                status = "killed: SIGTERM did not end it"
        log = self.log()
        shutil.rmtree(self.folder)
        assert status == 0, f"{self.program} ended with {status}: {log[-2000:]}"
        assert "eyJ" not in log and "Sanitizer" not in log, log[-4000:]


@contextlib.contextmanager
def own_daemon(world, program, config=None, **more):
    daemon = OwnDaemon(world, program, config or config_of(world, program), **more)
    try:
        yield daemon
    except BaseException:
        with contextlib.suppress(AssertionError):
            daemon.stop()
        raise
    else:
        daemon.stop()
