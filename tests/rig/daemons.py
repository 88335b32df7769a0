"""daemons.py - tka-server, twice, and tka-operator: their configuration and how they are run."""

import base64

from cluster import RELEASE, ROLES, SERVER, SESSIONS
from host import Service, ask
from tailnet import CAPABILITY, PORT

SERVER_HEALTH = ("127.0.0.2", 8080)
OPERATOR_HEALTH = ("127.0.0.1", 8081)

# Service -> (program, verb, namespace, where /readyz is, ServiceAccount)
DAEMONS = {
    "server": ("tka-server", "serve", "hub", SERVER_HEALTH, "tka-server"),
    "server-tun": ("tka-server", "serve", "tkatun", SERVER_HEALTH, "tka-server"),
    "operator": ("tka-operator", "run", "hub", OPERATOR_HEALTH, "tka-operator"),
}


class Daemons:
    """The daemons of one rig."""

    def __init__(self, host, cluster, tailnet):
        self.host, self.cluster, self.tailnet = host, cluster, tailnet
        self.programs = host.folder / "bin"

    def services(self):
        for name, (program, verb, namespace, health, _) in DAEMONS.items():
            yield Service(name, namespace,
                          [self.programs / program, verb, "--config", self.config_path(name)],
                          lambda n=namespace, h=health: self.is_ready(n, h))

    def config_path(self, name):
        return self.host.folder / name / "config.yaml"

    def is_ready(self, namespace, health):
        return ask(self.host.http(namespace, health, timeout=1), "/readyz")[0] == 200

    def configure(self):
        for name, (_, _, _, _, account) in DAEMONS.items():
            self.cluster.give_token(account, self.host.folder / name)
        self.write_config("server", self.server_config("server", "tka", "userspace"))
        self.write_config("server-tun", self.server_config("server-tun", "tkatun", "tun"))
        self.write_config("operator", self.common("operator", OPERATOR_HEALTH))

    def write_config(self, name, config):
        import yaml  # here, because most verbs do not need it and it is slow to load
        self.config_path(name).write_text(yaml.safe_dump(config, sort_keys=False))

    def common(self, name, health):
        return {
            "operator": {"namespace": SESSIONS, "roles": list(ROLES), "clusterName": "rig"},
            "kubernetes": {"kubeconfig": str(self.host.folder / name / "kubeconfig"),
                           "namespace": RELEASE},
            "server": {"minPeriod": "1s", "maxPeriod": "24h"},
            "health": {"address": health[0], "port": health[1]},
            "log": {"level": "info", "format": "json"},
        }

    def server_config(self, name, node, mode):
        ca = (self.cluster.folder / "ca.crt").read_bytes()
        return {
            "tailscale": {"port": PORT, "mode": mode, "socket": str(self.tailnet.socket(node)),
                          "capName": CAPABILITY},
            **self.common(name, SERVER_HEALTH),
            "clusterInfo": {"name": "rig", "apiEndpoint": SERVER,
                            "caData": base64.b64encode(ca).decode(),
                            "labels": {"environment": "rig"}},
        }
