"""history.py - everything that happened to the sessions of one namespace, as the API server tells it.

All of it lives in one etcd, so that the resourceVersion of what one watch saw and of what another
one saw say which came first.
"""

import contextlib
import dataclasses
import http.client
import json
import ssl
import threading
import time
import urllib.parse

from cluster import API
from place import sessions_of
from world import BINDINGS, UID_LABEL

PATIENCE_SECONDS = 90


@dataclasses.dataclass(frozen=True)
class Event:
    """One version of one object; when it is gone, its last."""

    at: float  # when we heard of it
    version: int
    kind: str  # signin, account, binding
    gone: bool
    object: dict
    exact: bool = True  # else a list after a gap told of it, and what came before is not known

    @property
    def uid(self):
        return self.object["metadata"]["uid"]

    @property
    def name(self):
        return self.object["metadata"]["name"]

    @property
    def signin_uid(self):
        return self.object["metadata"].get("labels", {}).get(UID_LABEL)


class Collection:
    """One that is watched, from an empty beginning on."""

    def __init__(self, history, kind, path, selector, ours):
        self.history, self.kind, self.path, self.ours = history, kind, path, ours
        self.query = {"labelSelector": selector} if selector else {}
        self.known = {}
        self.version = None
        self.heard_at = time.time()
        self.listed = threading.Event()
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while not self.history.ended.is_set():
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException, ssl.SSLError):
                if self.version is None:
                    self.list()
                self.watch()
            time.sleep(0.1)

    def ask(self, **query):
        connection = self.history.connect()
        connection.request("GET", f"{self.path}?{urllib.parse.urlencode({**self.query, **query})}",
                           headers=self.history.headers)
        reply = connection.getresponse()
        if reply.status == http.HTTPStatus.GONE:
            self.version = None
        if reply.status != http.HTTPStatus.OK:
            raise OSError(f"{self.path}: {reply.status}")
        return reply

    def list(self):
        """What is listed is told as if it had been watched; what is missing is gone."""
        answer = json.load(self.ask())
        version = answer["metadata"]["resourceVersion"]
        found = {each["metadata"]["uid"]: each for each in answer["items"]}
        again = self.listed.is_set()
        if again:
            self.history.gaps.append((self.heard_at, time.time()))
        for uid in set(self.known) - set(found):
            self.take(self.known[uid], True, int(version), False)
        for each in found.values():
            self.take(each, False, int(each["metadata"]["resourceVersion"]), not again)
        self.version, self.heard_at = version, time.time()
        self.listed.set()

    def watch(self):
        reply = self.ask(watch=1, resourceVersion=self.version, allowWatchBookmarks="true")
        while line := reply.readline():
            event = json.loads(line)
            if event["type"] == "ERROR":
                self.version = None
                return
            self.version = event["object"]["metadata"]["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self.take(event["object"], event["type"] == "DELETED", int(self.version))
            self.heard_at = time.time()

    def take(self, value, gone, version, exact=True):
        uid = value["metadata"]["uid"]
        if not self.ours(value) and uid not in self.known:
            return
        if not gone and self.known.get(uid, {"metadata": {}})["metadata"].get(
                "resourceVersion") == value["metadata"]["resourceVersion"]:
            return
        if gone:
            self.known.pop(uid, None)
        else:
            self.known[uid] = value
        self.history.add(Event(time.time(), version, self.kind, gone, value, exact))


class History:
    """What happened since it was made, in the order of the API server."""

    def __init__(self, rig, slot):
        self.rig, self.namespace = rig, sessions_of(slot)
        self.trust = ssl.create_default_context(cafile=rig.cluster.folder / "ca.crt")
        token = (rig.cluster.folder / "admin.token").read_text().strip()
        self.headers = {"Authorization": "Bearer " + token}
        self.ended = threading.Event()
        self.lock = threading.Lock()
        self.heard = []
        self.gaps = []  # (from, to) of which only the outcome is known
        group = f"/apis/tka.specht-labs.de/v1alpha1/namespaces/{self.namespace}/tkasignins"
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        self.collections = [
            Collection(self, "signin", group, None, lambda _: True),
            Collection(self, "account", accounts, UID_LABEL, lambda _: True),
            Collection(self, "binding", BINDINGS, UID_LABEL, self.binds_here),
            Collection(self, "binding", BINDINGS.replace("clusterrole", "role"), UID_LABEL,
                       self.binds_here)]
        for each in self.collections:
            if not each.listed.wait(30):
                raise OSError(f"{each.path} was not listed")

    def connect(self):
        return self.rig.host.http("hub", API, self.trust, PATIENCE_SECONDS)

    def binds_here(self, binding):
        return any(each.get("namespace") == self.namespace for each in binding.get("subjects", []))

    def add(self, event):
        with self.lock:
            self.heard.append(event)

    def end(self):
        self.ended.set()

    def events(self):
        """Those so far, the earliest version first."""
        with self.lock:
            return sorted(self.heard, key=lambda event: event.version)

    def left(self):
        """What is there now."""
        return [each for collection in self.collections for each in collection.known.values()]
