"""world.py - the rig as a test sees it: people who type commands, requests, and what is left behind."""

import base64
import contextlib
import dataclasses
import http.client
import json
import pathlib
import re
import ssl
import subprocess

import rig as system
from cluster import API as API_SERVER
from daemons import DAEMONS
from host import wait_until
from tailnet import CAPABILITY, PORT

API = "/api/v1alpha1/"
GROUP = "/apis/tka.specht-labs.de/v1alpha1/namespaces/tka/tkasignins"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
ACCOUNTS = "/api/v1/namespaces/tka/serviceaccounts"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/tka-system/leases/tka-operator-tka"
UID_LABEL = "tka.specht-labs.de/signin-uid"
PEOPLE = ("alice", "desktop", "bob", "carol", "aliceorg", "ci")
SERVER, SERVER_TUN = f"http://tka:{PORT}", f"http://tkatun:{PORT}"


@dataclasses.dataclass
class Answer:
    """One HTTP answer. body: the JSON value, or the text where it is none."""

    status: int
    headers: dict
    text: str

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def message(self):
        return self.body["message"]


def eventually(what, check, seconds=10):
    """Waits until check() gives something true, and returns that."""
    found = []

    def look():
        found[:] = [check()]
        return found[0]
    wait_until(what, look, seconds)
    return found[0]


def rule(role, period="1h", priority=100, **more):
    """One element of the capability."""
    return {"role": role, "period": period, "priority": priority, **more}


def events(log, **fields):
    """The JSON lines of a log that have these fields."""
    found = []
    for line in log.splitlines():
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if all(event.get(key) == value for key, value in fields.items()):
                found.append(event)
    return found


def claims(token):
    """The payload of a JWT, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


class World:
    """One rig."""

    def __init__(self, rig):
        self.rig = rig
        self.folder = rig.folder
        self.restarted = False
        self.settled = False  # nobody is signed in, as far as is known
        self.read = {}  # log -> bytes looked at already
        self.tls = ssl.create_default_context(cafile=str(rig.cluster.folder / "ca.crt"))
        self.admin = (rig.cluster.folder / "admin.token").read_text().strip()
        self.api = self.api_connection()

    # --- people and commands ---

    def run(self, node, *argv, code=0, text=None, env=None, seconds=60):
        """A command as that node's user, or "admin"; its exit status is part of what is tested."""
        if node == "admin":
            line, variables = self.rig.node_argv("hub", argv), self.rig.admin_env()
        else:
            line, variables = self.rig.node_argv(node, argv), self.rig.node_env(node)
        done = subprocess.run(
            [str(word) for word in line], env={**variables, **(env or {})}, capture_output=True,
            text=True, timeout=seconds, check=False, input=text,
            stdin=subprocess.DEVNULL if text is None else None)
        if code is not None:
            assert done.returncode == code, (
                f"{argv} ended with {done.returncode}, not {code}: {done.stdout}{done.stderr}")
        return done

    def run_by(self, node, kubeconfig, *argv):
        """kubectl with a kubeconfig of that text."""
        path = self.home(node) / "fetched"
        path.write_text(kubeconfig)
        try:
            return self.run(node, "kubectl", f"--kubeconfig={path}", *argv)
        finally:
            path.unlink()

    def login(self, node, url=SERVER, *flags, code=0):
        return self.run(node, "kubectl", "tka", "login", url, *flags, code=code)

    def home(self, node):
        return pathlib.Path(self.rig.home(node))

    def forget(self, node):
        """A home as a new user has it."""
        for name in (".kube/config", ".cache/tka", "run/tka", ".local/state/tka", ".config/tka"):
            path = self.home(node) / name
            if path.is_dir():
                for entry in sorted(path.rglob("*"), reverse=True):
                    entry.rmdir() if entry.is_dir() else entry.unlink()
                path.rmdir()
            else:
                path.unlink(missing_ok=True)

    # --- the server's API ---

    def connection(self, node, url=SERVER, timeout=20, tls=None):
        host, port = url.partition("://")[2].split(":")
        return self.rig.host.http(node, (self.rig.tailnet.address(host), int(port)), tls, timeout)

    def ask(self, node, method, path, body=None, headers=None, url=SERVER, timeout=20, tls=None):
        """One request to tka-server over the tailnet. body: a value, sent as JSON, or text."""
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        connection = self.connection(node, url, timeout, tls)
        with contextlib.closing(connection):
            connection.request(method, path if path.startswith("/") else API + path, body, headers or {})
            return self.answer_of(connection.getresponse())

    @staticmethod
    def answer_of(reply):
        headers = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, headers, reply.read().decode(errors="replace"))

    def credential(self, node, url=SERVER, **wish):
        """A token, signing in if need be; the whole answer."""
        answer = self.ask(node, "POST", "credential", wish, url=url)
        assert answer.status == 200, answer.text
        return answer.body

    # --- the API server ---

    def api_connection(self):
        return self.rig.host.http("hub", API_SERVER, self.tls, 10)

    def kube(self, path, method="GET", body=None, token=None):
        """(status, value) of one request to the API server, as admin unless a token is given."""
        headers = {"Authorization": f"Bearer {token or self.admin}", "Content-Type": "application/json"}
        if token:
            with contextlib.closing(self.api_connection()) as connection:
                return self.send(connection, method, path, body, headers)
        try:
            return self.send(self.api, method, path, body, headers)
        except (OSError, http.client.HTTPException):  # kept since the last request, and gone meanwhile
            self.api.close()
            return self.send(self.api, method, path, body, headers)

    def send(self, connection, method, path, body, headers):
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        reply = self.answer_of(connection.getresponse())
        return reply.status, reply.body if reply.text.startswith("{") else reply.text

    def whoami(self, token):
        """(status, user name) that the API server sees behind a token."""
        status, value = self.kube("/apis/authentication.k8s.io/v1/selfsubjectreviews", "POST",
                                  {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"},
                                  token=token)
        return status, value["status"]["userInfo"]["username"] if status == 201 else None

    def may(self, token, verb, resource):
        """What the API server's RBAC says of a token."""
        status, value = self.kube(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", "POST",
            {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
             "spec": {"resourceAttributes": {"verb": verb, "resource": resource}}}, token=token)
        return status == 201 and value["status"]["allowed"]

    def items(self, path):
        status, value = self.kube(path)
        assert status == 200, value
        return value["items"]

    def signins(self, **spec):
        """TkaSignins whose spec has these values."""
        return [item for item in self.items(GROUP)
                if all(item["spec"].get(name) == value for name, value in spec.items())]

    def signin(self, **spec):
        found = self.signins(**spec)
        assert len(found) == 1, [item["metadata"]["name"] for item in found]
        return found[0]

    def made_for(self, uid=None):
        """Names of everything that sessions have in the cluster: of one of them, or of all."""
        selector = f"?labelSelector={UID_LABEL}" + (f"%3D{uid}" if uid else "")
        return [f"{item.get('kind', '')}{path.rsplit('/', 1)[1]}/{item['metadata']['name']}"
                for path in (BINDINGS, "/apis/rbac.authorization.k8s.io/v1/rolebindings", ACCOUNTS)
                for item in self.items(path + selector)]

    def await_gone(self, uid, seconds=20):
        """Waits until a session has left nothing behind."""
        def gone():
            return not self.made_for(uid) and all(
                item["metadata"]["uid"] != uid for item in self.items(GROUP))
        eventually(f"everything of session {uid} gone", gone, seconds)

    # --- policy ---

    @contextlib.contextmanager
    def policy(self, **people):
        """Other rules than the default: policy(alice=[rule("view")], ci=[...]). Restored at the end."""
        names = {"alice": "alice@example.com", "bob": "bob@example.com", "carol": "carol@example.com",
                 "aliceorg": "alice@example.org", "ci": "tag:ci"}
        grants = [{"src": ["autogroup:member", "tag:ci"], "dst": ["tag:tka"], "ip": ["tcp:*"]}]
        grants += [{"src": [names[who]], "dst": ["tag:tka"], "ip": ["tcp:*"], "app": {CAPABILITY: rules}}
                   for who, rules in people.items() if rules]
        self.rig.tailnet.set_policy(json.dumps({
            "tagOwners": {"tag:tka": ["alice@example.com"], "tag:ci": ["alice@example.com"]},
            "grants": grants}))
        try:
            yield
        finally:
            system.restore_policy(self.rig)

    # --- daemons ---

    def daemon_pids(self):
        return {name: (self.rig.host.process(name) or (None,))[0] for name in DAEMONS}

    @contextlib.contextmanager
    def stopped(self, name, kill=False):
        """Without that service; started again at the end."""
        self.restarted = True
        self.rig.stop(name, kill)
        try:
            yield
        finally:
            if not self.rig.host.process(name):
                self.rig.start(name)

    def restart(self, name, kill=False):
        self.restarted = True
        self.rig.restart(name, kill)

    def log(self, name):
        return (self.folder / "log" / f"{name}.log").read_text(errors="replace")

    def log_lines(self, name, **fields):
        """The JSON lines of a daemon's log that have these fields."""
        return events(self.log(name), **fields)

    def metric(self, name, namespace="hub", health=("127.0.0.2", 8080)):
        """The sum of all series of a metric of tka-server."""
        connection = self.rig.host.http(namespace, health)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if re.match(re.escape(name) + r"[ {]", line))

    # --- before and after a test ---

    def settle(self):
        self.restarted = False
        for node in PEOPLE:
            self.forget(node)
        problems = [] if self.settled else self.sign_everybody_out()
        self.settled = False
        assert not problems, problems

    def renewed_at(self):
        """When an operator last said that it works."""
        status, value = self.kube(LEASE)
        return value["spec"].get("renewTime") if status == 200 else None

    def await_operator(self):
        """One that has just been started may have to wait for a lease, though it is ready."""
        before = self.renewed_at()
        eventually("an operator works", lambda: self.renewed_at() not in (None, before), 30)

    def sign_everybody_out(self):
        """Ends every session that is left; what then still exists is a problem, in words."""
        for item in self.items(GROUP):
            self.kube(GROUP + "/" + item["metadata"]["name"], "DELETE")
        try:
            eventually("every session gone", lambda: not self.items(GROUP) and not self.made_for(), 30)
        except system.RigError as err:
            return [f"{err}: {self.made_for()}"]
        self.settled = True
        return []

    def search_logs(self, pattern, words):
        """Files in which the pattern newly stands, in words."""
        problems = []
        for name in DAEMONS:
            path = self.folder / "log" / f"{name}.log"
            with contextlib.suppress(OSError), path.open("rb") as log:
                log.seek(self.read.get((name, words), 0))
                text = log.read()
                self.read[(name, words)] = log.tell()
                if pattern.search(text):
                    problems.append(f"{words} {path.name}: {pattern.search(text)[0][:80]!r}")
        return problems
