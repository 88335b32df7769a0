"""stand_in_localapi.py - tailscaled's LocalAPI with a will of its own: what the real one cannot be made to say."""

import contextlib
import json
import socket

from relay import Relay, reply


class StandInLocalApi(Relay):
    """A unix socket that passes on to a node's tailscaled what no rule answers."""

    def __init__(self, path, real):
        self.path, self.real = path, real
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(64)
        super().__init__(listener, self.connect_real)

    def connect_real(self):
        stream = socket.socket(socket.AF_UNIX)
        stream.connect(str(self.real))
        return stream

    def stop(self):
        super().stop()
        self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def stand_in_localapi(world, node, name="localapi"):
    """One in front of a node's tailscaled."""
    stand_in = StandInLocalApi(world.folder / name / "s", world.rig.tailnet.socket(node))
    try:
        yield stand_in
    finally:
        stand_in.stop()


def told(value):
    return reply(200, json.dumps(value))


# What a LocalAPI that is not well may answer: name -> bytes.
NONSENSE = {
    "HTML": reply(200, "<html>welcome</html>", "text/html"),
    "cut JSON": reply(200, '{"BackendState": "Runn'),
    "a list": reply(200, "[]"),
    "an empty object": told({}),
    "nothing at all": reply(200, ""),
    "500": reply(500, "panic", "text/plain"),
    "403": reply(403, "access denied", "text/plain"),
    "another 404": reply(404, "404 page not found\n", "text/plain"),
    "no HTTP": b"\x00\x01\x02\x03 garbage\r\n\r\n",
    "a redirect": reply(302, "", Location="http://127.0.0.1:1/"),
    "20 MB": reply(200, '{"x": "' + "x" * (20 << 20) + '"}'),
}
