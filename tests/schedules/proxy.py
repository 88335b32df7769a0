"""proxy.py - stands between a daemon and the API server, and lets things go wrong on the way."""

import contextlib
import http
import socket
import ssl
import threading
import time

# What gives or takes rights. PUT is none of it: a lease is renewed so, every second.
WRITES = ("POST", "PATCH", "DELETE")
BLOCK = 65536


class Cut(Exception):
    """This connection ends here, without a word."""


class Proxy:
    """Serves a listening socket. At the write with the number `aim`, counted from aim_at() on,
    `strike` is called: "before" it is passed on, or "after" it was answered and before the daemon
    hears of it; the connection does not outlive that."""

    def __init__(self, listener, connect, host, trust, folder):
        self.listener, self.connect, self.host = listener, connect, host
        self.outward = ssl.create_default_context(cafile=trust)
        self.inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inward.load_cert_chain(folder / "certificate", folder / "key")
        self.lock = threading.Lock()
        self.open = set()
        self.aim, self.when, self.strike = 0, "", None
        self.refusing_until = self.stalled_until = self.slow_until = self.slow_seconds = 0
        threading.Thread(target=self.accept, daemon=True).start()

    # --- what can go wrong ---

    def aim_at(self, number, when, strike):
        with self.lock:
            self.aim, self.when, self.strike = number, when, strike

    def cut(self):
        """Ends every connection under way."""
        for stream in list(self.open):
            with contextlib.suppress(OSError):
                stream.shutdown(socket.SHUT_RDWR)

    def refuse(self, seconds):
        self.refusing_until = time.monotonic() + seconds
        self.cut()

    def stall(self, seconds):
        """Nothing passes, and nobody is told."""
        self.stalled_until = time.monotonic() + seconds

    def slow(self, seconds, each):
        """Every request and every piece of an answer takes longer."""
        self.slow_seconds = each
        self.slow_until = time.monotonic() + seconds

    def wait(self):
        now = time.monotonic()
        if now < self.slow_until:
            time.sleep(self.slow_seconds)
        while time.monotonic() < self.stalled_until:
            time.sleep(0.02)
        if time.monotonic() < self.refusing_until:
            raise Cut

    def number_of(self, method):
        """Which write this is when it is the one aimed at, else None."""
        with self.lock:
            if method not in WRITES or self.aim == 0:
                return False
            self.aim -= 1
            return self.aim == 0

    def hit(self, met, when):
        if met and when == self.when:
            self.strike()
            raise Cut

    # --- passing on ---

    def stop(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, plain):
        """One connection of the daemon, and its own one to the API server."""
        with contextlib.suppress(OSError, ValueError, Cut), plain:
            self.wait()
            plain.settimeout(60)
            with self.inward.wrap_socket(plain, server_side=True) as client:
                self.open.add(client)
                try:
                    self.serve_all(client)
                finally:
                    self.open.discard(client)

    def serve_all(self, client):
        client.settimeout(None)
        with self.outward.wrap_socket(self.connect(), server_hostname=self.host) as server:
            server.settimeout(None)
            self.open.add(server)
            requests, answers = client.makefile("rb"), server.makefile("rb")
            try:
                while self.serve_one(client, requests, server, answers):
                    pass
            finally:
                self.open.discard(server)

    def serve_one(self, client, requests, server, answers):
        head, fields = read_head(requests)
        if not head:
            return False
        method = head.split(b" ", 1)[0].decode()
        body = requests.read(int(fields.get(b"content-length", 0)))
        met = self.number_of(method)
        self.wait()
        self.hit(met, "before")
        server.sendall(head + body)
        return self.answer(client, answers, method, met)

    def answer(self, client, answers, method, met):
        head, fields = read_head(answers)
        if not head:
            return False
        pieces = read_body(answers, head, fields, method)
        if met and self.when == "after":
            for _ in pieces:
                pass
            self.hit(met, "after")
        self.wait()
        client.sendall(head)
        for piece in pieces:
            self.wait()
            client.sendall(piece)
        return fields.get(b"connection", b"").lower() != b"close"


def read_head(stream):
    """(the bytes, {lower-case name: value}); nothing at the end of the stream."""
    lines = []
    while line := stream.readline(BLOCK):
        lines.append(line)
        if line == b"\r\n":
            break
    else:
        return b"", {}
    fields = {}
    for line in lines[1:-1]:
        name, value = line.split(b":", 1)
        fields[name.lower()] = value.strip()
    return b"".join(lines), fields


def read_body(stream, head, fields, method):
    """The pieces of a body as they come in."""
    status = int(head.split(b" ", 2)[1])
    if method == "HEAD" or status in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED):
        return
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        yield from read_chunks(stream)
        return
    left = int(fields.get(b"content-length", 0))
    while left > 0:
        piece = stream.read(min(left, BLOCK))
        if not piece:
            raise Cut
        left -= len(piece)
        yield piece


def read_chunks(stream):
    while line := stream.readline(BLOCK):
        size = int(line.split(b";")[0], 16)
        yield line + stream.read(size + 2)
        if size == 0:
            return
    raise Cut
