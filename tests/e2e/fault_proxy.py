"""Stands between a program and the API server, counts the program's writes and kills it at one of them.

    fault_proxy.py --listen ADDRESS:PORT --to ADDRESS:PORT --cert PEM --key PEM --ca PEM \
                   --write N --when before|after -- PROGRAM ARGUMENT...

Starts PROGRAM, passes its requests on, and prints one line per write (number, method, path). At write N the
program gets SIGKILL: "before" the write reached the API server, or "after" it was carried out and before the
answer came back. Exits 0 when it killed the program, 3 when its standard input ended first (the caller has seen
enough), 4 when the program ended by itself. N = 0 never kills.
"""

import argparse
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading

from relay import read_request

# What gives or takes rights. PUT is none of it: a lease is renewed so, every second.
WRITES = ("POST", "PATCH", "DELETE")


def parse_arguments():
    parser = argparse.ArgumentParser()
    for name in ("listen", "to", "cert", "key", "ca"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--write", type=int, required=True)
    parser.add_argument("--when", choices=("before", "after"), required=True)
    parser.add_argument("program", nargs="+")
    return parser.parse_args()


def address_of(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


class Proxy:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.count = 0
        self.status = 4  # what it means when the program has ended
        self.outward = ssl.create_default_context(cafile=arguments.ca)
        self.inward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.inward.load_cert_chain(arguments.cert, arguments.key)
        self.listener = socket.create_server(address_of(arguments.listen))
        self.program = subprocess.Popen(arguments.program)

    def finish(self, status):
        self.status = status
        self.program.kill()
        self.program.wait()
        os._exit(status)

    def number(self, method, path):
        if method not in WRITES:
            return 0
        with self.lock:
            self.count += 1
            print(self.count, method, path, flush=True)
            return self.count

    def kill(self, number, when):
        if number and number == self.arguments.write and when == self.arguments.when:
            self.finish(0)

    def connect(self):
        host, port = address_of(self.arguments.to)
        return self.outward.wrap_socket(socket.create_connection((host, port), timeout=30), server_hostname=host)

    def serve(self, plain):
        try:
            with self.inward.wrap_socket(plain, server_side=True) as client:
                request = read_request(client)
                if request is None:
                    return
                method, path, raw = request
                number = self.number(method, path)
                self.kill(number, "before")
                with self.connect() as server:
                    server.settimeout(None)
                    server.sendall(raw)
                    piece = server.recv(65536)
                    self.kill(number, "after")
                    while piece:
                        client.sendall(piece)
                        piece = server.recv(65536)
        except OSError:
            pass  # one side went away; its own retries are what is being tested

    def run(self):
        threading.Thread(target=self.watch_stdin, daemon=True).start()
        threading.Thread(target=self.watch_program, daemon=True).start()
        while True:
            plain, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(plain,), daemon=True).start()

    def watch_stdin(self):
        sys.stdin.read()
        self.finish(3)

    def watch_program(self):
        self.program.wait()
        os._exit(self.status)


if __name__ == "__main__":
    proxy = Proxy(parse_arguments())
    signal.signal(signal.SIGTERM, lambda *_: proxy.finish(3))
    proxy.run()
