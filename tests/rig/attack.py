"""attack.py - a tailnet in which many mean no good: connections that say nothing, slow ones, and one that pours."""

import contextlib
import resource
import select
import threading

from host import wait_until
from tailnet import NODES

IDLE, SLOW, HUGE = 2000, 200, 300 << 20
CROWD = ("desktop", "bob", "carol", "aliceorg", "ci")
POURING = "carol"
LOGIN = b"POST /api/v1alpha1/login HTTP/1.1\r\nHost: tka\r\n"


@contextlib.contextmanager
def room_for_files():
    """For thousands of connections in this process."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, before[1]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def pour_body(stream):
    """All of a body of 300 MB that goes, whatever is answered meanwhile: (what is answered, bytes that went)."""
    said, sent, block = b"", 0, b"x" * 65536
    answered = select.poll()
    answered.register(stream, select.POLLIN)
    with contextlib.suppress(ConnectionError):
        stream.sendall(LOGIN + f"Content-Length: {HUGE}\r\n\r\n".encode())
        while sent < HUGE:
            if answered.poll(0):
                piece = stream.recv(65536)
                if not piece:
                    break
                said += piece
            stream.sendall(block)
            sent += len(block)
    return said, sent


def find_ended(streams):
    """Where in the list those are that the server has answered or closed, or we have."""
    heard = select.poll()
    for stream in streams:
        if stream.fileno() >= 0:
            heard.register(stream, select.POLLIN)
    numbers = {-1} | {number for number, _ in heard.poll(0)}
    return [i for i, stream in enumerate(streams) if stream.fileno() in numbers]


class Attack:
    """On the server of a node: 2000 idle connections, 200 requests that drip, bodies of 300 MB, all at once.

    When it begins all of them are there."""

    def __init__(self, rig, node, port):
        self.rig, self.where = rig, (rig.tailnet.address(node), port)
        self.ended = threading.Event()
        self.refused = 0

    def __enter__(self):
        assert set(CROWD) < set(NODES)
        with contextlib.ExitStack() as stack:
            stack.enter_context(room_for_files())
            self.idle = [stack.enter_context(self.dial(CROWD[i % len(CROWD)])) for i in range(IDLE)]
            self.slow = [stack.enter_context(self.dial(CROWD[i % len(CROWD)])) for i in range(SLOW)]
            for i, stream in enumerate(self.slow):
                stream.sendall(LOGIN + (b"X: " if i % 2 else b"Content-Length: 60000\r\n\r\n"))
            self.threads = [threading.Thread(target=run, daemon=True) for run in (self.drip, self.pour, self.come_again)]
            self.stack = stack.pop_all()
        try:
            for thread in self.threads:
                thread.start()
            wait_until("the attack is all there", self.is_whole, 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(10)
        self.stack.close()

    def is_whole(self):
        """Nearly all of it has arrived and still stands, and a body was refused."""
        return (len(find_ended(self.idle)) < 0.05 * IDLE and len(find_ended(self.slow)) < 0.05 * SLOW
                and self.refused > 0)

    def __str__(self):
        return (f"{len(find_ended(self.idle))} of {IDLE} idle and {len(find_ended(self.slow))} of {SLOW} slow "
                f"connections ended, {self.refused} bodies refused")

    def dial(self, node):
        return self.rig.host.connect(node, self.where, 10)

    def drip(self):
        while not self.ended.wait(0.2):
            for stream in self.slow:
                with contextlib.suppress(OSError):
                    stream.send(b"x" * 200)

    def come_again(self):
        """Whoever says nothing is closed after a while."""
        while not self.ended.wait(0.5):
            for i in find_ended(self.idle):
                self.idle[i].close()
                with contextlib.suppress(OSError):
                    self.idle[i] = self.stack.enter_context(self.dial(CROWD[i % len(CROWD)]))

    def pour(self):
        """One body after the other: each is refused before it is there."""
        while not self.ended.is_set():
            with contextlib.suppress(OSError), self.dial(POURING) as stream:
                said, _ = pour_body(stream)
                self.refused += said.startswith(b"HTTP/1.1 413 ")
