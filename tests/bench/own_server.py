"""own_server.py - a tka-server of a measurement's own, beside one of the rig's, without rate limits."""

import contextlib
import json
import shutil
import subprocess

import yaml

from host import RigError, ask, wait_until
from tailnet import NODES

NODE, USERSPACE_NODE, PORT = "tkatun", "tka", 8125
SERVERS = {NODE: ("server-tun", NODE, "tun"), USERSPACE_NODE: ("server", USERSPACE_NODE, "userspace")}
HEALTH = ("127.0.0.2", 8095)


def configure(rig, folder, node, api):
    """The rig's own configuration, but for where it listens and, if told so, where the API server is."""
    config = rig.daemons.server_config(*SERVERS[node])
    config["tailscale"]["port"] = PORT
    config["health"] = {"address": HEALTH[0], "port": HEALTH[1]}
    config["api"] = {"requestsPerSecond": 0}
    config["log"]["level"] = "warn"
    if api:
        kubeconfig = json.loads((rig.folder / SERVERS[node][0] / "kubeconfig").read_text())
        kubeconfig["clusters"][0]["cluster"]["server"] = api
        (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
        config["kubernetes"]["kubeconfig"] = str(folder / "kubeconfig")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


@contextlib.contextmanager
def process(rig, namespace, argv, log):
    """A process in a namespace of the rig, ended at the end."""
    with log.open("wb") as output:
        running = subprocess.Popen([str(word) for word in rig.node_argv(namespace, argv)],
                                   env={"PATH": rig.admin_env()["PATH"]}, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(20)


@contextlib.contextmanager
def own_server(rig, node=NODE, api=None, wrap=()):
    """Gives its process once it is ready. api: the address of another API server."""
    folder, namespace = rig.folder / "bench-server", NODES[node].namespace
    folder.mkdir(exist_ok=True)
    configure(rig, folder, node, api)
    argv = [*wrap, rig.built_here() / "tka-server", "serve", "--config", folder / "config.yaml"]
    try:
        with process(rig, namespace, argv, folder / "log") as server:
            def is_ready():
                if server.poll() is not None:
                    raise RigError(f"tka-server ended: {(folder / 'log').read_text()[-500:]}")
                return ask(rig.host.http(namespace, HEALTH, timeout=2), "/readyz")[0] == 200
            wait_until("tka-server is ready", is_ready, 20)
            yield server
    finally:
        shutil.rmtree(folder)
