"""own_server.py - a tka-server of a measurement's own, in the tunnel node's namespace, without rate limits."""

import contextlib
import json
import shutil
import subprocess

import yaml

from host import RigError, ask, wait_until

NODE, PORT = "tkatun", 8125
HEALTH = ("127.0.0.2", 8095)


def configure(rig, folder, api):
    """The rig's own configuration, but for where it listens and, if told so, where the API server is."""
    config = rig.daemons.server_config("server-tun", NODE, "tun")
    config["tailscale"]["port"] = PORT
    config["health"] = {"address": HEALTH[0], "port": HEALTH[1]}
    config["api"] = {"requestsPerSecond": 0}
    config["log"]["level"] = "warn"
    if api:
        kubeconfig = json.loads((rig.folder / "server-tun/kubeconfig").read_text())
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
def own_server(rig, api=None, wrap=()):
    """Gives its process once it is ready. api: the address of another API server."""
    folder = rig.folder / "bench-server"
    folder.mkdir(exist_ok=True)
    configure(rig, folder, api)
    argv = [*wrap, rig.built_here() / "tka-server", "serve", "--config", folder / "config.yaml"]
    try:
        with process(rig, NODE, argv, folder / "log") as server:
            def is_ready():
                if server.poll() is not None:
                    raise RigError(f"tka-server ended: {(folder / 'log').read_text()[-500:]}")
                return ask(rig.host.http(NODE, HEALTH, timeout=2), "/readyz")[0] == 200
            wait_until("tka-server is ready", is_ready, 20)
            yield server
    finally:
        shutil.rmtree(folder)
