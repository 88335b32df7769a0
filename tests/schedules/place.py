"""place.py - namespaces of their own on a shared rig, and a tka-server and tka-operator in each."""

import http
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.parse

import yaml

from cluster import API, RELEASE, RIG_OBJECTS, SESSIONS
from host import NAMESPACES, RigError, ask, command, wait_until
from proxy import Proxy
from tailnet import CAPABILITY
from world import ACCOUNTS, BINDINGS, GROUP, UID_LABEL

COUNT = 16
LOOPBACK = "127.0.0.4"  # not 127.0.0.1, which is the tailnet's
SERVER_PORT, HEALTH_PORT, PROXY_PORT = 8300, 8400, 8600
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
READY_SECONDS = 120  # restarts of the API server beside it included
LISTED = ["view"]  # the roles in the manifests
ROLES = ["schedules-edit", "schedules-view"]  # the same everywhere, so that only names tell the places apart
PROGRAMS = {"server": ("tka-server", "serve"), "operator": ("tka-operator", "run"),
            "standby": ("tka-operator", "run")}

# The policies name one session namespace. Here the one that a request is about takes its place,
# in words of each policy's own; everything else about them stays as it is delivered.
OURS = "matches('^tka-s[0-9]+$')"
BY_NAMESPACE = f"request.namespace.{OURS} ? request.namespace : '{SESSIONS}'"
BY_SUBJECT = (
    "has(object.subjects) && object.subjects.size() == 1 && has(object.subjects[0].namespace) && "
    f"object.subjects[0].namespace.{OURS} ? object.subjects[0].namespace : '{SESSIONS}'")
BY_USER = ("request.userInfo.username.matches('^system:serviceaccount:tka-s[0-9]+:') ? "
           f"request.userInfo.username.split(':')[2] : '{SESSIONS}'")
SESSION_NAMESPACE = {"p1": BY_NAMESPACE, "p3": BY_SUBJECT, "p4": BY_NAMESPACE, "p5": BY_USER,
                     "p6": BY_NAMESPACE, "p7": BY_USER}


def sessions_of(slot):
    return f"tka-s{slot}"


def work_of(slot):
    """Where the sessions that are confined to a namespace may work."""
    return f"tka-w{slot}"


def release_of(slot):
    return f"tka-r{slot}"


def read_delivered(repository, folder):
    """The objects of the manifests, with our roles for the listed one."""
    for path in sorted((repository / folder).glob("*.yaml")):
        for each in yaml.safe_load_all(path.read_text()):
            for rule in (each or {}).get("rules", []):
                if rule.get("resourceNames") == LISTED:
                    rule["resourceNames"] = ROLES
            if each:
                yield each


def policies_for_all(repository):
    """The delivered policies, for every place at once."""
    for each in read_delivered(repository, "deploy/policies"):
        words = SESSION_NAMESPACE.get(each["metadata"]["name"].split("-")[1])
        for variable in each["spec"].get("variables", []):
            if variable["name"] == "sessions" and words:
                variable["expression"] = words
            elif variable["name"] == "roles":
                variable["expression"] = str(ROLES)
            elif variable["name"] == "minPeriod":
                variable["expression"] = "duration('1s')"
        yield each


def rights_for(repository, slot):
    """The delivered namespaces, and the Roles and RoleBindings in them, once more for a place."""
    names = {SESSIONS: sessions_of(slot), RELEASE: release_of(slot)}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": work_of(slot)}}
    for each in [*read_delivered(repository, "deploy/rbac"), *RIG_OBJECTS]:
        metadata = each["metadata"]
        if each["kind"] == "Namespace":
            yield {**each, "metadata": {**metadata, "name": names[metadata["name"]]}}
        elif each["kind"] in ("Role", "RoleBinding") and metadata["namespace"] in names:
            yield {**each, "metadata": {**metadata, "namespace": names[metadata["namespace"]]}}


def prepare(rig, count):
    """Everything in the cluster and on disk that `count` places need."""
    repository = rig.cluster.repository
    objects = [each for slot in range(count) for each in rights_for(repository, slot)]
    objects += [{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
                 "metadata": {"name": role},
                 "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]}
                for role in ROLES]
    objects += [each for each in read_delivered(repository, "deploy/rbac")
                if each["kind"] == "ClusterRole"]
    objects.sort(key=lambda each: each["kind"] != "Namespace")
    objects += policies_for_all(repository)
    rig.cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-",
                        text=yaml.safe_dump_all(objects))
    rig.tailnet.set_policy(json.dumps(policy()))
    make_certificate(rig.folder / "proxy")
    for slot in range(count):
        for daemon in PROGRAMS:
            configure(rig, slot, daemon)


def policy():
    """Who may do what: alice all, the others look; anywhere, or as they ask in a namespace alone."""
    grants = [{"src": ["autogroup:member"], "dst": ["tag:tka"], "ip": ["tcp:*"]}]
    for people, roles in ((["alice@example.com"], 2),
                          (["bob@example.com", "alice@example.org"], 1)):
        rules = [{"role": role, "period": "1h", "priority": place}
                 for place, role in enumerate(ROLES[-roles:])]
        grants.append({"src": people, "dst": ["tag:tka"], "ip": ["tcp:*"],
                       "app": {CAPABILITY: rules}})
    return {"tagOwners": {"tag:tka": ["alice@example.com"], "tag:ci": ["alice@example.com"]},
            "grants": grants}


def make_certificate(folder):
    """For the proxies: one that clocks which run fast or slow still believe."""
    if folder.exists():
        return
    folder.mkdir()
    command("faketime", "60 days ago", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", "/CN=schedules",
            "-addext", f"subjectAltName=IP:{LOOPBACK}", "-keyout", folder / "key",
            "-out", folder / "certificate")


def configure(rig, slot, daemon):
    folder = folder_of(rig, slot, daemon)
    folder.mkdir(parents=True, exist_ok=True)
    rig.cluster.give_token(PROGRAMS[daemon][0], folder)
    kubeconfig = json.loads((folder / "kubeconfig").read_text())
    kubeconfig["clusters"][0]["cluster"] = {
        "server": f"https://{LOOPBACK}:{proxy_port(slot, daemon)}",
        "certificate-authority": str(rig.folder / "proxy/certificate")}
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    config = rig.daemons.server_config("server", "tka", "userspace")
    if daemon == "server":
        config["tailscale"]["port"] = SERVER_PORT + slot
    else:
        config = rig.daemons.common("operator", (LOOPBACK, 0))
    config["operator"] |= {"namespace": sessions_of(slot), "roles": ROLES}
    config["kubernetes"] = {"kubeconfig": str(folder / "kubeconfig"),
                            "namespace": release_of(slot)}
    address, port = health_of(slot, daemon)
    config["health"] = {"address": address, "port": port}
    config["log"]["level"] = "debug"
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def folder_of(rig, slot, daemon):
    return rig.folder / "place" / str(slot) / daemon


def proxy_port(slot, daemon):
    return PROXY_PORT + len(PROGRAMS) * slot + list(PROGRAMS).index(daemon)


def health_of(slot, daemon):
    return LOOPBACK, HEALTH_PORT + len(PROGRAMS) * slot + list(PROGRAMS).index(daemon)


def clear(rig, slot):
    """Takes away what a schedule that came to no end left here."""
    mine = f"?labelSelector={urllib.parse.quote(UID_LABEL)}"
    signins, accounts = (path.replace("/namespaces/tka/", f"/namespaces/{sessions_of(slot)}/")
                         for path in (GROUP, ACCOUNTS))
    for each in items(rig, signins):
        path = f"{signins}/{each['metadata']['name']}"
        rig.cluster.call(path, "PATCH", {"metadata": {"finalizers": None}},
                         more={"Content-Type": "application/merge-patch+json"})
        rig.cluster.call(path, "DELETE")
    for path in (accounts, BINDINGS, BINDINGS.replace("clusterrole", "role")):
        for each in items(rig, path + mine):
            name, at = each["metadata"]["name"], each["metadata"].get("namespace")
            subjects = each.get("subjects", [{"namespace": sessions_of(slot)}])
            if sessions_of(slot) in [one.get("namespace") for one in subjects]:
                where = path.replace("/v1/role", f"/v1/namespaces/{at}/role")
                rig.cluster.call(f"{where}/{name}", "DELETE")


def items(rig, path):
    """A young API server may ask for patience: its caches fill one by one."""
    found = []

    def look():
        status, value = rig.cluster.call(path)
        found[:] = [value["items"]] if status == http.HTTPStatus.OK else []
        return found
    wait_until(f"a list of {path}", look, READY_SECONDS)
    return found[0]


class Daemon:
    """A program behind a proxy, with a clock that can be set."""

    def __init__(self, rig, slot, name):
        self.rig, self.slot, self.name = rig, slot, name
        self.folder = folder_of(rig, slot, name)
        self.clock = self.folder / "clock"
        self.process = None
        with rig.host.inside(rig.host.namespace("hub")):
            listener = socket.create_server((LOOPBACK, proxy_port(slot, name)), backlog=64)
        trust = rig.folder / "cluster/ca.crt"
        self.proxy = Proxy(listener, lambda: rig.host.connect("hub", API, 10), API[0], trust,
                           rig.folder / "proxy")
        self.log = (self.folder / "log").open("wb")
        self.set_clock(0)

    def set_clock(self, seconds):
        """How far its clock is wrong, from now on."""
        new = self.folder / "clock.new"
        new.write_text(f"{seconds:+d}\n")
        new.replace(self.clock)

    def start(self):
        program, verb = PROGRAMS[self.name]
        hub = NAMESPACES / self.rig.host.namespace("hub")
        argv = ["nsenter", f"--net={hub}", "--", "env", f"LD_PRELOAD={FAKETIME}",
                self.rig.built_here() / program, verb, "--config", self.folder / "config.yaml"]
        self.process = subprocess.Popen(
            [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "DONT_FAKE_MONOTONIC": "1",
                 "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_CACHE_DURATION": "1",
                 "FAKETIME_TIMESTAMP_FILE": str(self.clock)})

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """As a sound daemon ends: at SIGTERM, within its drain, with 0. Words when it did not."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            status = self.process.wait(13)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"SIGTERM did not end tka-{self.name}"
        return None if status == 0 else f"tka-{self.name} ended with {status}"

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def ask(self, path):
        """What its health listener answers; nothing unless that is 200."""
        where = health_of(self.slot, self.name)
        status, text = ask(self.rig.host.http("hub", where, timeout=2), path)
        return text.decode() if status == 200 else ""

    def is_ready(self):
        return bool(self.ask("/readyz"))

    def await_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise RigError(f"tka-{self.name} {self.slot} is not ready: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")[-600:]

    def close(self):
        if self.is_alive():
            self.kill()
        self.proxy.stop()
        self.log.close()
