"""tailnet.py - headscale, one tailscaled per node, and the policy that says who may do what."""

import contextlib
import dataclasses
import http.client
import json
import re
import shutil
import time
import urllib.parse

from host import HUB_ADDRESS, RigError, Service, UnixConnection, ask, command, wait_until

CAPABILITY = "specht-labs.de/cap/tka"
MARKER_CAPABILITY = "tka.test/cap/policy"
PORT = 8123
CONTROL = (HUB_ADDRESS, 8080)

# Name -> login name. Two of them are called alice, in different organisations.
USERS = {
    "alice": "alice@example.com",
    "bob": "bob@example.com",
    "carol": "carol@example.com",
    "aliceorg": "alice@example.org",
}


@dataclasses.dataclass(frozen=True)
class Node:
    """A machine in the tailnet, owned by one of USERS or a tag. Without TUN it is in the hub."""

    name: str
    owner: str
    octet: int = 0

    @property
    def tun(self):
        return self.octet != 0

    @property
    def namespace(self):
        return self.name if self.tun else "hub"


# They join one after the other in this order, which is what fixes their addresses.
NODES = {node.name: node for node in (
    Node("tka", "tag:tka"),
    Node("tkatun", "tag:tka", 11),
    Node("alice", "alice", 12),
    Node("desktop", "alice", 13),
    Node("bob", "bob", 14),
    Node("carol", "carol", 15),
    Node("aliceorg", "aliceorg", 16),
    Node("ci", "tag:ci", 17),
)}
LAN = ("lan", 20)
SERVERS = ("tka", "tkatun")

DEFAULT_POLICY = {
    "groups": {
        "group:k8s-admins": ["alice@example.com"],
        "group:viewers": ["bob@example.com", "alice@example.org"],
    },
    "tagOwners": {"tag:tka": ["group:k8s-admins"], "tag:ci": ["group:k8s-admins"]},
    "grants": [
        {"src": ["autogroup:member", "tag:ci"], "dst": ["tag:tka"], "ip": ["tcp:*"]},
        {"src": ["group:k8s-admins"], "dst": ["tag:tka"], "ip": ["tcp:*"], "app": {CAPABILITY: [
            {"role": "cluster-admin", "period": "1h", "priority": 200},
            {"role": "view", "period": "1h", "priority": 100},
        ]}},
        {"src": ["group:viewers"], "dst": ["tag:tka"], "ip": ["tcp:*"], "app": {CAPABILITY: [
            {"role": "view", "period": "1h", "priority": 100},
        ]}},
    ],
}

# What is not JSON in a policy people write: comments and commas before a closing bracket.
NOT_JSON = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/'
                      r'|,(?=(?:\s|//[^\n]*|/\*.*?\*/)*[\]}])', re.DOTALL)


def parse_policy(text):
    """The policy as a value; None where only headscale can say what is wrong with it."""
    try:
        policy = json.loads(NOT_JSON.sub(lambda match: match[1] or "", text))
    except ValueError:
        return None
    grants = policy.get("grants", []) if isinstance(policy, dict) else None
    return policy if isinstance(grants, list) else None


class Tailnet:
    """The tailnet of one rig."""

    def __init__(self, host):
        self.host = host
        self.folder = host.folder / "headscale"
        self.programs = host.folder / "bin"

    # --- addresses ---

    def address(self, name):
        return f"100.64.0.{list(NODES).index(name) + 1}"

    def address6(self, name):
        return f"fd7a:115c:a1e0::{list(NODES).index(name) + 1:x}"

    def socket(self, name):
        return self.host.folder / "node" / name / "tailscaled.sock"

    def hosts(self):
        """What /etc/hosts says to the nodes: short names are IPv4, full ones both families."""
        lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"]
        for name in NODES:
            lines.append(f"{self.address(name)} {name} {name}.tailnet.test")
            lines.append(f"{self.address6(name)} {name}.tailnet.test")
        return "\n".join(lines) + "\n"

    # --- services ---

    def services(self):
        yield Service("headscale", "hub", [self.programs / "headscale", "-c", self.config_path(),
                                           "serve"], self.control_is_healthy)
        for node in NODES.values():
            yield self.node_service(node)

    def node_service(self, node):
        folder = self.socket(node.name).parent
        argv = [self.programs / "tailscaled", "--no-logs-no-support", "--port=0",
                f"--statedir={folder}", f"--state={folder}/state",
                f"--socket={self.socket(node.name)}",
                f"--config={folder}/config.json",
                "--tun=tailscale0" if node.tun else "--tun=userspace-networking"]
        env = {"TS_LOGS_DIR": str(folder), "TS_NO_LOGS_NO_SUPPORT": "true",
               "TS_PANIC_IF_HIT_MAIN_CONTROL": "1", "TS_DISABLE_PORTMAPPER": "1",
               "TS_DEBUG_USE_DERP_HTTP": "1", "TS_ALLOW_SELF_INGRESS": "1"}
        return Service(node.name, node.namespace, argv, lambda: self.is_running(node.name), env)

    def config_path(self):
        return self.folder / "config.yaml"

    def control_is_healthy(self):
        return ask(self.host.http("hub", CONTROL, timeout=1), "/health")[0] == 200

    # --- LocalAPI ---

    def local(self, name, path, method="GET", timeout=5, body=None):
        """(status, value) of one LocalAPI call at a node."""
        connection = UnixConnection(self.socket(name), "local-tailscaled.sock", timeout)
        status, text = ask(connection, "/localapi/v0/" + path, method, body)
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode(errors="replace").strip()

    def is_running(self, name):
        status, value = self.local(name, "status?peers=false", timeout=1)
        return status == 200 and value["BackendState"] == "Running" and bool(value["TailscaleIPs"])

    def whois(self, at, address):
        """What the node `at` knows about a peer; None if it knows nobody there."""
        status, value = self.local(at, "whois?addr=" + urllib.parse.quote(address))
        return value if status == 200 else None

    # --- bring-up ---

    def configure(self):
        self.folder.mkdir()
        self.config_path().write_text(json.dumps(self.control_config(), indent=2) + "\n")
        (self.host.folder / "hosts").write_text(self.hosts())
        (self.host.folder / "resolv.conf").write_text("nameserver 127.0.0.1\n")

    def control_config(self):
        # Everything of the control plane that must not be reachable from the tailnet listens on
        # 127.0.0.3: the node in userspace mode hands connections from peers to 127.0.0.1.
        return {
            "server_url": f"http://{CONTROL[0]}:{CONTROL[1]}",
            "listen_addr": f"{CONTROL[0]}:{CONTROL[1]}",
            "metrics_listen_addr": "",
            "grpc_listen_addr": "127.0.0.3:50443",
            "grpc_allow_insecure": False,
            "noise": {"private_key_path": f"{self.folder}/noise.key"},
            "prefixes": {"v4": "100.64.0.0/10", "v6": "fd7a:115c:a1e0::/48",
                         "allocation": "sequential"},
            "derp": {
                "server": {
                    "enabled": True, "region_id": 900, "region_code": "rig", "region_name": "rig",
                    "verify_clients": True, "stun_listen_addr": f"{HUB_ADDRESS}:3478",
                    "private_key_path": f"{self.folder}/derp.key", "ipv4": HUB_ADDRESS,
                    "automatically_add_embedded_derp_region": True,
                },
                "urls": [], "paths": [], "auto_update_enabled": False,
            },
            "disable_check_updates": True,
            "logtail": {"enabled": False},
            "taildrop": {"enabled": False},
            "database": {"type": "sqlite", "sqlite": {"path": f"{self.folder}/db.sqlite",
                                                      "write_ahead_log": True}},
            "policy": {"mode": "database"},
            "dns": {"magic_dns": True, "base_domain": "tailnet.test", "override_local_dns": False,
                    "nameservers": {"global": []}},
            "log": {"level": "info", "format": "text"},
            "tuning": {"batch_change_delay": "20ms", "node_store_batch_timeout": "10ms"},
            "unix_socket": f"{self.folder}/socket",
            "unix_socket_permission": "0700",
        }

    def control(self, *argv):
        """One call of headscale's own command line."""
        text = command(self.programs / "headscale", "-c", self.config_path(), *argv, "-o", "json")
        return json.loads(text) if text.strip().startswith(("{", "[")) else text

    def make_users(self):
        """Users and the default policy; returns owner -> key to join with."""
        keys = {}
        for name, login in USERS.items():
            user = self.control("users", "create", name, "--email", login)
            key = self.control("preauthkeys", "create", "-u", user["id"], "--reusable", "-e", "24h")
            keys[name] = key["key"]
        self.set_policy(json.dumps(DEFAULT_POLICY, indent=2), wait=False)
        for tag in ("tag:tka", "tag:ci"):
            key = self.control("preauthkeys", "create", "--tags", tag, "--reusable", "-e", "24h")
            keys[tag] = key["key"]
        return keys

    def join(self, node, key):
        """Starts a node and waits until it has the address the order of joining gives it."""
        folder = self.socket(node.name).parent
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        config = folder / "config.json"
        config.touch(0o600)
        config.write_text(json.dumps({
            "version": "alpha0", "Locked": False, "ServerURL": f"http://{CONTROL[0]}:{CONTROL[1]}",
            "AuthKey": key, "Hostname": node.name, "acceptDNS": False, "NetfilterMode": "off"}))
        self.host.start(self.node_service(node))
        addresses = self.local(node.name, "status?peers=false")[1]["TailscaleIPs"]
        if self.address(node.name) not in addresses:
            raise RigError(f"{node.name} got {addresses[0]}, not {self.address(node.name)}")

    def await_peers(self):
        """Waits until both servers know every node and the policy."""
        for server in SERVERS:
            for name in NODES:
                wait_until(f"{server} knows {name}",
                           lambda s=server, n=name: self.whois(s, self.address(n)), 20)
        self.await_policy(self.revision)

    def greet(self, name):
        """After a restart a peer's first packet may wait 5 s for a new handshake. Pinging all of
        them at once, and waiting for the answers, has that over with before the node is used."""
        others = SERVERS if name not in SERVERS else [n for n in NODES if n != name]
        calls = []
        for other in others:
            call = UnixConnection(self.socket(name), "local-tailscaled.sock", timeout=8)
            with contextlib.suppress(OSError):
                call.request("POST", f"/localapi/v0/ping?ip={self.address(other)}&type=TSMP")
                calls.append(call)
        for call in calls:
            with contextlib.suppress(OSError, http.client.HTTPException):
                call.getresponse().read()
            call.close()

    def expire(self, name, expired=True):
        """Ends the key of a node, as if its time had come, or makes it good again; returns when the
        servers know. The node itself notices at once."""
        number = str(list(NODES).index(name) + 1)
        self.control("nodes", "expire", "-i", number, *([] if expired else ["--disable"]))
        for server in SERVERS:
            wait_until(f"{server} learns of {name}", lambda s=server: expired == bool(
                (self.whois(s, self.address(name)) or {"Node": {}})["Node"].get("Expired")), 20)

    @contextlib.contextmanager
    def calling_itself(self, name, host_name):
        """The node has another host name, and the servers know; it has its own again at the end."""
        self.call(name, host_name)
        try:
            yield
        finally:
            self.call(name, name)

    def call(self, name, host_name):
        self.local(name, "prefs", "PATCH", body=json.dumps({"Hostname": host_name, "HostnameSet": True}))
        for server in SERVERS:
            wait_until(f"{server} learns the new name of {name}", lambda s=server: host_name in (
                peer["HostName"] for peer in self.local(s, "status")[1]["Peer"].values()), 20)

    # --- policy ---

    def set_policy(self, text, wait=True):
        """Hands a policy to headscale; returns when WhoIs at both servers shows it.

        A grant between the two servers, added here, carries a number that tells policies apart:
        a node gets all of a policy at once, so where the number shows, the rest does.
        """
        self.revision = time.time_ns()
        policy = parse_policy(text)
        if policy is not None:
            policy.setdefault("tagOwners", {}).setdefault("tag:tka", ["alice@example.com"])
            policy["grants"] = [*policy.get("grants", []), {
                "src": ["tag:tka"], "dst": ["tag:tka"], "ip": ["tcp:1"],
                "app": {MARKER_CAPABILITY: [str(self.revision)]}}]
            text = json.dumps(policy, indent=2)
        path = self.folder / "policy.json"
        path.write_text(text)
        command(self.programs / "headscale", "-c", self.config_path(), "policy", "set", "-f", path)
        path.replace(self.host.folder / "policy.json")
        if wait and policy is None:
            raise RigError("the policy is set, but not in a form that shows when it is in force")
        if wait:
            self.await_policy(self.revision)

    def await_policy(self, revision):
        for at, peer in (SERVERS, SERVERS[::-1]):
            wait_until(f"the policy at {at}", lambda a=at, p=peer: self.shows(a, p, revision), 20)

    def shows(self, at, peer, revision):
        known = self.whois(at, self.address(peer))
        return known and str(revision) in ((known["CapMap"] or {}).get(MARKER_CAPABILITY) or [])
