"""operator_load.py - what tka-operator makes of many sessions, how soon it begins and ends one, and how soon
another one takes over."""

import concurrent.futures
import contextlib
import hashlib
import http.client
import json
import ssl
import threading
import time

from cluster import API, SESSIONS
from daemons import OPERATOR_HEALTH
from host import RigError, frozen
from idle import read_mib
from own_daemon import HEALTH, own_daemon
from results import Result, median, quantile, rounded
from sign_in import Probe
from world import World, eventually

GROUP = f"/apis/tka.specht-labs.de/v1alpha1/namespaces/{SESSIONS}/tkasignins"
ACCOUNTS = f"/api/v1/namespaces/{SESSIONS}/serviceaccounts"
RBAC = "/apis/rbac.authorization.k8s.io/v1/"
UID_LABEL = "tka.specht-labs.de/signin-uid"
APPLY = "?fieldManager=tka-server&force=true"
ROLE = "view"
LIVE, SAME_SECOND, WRITERS = 10000, 1000, 4
PATIENCE_SECONDS = 150  # for these to be provisioned, before they end together
ROUNDS, WARM_UP, SETTLE_SECONDS = 100, 5, 0.05
ENDING, PER_SECOND, TOKENS = 100, 5, 5
BARE, BARE_AT_ONCE = 200, 8  # sessions that a bare loop ends, as many at a time as the operator does
TAKEOVERS = 3


class Client:
    """Requests as one identity over one connection."""

    def __init__(self, rig, token):
        trust = ssl.create_default_context(cafile=rig.cluster.folder / "ca.crt")
        self.connection = rig.host.http("hub", API, trust, 60)
        self.headers = {"Authorization": "Bearer " + token.read_text().strip()}

    def ask(self, method, path, body=None, kind="application/json"):
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, {**self.headers, "Content-Type": kind})
        reply = self.connection.getresponse()
        return reply.status, reply.read()

    def value(self, method, path, body=None, kind="application/json"):
        status, text = self.ask(method, path, body, kind)
        if status >= 300:
            raise OSError(f"{method} {path}: {status} {text[:300]}")
        return json.loads(text)


def as_server(rig):
    return Client(rig, rig.folder / "server/token")


def as_operator(rig):
    return Client(rig, rig.folder / "operator/token")


def as_admin(rig):
    return Client(rig, rig.cluster.folder / "admin.token")


def signin(login, requested_at, period_seconds):
    """A session of nobody's: no server judges it, as another one issued it."""
    node = "bench"
    identity = "\0".join((login, ROLE, node, ""))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    slug = login.split("@")[0]
    return {
        "apiVersion": "tka.specht-labs.de/v1alpha1", "kind": "TkaSignin",
        "metadata": {"name": f"tka-user-{slug}-{digest}", "namespace": SESSIONS,
                     "finalizers": ["tka.specht-labs.de/session"]},
        "spec": {"username": login, "role": ROLE, "node": node, "node_id": node,
                 "issuer": "bench", "validity_period": f"{period_seconds}s",
                 "requested_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(requested_at))}}


def apply(client, body):
    path = f"{GROUP}/{body['metadata']['name']}{APPLY}"
    return client.value("PATCH", path, body, "application/apply-patch+yaml")["metadata"]["uid"]


class Watcher:
    """Tells when sessions became ready, and when they and their bindings went, by the uid."""

    def __init__(self, rig):
        self.ready, self.gone, self.unbound = {}, {}, {}
        self.changed = threading.Condition()
        for path, take in ((GROUP, self.take_signin),
                           (RBAC + "clusterrolebindings", self.take_binding)):
            listed = as_admin(rig).value("GET", path + "?limit=1&resourceVersion=0")
            version = listed["metadata"]["resourceVersion"]
            threading.Thread(target=self.follow, args=(rig, path, version, take),
                             daemon=True).start()

    def follow(self, rig, path, version, take):
        """The API server drops who is slow; the next watch goes on from there, while there is a rig."""
        with contextlib.suppress(RigError):
            while version is not None:
                with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                    for event in self.watch(rig, f"{path}?watch=1&resourceVersion={version}"):
                        version = event["object"]["metadata"].get("resourceVersion")
                        with self.changed:
                            take(event["object"], event["type"] == "DELETED", time.time())
                            self.changed.notify_all()

    @staticmethod
    def watch(rig, path):
        client = as_admin(rig)
        client.connection.connect()
        client.connection.sock.settimeout(None)
        client.connection.request("GET", path, headers=client.headers)
        reply = client.connection.getresponse()
        while line := reply.readline():
            yield json.loads(line)

    def take_signin(self, value, gone, now):
        uid = value["metadata"].get("uid")
        if gone:
            self.gone.setdefault(uid, now)
        elif value.get("status", {}).get("provisioned"):
            self.ready.setdefault(uid, now)

    def take_binding(self, value, gone, now):
        uid = value["metadata"].get("labels", {}).get(UID_LABEL)
        if gone and uid:
            self.unbound.setdefault(uid, now)

    def wait(self, where, uids, seconds):
        """When each of them got there."""
        found = getattr(self, where)
        with self.changed:
            if not self.changed.wait_for(lambda: all(uid in found for uid in uids), seconds):
                missing = sum(uid not in found for uid in uids)
                raise OSError(f"{missing} of {len(uids)} sessions not {where} in {seconds} s")
            return [found[uid] for uid in uids]


def measure(rig, programs):
    yield from measure_ready(rig, programs)
    yield from measure_end(rig)
    yield from measure_takeover(rig)


# --- from applied to ready ---

def measure_ready(rig, programs):
    server, watcher = as_server(rig), Watcher(rig)
    operator, _ = rig.host.process("operator")
    kubeconfigs = [rig.folder / name / "kubeconfig" for name in ("server", "operator")]
    ours, theirs = [], []

    def provision(i):
        uid = apply(server, signin(f"ready{i}@example.com", int(time.time()), 60))
        begun = time.time()
        ours.append((watcher.wait("ready", [uid], 10)[0] - begun) * 1e6)
    with Probe(rig, programs, "hub", "writes", SESSIONS, *kubeconfigs) as writes:
        for i in range(WARM_UP + ROUNDS):
            provision(i)
            time.sleep(SETTLE_SECONDS)
            with frozen(operator):
                theirs.append(sum(writes.ask()[2:5]))  # ServiceAccount, binding, status
            time.sleep(SETTLE_SECONDS)
    ours, theirs = ours[WARM_UP:], theirs[WARM_UP:]
    yield Result("TkaSignin applied to ready, median", rounded(median(ours) / 1000), "ms")
    yield Result("the three API writes of that, median", rounded(median(theirs) / 1000), "ms")
    yield Result("TkaSignin applied to ready, ratio of the medians",
                 rounded(median(ours) / median(theirs)), "ratio", "three bare API writes", 1.4)


# --- from the deadline to the end ---

def measure_end(rig):
    server, watcher = as_server(rig), Watcher(rig)
    begun = int(time.time())
    ends, tokens = {}, {}
    for i in range(ENDING):
        period = 5 + i // PER_SECOND
        body = signin(f"end{i}@example.com", begun, period)
        uid = apply(server, body)
        ends[uid] = begun + period
        if i < TOKENS:
            watcher.wait("ready", [uid], 5)
            tokens[mint(server, body["metadata"]["name"])] = ends[uid]
    refused = max(when_refused(rig, token) - end for token, end in tokens.items())
    late = [when - end for when, end in
            zip(watcher.wait("unbound", list(ends), 60), ends.values())]
    yield Result("deadline to binding gone, median", rounded(median(late) * 1000), "ms")
    yield Result("deadline to binding gone, p99", rounded(quantile(late, 0.99) * 1000), "ms", None,
                 250)
    yield Result("deadline to binding gone, the least", rounded(min(late) * 1000), "ms")
    yield Result("deadline to token refused, the most", rounded(refused), "s", None, 22)


def mint(server, name):
    answer = server.value("POST", f"{ACCOUNTS}/{name}/token", {
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"expirationSeconds": 600}})
    return answer["status"]["token"]


def when_refused(rig, token):
    client = as_admin(rig)
    client.headers = {"Authorization": "Bearer " + token}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    deadline = time.time() + 60
    while client.ask("POST", path, body)[0] != 401 and time.time() < deadline:
        time.sleep(0.1)
    return time.time()


# --- from one to another ---

def takeover_seconds(world, kill):
    """From the signal to the one that works until the one that stood by says that it works."""
    def works(health):
        return world.metric("tka_operator_leader", health=health) == 1
    eventually("the rig's operator works", lambda: works(OPERATOR_HEALTH), 15)
    with own_daemon(world, "tka-operator") as standby:
        standby.await_status(200)
        begun = time.monotonic()
        with world.stopped("operator", kill):
            eventually("the other one works", lambda: works(HEALTH), 30)
            return time.monotonic() - begun


def measure_takeover(rig):
    world = World(rig)
    for words, kill, limit in (("SIGTERM", False, 3), ("SIGKILL", True, 12.5)):
        most = max(takeover_seconds(world, kill) for _ in range(TAKEOVERS))
        yield Result(f"{words} to the take-over, the most of {TAKEOVERS}", rounded(most), "s", None, limit)


# --- ten thousand ---

def each_at_once(connect, workers, do, values):
    """do(client, value) for all values, over several connections; what it gave, in order."""
    clients = threading.local()

    def one(value):
        if not hasattr(clients, "one"):
            clients.one = connect()
        return do(clients.one, value)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, values))


def create_all(rig, bodies):
    """The uids, in the order of the bodies."""
    return each_at_once(lambda: as_server(rig), WRITERS, apply, bodies)


def list_seconds(rig):
    """How long the API server needs to hand over what the operator lists."""
    client, begun = as_admin(rig), time.monotonic()
    selector = "?labelSelector=" + UID_LABEL
    for path in (GROUP, ACCOUNTS + selector, RBAC + "clusterrolebindings" + selector,
                 RBAC + "rolebindings" + selector):
        client.ask("GET", path)
    return time.monotonic() - begun


def restart_seconds(rig):
    """From the start of the operator to the answer that it knows all sessions."""
    rig.stop("operator")
    begun = time.monotonic()
    rig.start("operator")
    return time.monotonic() - begun


def operator_mib(rig):
    return read_mib(rig.host.process("operator")[0])[0]


def measure_many(rig, _programs):
    watcher, begun = Watcher(rig), time.time()
    uids = create_all(rig, [signin(f"many{i}@example.com", int(begun), 7200)
                            for i in range(LIVE - SAME_SECOND)])
    created = time.time()
    ready = watcher.wait("ready", uids, 1200)
    yield Result(f"{len(uids)} sessions applied", rounded(created - begun), "s")
    yield Result(f"{len(uids)} sessions applied, all ready", rounded(max(ready) - begun), "s")
    yield from measure_same_second(rig, watcher, uids)


def measure_same_second(rig, watcher, others):
    begun, period = int(time.time()), PATIENCE_SECONDS
    uids = create_all(rig, [signin(f"same{i}@example.com", begun, period)
                            for i in range(SAME_SECOND)])
    watcher.wait("ready", uids, period)
    yield Result(f"{SAME_SECOND} more sessions applied, all ready", rounded(time.time() - begun), "s")
    yield Result(f"tka-operator with {LIVE} sessions, resident", rounded(operator_mib(rig)), "MiB",
                 None, 48)
    listing, restart = list_seconds(rig), restart_seconds(rig)
    yield Result("the same sessions listed by a bare client", rounded(listing), "s")
    yield Result(f"start to synced with {LIVE} sessions, beside that", rounded(restart - listing),
                 "s", None, 5)
    yield Result(f"tka-operator with {LIVE} sessions, restarted, resident",
                 rounded(operator_mib(rig)), "MiB", None, 48)
    end = begun + period
    if time.time() > end - 3:
        raise OSError("this machine is too slow to see sessions end in the same second")
    unbound, gone = (watcher.wait(each, uids, 2 * PATIENCE_SECONDS)
                     for each in ("unbound", "gone"))
    yield Result(f"{SAME_SECOND} ending in one second, bindings gone", rounded(max(unbound) - end),
                 "s", None, 10)
    yield Result(f"{SAME_SECOND} ending in one second, all gone", rounded(max(gone) - end), "s",
                 None, 30)
    yield from measure_bare(rig, max(unbound) - end, max(gone) - end)
    left = time.time()
    delete_all(rig)
    yield Result(f"{len(others)} deleted at once, all gone",
                 rounded(max(watcher.wait("gone", others, 1200)) - left), "s")


def delete_all(rig):
    """The API server gives up on a request after a minute: then it is asked again."""
    for _ in range(10):
        with contextlib.suppress(OSError):
            if as_admin(rig).ask("DELETE", GROUP)[0] < 300:
                return
    raise OSError("the sessions could not be deleted in ten minutes")


# --- what the API server is able to do ---

def provide(client, body):
    """What the operator makes for a session, without its status."""
    name = body["metadata"]["name"]
    labels = {UID_LABEL: "of-the-bench"}
    client.value("POST", ACCOUNTS, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
    client.value("POST", RBAC + "clusterrolebindings", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{name}.{SESSIONS}", "labels": labels},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": SESSIONS}]})


def take_rights(client, body):
    name = body["metadata"]["name"]
    client.value("DELETE", f"{GROUP}/{name}")
    client.value("DELETE", f"{RBAC}clusterrolebindings/{name}.{SESSIONS}")


def take_rest(client, body):
    name = body["metadata"]["name"]
    client.value("DELETE", f"{ACCOUNTS}/{name}")
    client.value("PATCH", f"{GROUP}/{name}", [{"op": "remove", "path": "/metadata/finalizers/0"}],
                 "application/json-patch+json")


def measure_bare(rig, unbound, gone):
    """The same four writes for fewer sessions, by nobody but a loop, beside as many live ones."""
    rig.stop("operator")
    bodies = [signin(f"bare{i}@example.com", int(time.time()), 7200) for i in range(BARE)]
    create_all(rig, bodies)

    def run(do):
        return each_at_once(lambda: as_operator(rig), BARE_AT_ONCE, do, bodies)
    run(provide)
    begun = time.monotonic()
    run(take_rights)
    rights = time.monotonic() - begun
    run(take_rest)
    rest = time.monotonic() - begun
    rig.start("operator")
    scale = SAME_SECOND / BARE
    for words, ours, theirs in (("bindings gone", unbound, rights), ("all gone", gone, rest)):
        yield Result(f"{SAME_SECOND} ended by a bare loop (from {BARE}), {words}", rounded(theirs * scale), "s")
        yield Result(f"{SAME_SECOND} ending in one second, {words}, ratio", rounded(ours / (theirs * scale)),
                     "ratio", "the same writes by a bare loop")
