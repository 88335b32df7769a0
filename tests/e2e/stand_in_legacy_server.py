"""stand_in_legacy_server.py - a TKA server of the public kind: POST login, then GET kubeconfig until it is there; no
/credential, no body is ever read, and a page that is not there is text.

It grants what it is told to grant, and hands out real tokens, of ServiceAccounts that the admin makes for it.
"""

import base64
import contextlib
import dataclasses
import datetime
import json
import socket

from cluster import SERVER as API_SERVER
from relay import Relay, reply
from world import ACCOUNTS, API, BINDINGS

PORT = 8126
URL = f"http://tka:{PORT}"
NAMESPACE, ACCOUNT = "default", "stand-in-legacy"
OWN_ACCOUNTS = ACCOUNTS.replace("/tka/", f"/{NAMESPACE}/")
NOT_SIGNED_IN = {"message": "User not signed in", "advice": ["run 'tka login' to sign in first"],
                 "cause": {"message": 'tkasignins.tka.specht-labs.de "tka-user-alice" not found'}}


@dataclasses.dataclass
class Grant:
    """What everybody gets. delay: answers of 202 before a login is provisioned."""

    role: str = "view"
    seconds: int = 3600
    delay: int = 1
    labels: dict | None = None


class StandInLegacyServer(Relay):
    """Listens in the node of the tka server, and so is where a server may be."""

    def __init__(self, world, grant):
        self.world, self.grant = world, grant
        self.until = None  # of the session, an instant
        self.pending = 0
        self.gone_at_logout = False  # the session vanishes between the two calls of a logout
        with world.rig.host.inside(world.rig.host.namespace("hub")):
            listener = socket.create_server(("127.0.0.1", PORT))
        super().__init__(listener, None)
        self.routes = {
            ("POST", "login"): self.login, ("GET", "login"): self.login_status, ("GET", "kubeconfig"): self.kubeconfig,
            ("POST", "logout"): self.logout, ("GET", "cluster-info"): self.cluster_info,
        }

    def decide(self, method, path):
        told = super().decide(method, path)
        if told is not None:
            return told
        route = self.routes.get((method, path.removeprefix(API)))
        return route() if route else reply(404, "404 page not found", "text/plain")

    @staticmethod
    def say(status, value, **headers):
        return reply(status, json.dumps(value), "application/json; charset=utf-8", **headers)

    def session(self):
        """Three texts, as every answer about a session has them; the user without what follows the @."""
        until = self.until or datetime.datetime.now(datetime.timezone.utc)
        return {"username": "alice", "role": self.grant.role, "until": until.isoformat(timespec="seconds")}

    def login(self):
        if self.until is None:
            self.pending = self.grant.delay
        self.until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.grant.seconds)
        return self.say(202, self.session())

    def login_status(self):
        if self.until is None:
            return self.say(401, NOT_SIGNED_IN)
        return self.say(202, self.session(), Retry_After="1") if self.pending else self.say(200, self.session())

    def kubeconfig(self):
        if self.until is None:
            return self.say(401, NOT_SIGNED_IN, Retry_After="1")
        if self.pending:
            self.pending -= 1
            return (b"HTTP/1.1 202 Accepted\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return self.say(200, {
            "kind": "Config", "apiVersion": "v1",
            "clusters": {"tka-cluster": {"server": self.info()["server_url"],
                                         "certificate-authority-data": self.info()["ca_data"]}},
            "users": {"tka-user-alice": {"token": self.token()}},
            "contexts": {"tka-context-alice": {"cluster": "tka-cluster", "user": "tka-user-alice"}},
            "current-context": "tka-context-alice"})

    def logout(self):
        if self.until is None:
            return self.say(404, NOT_SIGNED_IN)
        ended = self.session()
        self.until = None
        return self.say(500, {"message": "User not signed in"}) if self.gone_at_logout else self.say(200, ended)

    def info(self):
        ca = (self.world.rig.cluster.folder / "ca.crt").read_bytes()
        return {"server_url": API_SERVER, "insecure_skip_tls_verify": False,
                "ca_data": base64.b64encode(ca).decode(), "labels": self.grant.labels}

    def cluster_info(self):
        return self.say(200, self.info())

    def token(self):
        """At least ten minutes, as the API server wants it."""
        status, value = self.world.kube(
            f"{OWN_ACCOUNTS}/{ACCOUNT}/token", "POST",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
             "spec": {"expirationSeconds": max(600, self.grant.seconds)}})
        assert status == 201, value
        return value["status"]["token"]


@contextlib.contextmanager
def stand_in_legacy_server(world, **grant):
    """With an account that may view, which is what its tokens are for."""
    world.kube(OWN_ACCOUNTS, "POST", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}})
    world.kube(BINDINGS, "POST", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": NAMESPACE}]})
    server = StandInLegacyServer(world, Grant(**grant))
    try:
        yield server
    finally:
        server.stop()
        world.kube(f"{BINDINGS}/{ACCOUNT}", "DELETE")
        world.kube(f"{OWN_ACCOUNTS}/{ACCOUNT}", "DELETE")
