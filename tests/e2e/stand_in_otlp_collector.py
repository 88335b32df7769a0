"""stand_in_otlp_collector.py - an OpenTelemetry collector that keeps the spans it is sent."""

import contextlib
import http.server
import json
import threading

from host import HUB_ADDRESS


class StandInCollector(http.server.ThreadingHTTPServer):
    """Takes POST /v1/traces in JSON, and nothing else."""

    def __init__(self, world):
        with world.rig.host.inside(world.rig.host.namespace("hub")):
            super().__init__((HUB_ADDRESS, 0), Taking)
        self.spans, self.resources, self.refusing = [], [], False
        self.endpoint = f"http://{HUB_ADDRESS}:{self.server_address[1]}"

    def note(self, batch):
        for resource in batch["resourceSpans"]:
            self.resources.append({pair["key"]: pair["value"]["stringValue"]
                                   for pair in resource["resource"]["attributes"]})
            for scope in resource["scopeSpans"]:
                self.spans += scope["spans"]

    def named(self, name):
        return [span for span in self.spans if span["name"] == name]


class Taking(http.server.BaseHTTPRequestHandler):
    """One request of an exporter."""

    def do_POST(self):  # noqa: N802
        body = self.rfile.read(int(self.headers["content-length"]))
        good = self.path == "/v1/traces" and self.headers["content-type"] == "application/json"
        if good and not self.server.refusing:
            self.server.note(json.loads(body))
        self.send_response(503 if self.server.refusing else 200 if good else 404)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def stand_in_collector(world):
    collector = StandInCollector(world)
    threading.Thread(target=collector.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        collector.shutdown()
        collector.server_close()


def attributes(span):
    return {pair["key"]: pair["value"]["stringValue"] for pair in span["attributes"]}
