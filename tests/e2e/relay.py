"""relay.py - a server in the way of another one: passes requests on, and can answer some of them itself."""

import contextlib
import ctypes
import dataclasses
import re
import socket
import struct
import threading
import time

HANG = "says nothing, and keeps the connection"
CLOSE = "closes the connection without a word"


# A socket filter of one instruction, which keeps no byte of any packet (struct sock_fprog of linux/filter.h).
SO_ATTACH_FILTER = 26
DROP = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))
DROP_ALL = struct.pack("HP", 1, ctypes.addressof(DROP))


@dataclasses.dataclass(frozen=True)
class Late:
    """The real answer, after so many seconds."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class Until:
    """The real answer, once that is set."""

    event: threading.Event


def reply(status, body="", kind="application/json", **headers):
    """An HTTP answer, as it goes over the wire."""
    body = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status} Told", f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def read_request(connection):
    """One request, whole: (method, path, bytes), or None at the end of the connection."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece:
            return None
        raw += piece
    head, body = raw.split(b"\r\n\r\n", 1)
    lines = head.split(b"\r\n")
    length = 0
    kept = [lines[0]]
    for line in lines[1:]:
        name = line.split(b":", 1)[0].lower()
        if name == b"content-length":
            length = int(line.split(b":", 1)[1])
        if name != b"connection":
            kept.append(line)
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    method, path, _ = lines[0].decode().split(" ", 2)
    return method, path, b"\r\n".join(kept + [b"Connection: close", b"", b""]) + body


class Relay:
    """Serves a listening socket; connect() gives a socket to the server behind, tls wraps what is accepted."""

    def __init__(self, listener, connect, tls=None):
        self.listener, self.connect, self.tls = listener, connect, tls
        self.ended = threading.Event()
        self.open = set()
        self.rules = []
        self.seen = []
        self.under_way = {}
        self.lost = set()
        threading.Thread(target=self.accept, daemon=True).start()

    @contextlib.contextmanager
    def instead(self, pattern, answer, times=1 << 30):
        """Answers requests whose "METHOD path" the pattern matches, that many times. Gives the list of these."""
        rule = {"pattern": re.compile(pattern), "answer": answer, "times": times, "met": []}
        self.rules.append(rule)
        try:
            yield rule["met"]
        finally:
            self.rules.remove(rule)

    def stop(self):
        self.ended.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def cut(self):
        """Ends every connection under way."""
        for stream in list(self.open):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def lose(self, pattern):
        """The host behind those connections under way dies without a word: nothing comes of them any more, and what is
        sent is not acknowledged, not even by the kernel. Gives how many there are."""
        matched = [client for client, asked in list(self.under_way.items()) if re.search(pattern, asked)]
        for client in matched:
            self.lost.add(client)
            client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, DROP_ALL)
        return len(matched)

    def accept(self):
        while not self.ended.is_set():
            with contextlib.suppress(OSError):
                stream, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, plain):
        """One connection, one request. One side going away is an end like any other."""
        self.open.add(plain)
        with contextlib.suppress(OSError, ValueError), plain:
            with self.tls.wrap_socket(plain, server_side=True) if self.tls else plain as client:
                self.open.add(client)
                request = read_request(client)
                if request:
                    self.under_way[client] = f"{request[0]} {request[1]}"
                    try:
                        self.answer(client, *request)
                    finally:
                        del self.under_way[client]
                self.open.discard(client)
        self.open.discard(plain)

    def answer(self, client, method, path, raw):
        self.seen.append(f"{method} {path}")
        told = self.decide(method, path)
        if told == HANG:
            client.settimeout(60)
            client.recv(1)
        elif told is None or isinstance(told, (Late, Until)):
            self.hold(told)
            self.pass_on(client, raw)
            self.let_go(client)
        elif told != CLOSE:
            client.sendall(told)
            self.let_go(client)

    @staticmethod
    def hold(told):
        if isinstance(told, Late):
            time.sleep(told.seconds)
        elif told:
            told.event.wait(60)

    @staticmethod
    def let_go(client):
        """Whoever closes first cannot use the two ports again for 60 s. A tailscaled in userspace mode, where it closes
        for us, does not even answer those who then do: so the client goes first, if it will."""
        client.settimeout(0.2)
        with contextlib.suppress(OSError):
            while client.recv(65536):
                pass

    def decide(self, method, path):
        for rule in self.rules:
            if rule["times"] > 0 and rule["pattern"].search(f"{method} {path}"):
                rule["times"] -= 1
                rule["met"].append(f"{method} {path}")
                return rule["answer"]
        return None

    def pass_on(self, client, raw):
        with self.connect() as server:
            self.open.add(server)
            server.settimeout(None)
            server.sendall(raw)
            while piece := server.recv(65536):
                if client not in self.lost:
                    client.sendall(piece)
            self.open.discard(server)
