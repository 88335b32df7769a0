"""stand_in_kube_apiserver.py - an API server that misbehaves when told to, and else is the real one."""

import contextlib
import json
import shutil
import socket
import ssl

from cluster import API
from host import HUB_ADDRESS
from own_daemon import config_of, kubeconfig_for, own_daemon
from relay import CLOSE, Relay, reply

PORT = 7444
SERVER = f"https://{HUB_ADDRESS}:{PORT}"


class StandInKubeApiserver(Relay):
    """HTTPS in the hub, with the real server's certificate."""

    def __init__(self, world, port=PORT):
        self.world = world
        pki = world.folder / "cluster"
        inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        inward.load_cert_chain(pki / "apiserver.crt", pki / "apiserver.key")
        self.outward = ssl.create_default_context(cafile=pki / "ca.crt")
        with world.rig.host.inside(world.rig.host.namespace("hub")):
            listener = socket.create_server((HUB_ADDRESS, port))
        super().__init__(listener, self.connect_real, inward)

    def connect_real(self):
        plain = self.world.rig.host.connect("hub", API, 30)
        return self.outward.wrap_socket(plain, server_hostname=API[0])


@contextlib.contextmanager
def stand_in_kube_apiserver(world, port=PORT):
    stand_in = StandInKubeApiserver(world, port)
    try:
        yield stand_in
    finally:
        stand_in.stop()


@contextlib.contextmanager
def through_stand_in(world, program, port, **changes):
    """A daemon of a test's own and the stand-in it takes for the API server, once it is ready."""
    folder = world.folder / f"through-{port}"
    kubeconfig = kubeconfig_for(world, program, f"https://{HUB_ADDRESS}:{port}", folder)
    config = config_of(world, program, kubernetes__kubeconfig=kubeconfig, health__port=port, **changes)
    with stand_in_kube_apiserver(world, port) as api, own_daemon(world, program, config) as daemon:
        daemon.await_status(200)
        yield api, daemon
    shutil.rmtree(folder)


def kube_status(code, reason="", message="told by the stand-in", **headers):
    """A Status, as the API server refuses with."""
    return reply(code, json.dumps({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                                   "message": message, "reason": reason, "code": code}), **headers)


# What an API server that is not well may answer: name -> bytes.
ANSWERS = {
    "HTML": reply(200, "<html>a proxy of somebody's</html>", "text/html"),
    "HTML 502": reply(502, "<html>bad gateway</html>", "text/html"),
    "cut JSON": reply(200, '{"kind": "Tka'),
    "an empty object": reply(200, "{}"),
    "401": kube_status(401, "Unauthorized", "Unauthorized"),
    "403": kube_status(403, "Forbidden", "forbidden: no"),
    "404": kube_status(404, "NotFound", "not found"),
    "409": kube_status(409, "Conflict", "the object has been modified"),
    "410": kube_status(410, "Expired", "too old resource version"),
    "422": kube_status(422, "Invalid", "denied request: no"),
    "429": kube_status(429, "TooManyRequests", "slow down", Retry_After="1"),
    "500": kube_status(500, "InternalError", "etcdserver: leader changed"),
    "503": kube_status(503, "ServiceUnavailable", "not now"),
    "hanging up": CLOSE,
    "no HTTP": b"\x15\x03\x01 garbage\r\n\r\n",
    "80 MB": reply(200, '{"x": "' + "x" * (80 << 20) + '"}'),
}
