"""server_load.py - what tka-server stands: logins to a session that exists, GET /access, /livez, and many that wait."""

import contextlib
import dataclasses
import http.client
import os
import pathlib
import socket
import time

from attack import Attack
from cluster import SESSIONS
from daemons import SERVER_HEALTH
from host import HUB_ADDRESS, RigError, command, frozen, wait_until
from idle import read_mib
from own_server import NODE, PORT, USERSPACE_NODE, own_server, process
from results import Result, median, rounded
from tailnet import PORT as SERVER_PORT

API = "/api/v1alpha1/"
STAND_IN_PORT = 7450
ROUNDS, SECONDS = 5, 2
AT_ONCE = 16
WAITING, WAITING_NODES = 1000, ("alice", "desktop", "bob", "aliceorg")
LOGINS, ATTACKS = 15, 2
PINNED = ("taskset", "-c", "0")


@dataclasses.dataclass
class Answers:
    """What tests/bench/load.c saw."""

    answers: int
    refused: int
    rate: float
    median_us: int
    p99_us: int
    most_us: int


def run(rig, namespace, argv):
    return command(*(str(word) for word in rig.node_argv(namespace, argv)), env=rig.admin_env())


def load(rig, programs, namespace, *words, accept_refusals=False):
    numbers = run(rig, namespace, [programs / "load", *words]).split()
    seen = Answers(*map(int, numbers[:2]), float(numbers[2]), *map(int, numbers[3:]))
    if not seen.answers or (seen.refused and not accept_refusals):
        raise RigError(f"load {' '.join(map(str, words))}: {seen}")
    return seen


def address(rig):
    return rig.tailnet.address(NODE)


def cpu_us(pid):
    """Processor time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def costs(pid, answers):
    """Appends to answers what every answer seen meanwhile cost that process, which no other load falsifies."""
    before, count = cpu_us(pid), len(answers)
    yield
    asked = sum(each.answers for each in answers[count:])
    answers.cost_us = (cpu_us(pid) - before) / asked


class Seen(list):
    """Answers of several rounds."""

    cost_us = None

    @property
    def rate(self):
        return rounded(median([each.rate for each in self]))


# --- /livez ---

def measure_livez(rig, programs):
    words = (*SERVER_HEALTH, "GET", "/livez")
    seen = Seen()
    with costs(rig.host.process("server")[0], seen):
        for _ in range(ROUNDS):
            seen.append(load(rig, programs, "hub", AT_ONCE, SECONDS, 0, *words))
    yield Result(f"/livez of tka-server, {AT_ONCE} connections", seen.rate, "requests/s", least=60000)
    yield Result("/livez of tka-server, processor time", rounded(seen.cost_us), "us", limit=16.6)


# --- GET /access against WhoIs ---

def measure_access(rig, programs):
    """In turns, as many at once: tailscaled asked by us, the tailnet alone (a path that does not exist), and both
    with tka-server between them. What WhoIs and the tailnet cost together leaves this rate at most."""
    alice, server = rig.tailnet.address("alice"), (address(rig), PORT, "GET")
    whois = ("unix", rig.tailnet.socket(NODE), "GET", f"/localapi/v0/whois?proto=tcp&addr={alice}:1")
    access, asked, carried = Seen(), Seen(), Seen()
    with own_server(rig) as process:
        for _ in range(ROUNDS):
            asked.append(load(rig, programs, NODE, AT_ONCE, SECONDS, 0, *whois))
            carried.append(load(rig, programs, "alice", AT_ONCE, SECONDS, 0, *server, "/nowhere",
                                accept_refusals=True))
            with costs(process.pid, access):
                access.append(load(rig, programs, "alice", AT_ONCE, SECONDS, 0, *server, API + "access"))
    possible = 1 / (1 / asked.rate + 1 / carried.rate)
    yield Result(f"GET /access, {AT_ONCE} at once", access.rate, "requests/s")
    yield Result("GET /access, processor time of tka-server", rounded(access.cost_us), "us")
    yield Result(f"WhoIs of tailscaled, {AT_ONCE} at once", asked.rate, "requests/s")
    yield Result(f"the tailnet without WhoIs, {AT_ONCE} at once", carried.rate, "requests/s")
    yield Result("GET /access, share of the rate of WhoIs", rounded(access.rate / asked.rate), "ratio", "tailscaled")
    yield Result("GET /access, share of what WhoIs and the tailnet allow", rounded(access.rate / possible), "ratio",
                 "tailscaled", least=0.5)


# --- a token for a session that exists ---

@contextlib.contextmanager
def stand_in_kube_apiserver(rig, programs):
    pki = rig.cluster.folder
    argv = [programs / "stand_in_kube_apiserver", HUB_ADDRESS, STAND_IN_PORT, pki / "apiserver.crt",
            pki / "apiserver.key"]
    with process(rig, "hub", argv, rig.folder / "log/stand-in-kube-apiserver.log"):
        wait_until("the stand-in listens", lambda: is_open(rig, "hub", (HUB_ADDRESS, STAND_IN_PORT)), 5)
        yield f"https://{HUB_ADDRESS}:{STAND_IN_PORT}"


def is_open(rig, namespace, where):
    with contextlib.suppress(OSError), rig.host.connect(namespace, where, 1):
        return True
    return False


def measure_stand_in(rig, programs):
    """With the server on one core of its own and everything else on the others."""
    credential = (address(rig), PORT, "POST", API + "credential")
    fast, half = Seen(), Seen()
    with stand_in_kube_apiserver(rig, programs) as api, own_server(rig, api=api, wrap=PINNED) as server:
        load(rig, programs, "alice", 1, 1, 10, *credential)
        with costs(server.pid, fast):
            for _ in range(ROUNDS):
                fast.append(load(rig, programs, "alice", AT_ONCE, SECONDS, 0, *credential))
        for _ in range(ROUNDS):
            half.append(load(rig, programs, "alice", AT_ONCE, SECONDS, 500, *credential))
    yield Result("a token, session there, API server stands in", fast.rate, "requests/s", least=1000)
    yield Result("the same, processor time of tka-server", rounded(fast.cost_us), "us", limit=1000)
    yield Result("the same at 500/s, median", rounded(median([each.median_us for each in half]) / 1000), "ms")
    yield Result("the same at 500/s, p99", rounded(median([each.p99_us for each in half]) / 1000), "ms", limit=5)


def rate(rig, programs, namespace, *words):
    answers, failures, each_second = run(rig, namespace, [programs / "calls", SECONDS, AT_ONCE, *words]).split()
    if int(failures):
        raise RigError(f"calls {' '.join(map(str, words))}: {failures} of {answers} failed")
    return float(each_second)


def pids(rig, *names):
    return [rig.host.process(name)[0] for name in names]


def measure_tokens(rig, programs):
    """In turns: tokens asked of tka-server, and of the API server with the same request; and which processes a token
    of tka-server keeps busy, as all of them and both ends of the tailnet share this machine."""
    url = f"http://{address(rig)}:{PORT}"
    kubeconfig = rig.folder / "server-tun/kubeconfig"
    ours, theirs = [], []
    with own_server(rig) as server:
        busy = {"tka-server": [server.pid], "the two tailscaleds": pids(rig, "alice", NODE),
                "the API server and etcd": pids(rig, "apiserver", "etcd")}
        spent = dict.fromkeys(busy, 0)
        load(rig, programs, "alice", 1, 1, 2, address(rig), PORT, "POST", API + "credential")
        account = find_account(rig)
        path = f"/api/v1/namespaces/{SESSIONS}/serviceaccounts/{account['name']}/token"
        for _ in range(ROUNDS):
            theirs.append(rate(rig, programs, NODE, "kube", kubeconfig, path, account["uid"]))
            before = {name: sum(map(cpu_us, each)) for name, each in busy.items()}
            ours.append(rate(rig, programs, "alice", "tka", url, API + "credential"))
            for name, each in busy.items():
                spent[name] += (sum(map(cpu_us, each)) - before[name]) / (ours[-1] * SECONDS)
        load(rig, programs, "alice", 1, 0.1, 0, address(rig), PORT, "POST", API + "logout", accept_refusals=True)
    yield Result(f"tokens of tka-server, {AT_ONCE} at once", rounded(median(ours)), "requests/s")
    yield Result(f"TokenRequests of the API server, {AT_ONCE} at once", rounded(median(theirs)), "requests/s")
    yield Result("TokenRequests for every token of tka-server", rounded(median(theirs) / median(ours)), "ratio",
                 "kube-apiserver", limit=1.3)
    for name, each in spent.items():
        yield Result(f"a token of tka-server, processor time of {name}", rounded(each / ROUNDS), "us")


def find_account(rig):
    from operator_load import ACCOUNTS, as_admin  # late: that one needs this rig to be there
    return as_admin(rig).value("GET", ACCOUNTS + "?labelSelector=tka.specht-labs.de%2Fsignin-uid")["items"][0][
        "metadata"]


# --- many that wait ---

def sign_out(rig):
    """Nobody has a session that is ready."""
    for node in WAITING_NODES:
        connection = rig.host.http(node, (address(rig), SERVER_PORT), timeout=10)
        with contextlib.closing(connection):
            connection.request("POST", API + "logout")
            connection.getresponse().read()


def open_waiting(rig, stack):
    request = f"POST {API}credential HTTP/1.1\r\nHost: tka\r\nContent-Length: 0\r\n\r\n".encode()
    streams = []
    for i in range(WAITING):
        streams.append(rig.host.connect(WAITING_NODES[i % len(WAITING_NODES)], (address(rig), PORT), 40))
        stack.enter_context(streams[-1])
        streams[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        streams[-1].sendall(request)
    return streams


def statuses(streams):
    for stream in streams:
        reply = http.client.HTTPResponse(stream)
        reply.begin()
        reply.read()
        yield reply.status


def measure_waiting(rig, _):
    """The operator sleeps, so that no session becomes ready: after 8 s all of them are told so."""
    operator, _ = rig.host.process("operator")
    sign_out(rig)
    with own_server(rig) as server, frozen(operator), contextlib.ExitStack() as stack:
        before = read_mib(server.pid)[1]
        streams = open_waiting(rig, stack)
        time.sleep(3)
        during = read_mib(server.pid)[1]
        told = set(statuses(streams))
    if told != {503}:
        raise RigError(f"{WAITING} logins that waited were answered with {told}")
    yield Result(f"{WAITING} logins that wait, memory", rounded(during - before), "MiB", limit=20)


# --- alice, while others mean no good ---

def request(rig, path):
    connection = rig.host.http("alice", (rig.tailnet.address(USERSPACE_NODE), PORT), timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", API + path)
        reply = connection.getresponse()
        reply.read()
        if reply.status != 200:
            raise RigError(f"{path}: {reply.status}")


def time_logins(rig):
    """Milliseconds of sign-ins from nothing to the token."""
    taken = []
    for _ in range(LOGINS):
        began = time.monotonic()
        request(rig, "credential")
        taken.append((time.monotonic() - began) * 1000)
        request(rig, "logout")
    return taken


def measure_attack(rig, _):
    """In userspace mode, where nobody is turned away before it is known who they are, all of the attack arrives."""
    usual, beset, memory = [], [], []
    with own_server(rig, USERSPACE_NODE) as server:
        for _ in range(ATTACKS):
            usual += time_logins(rig)
            with Attack(rig, USERSPACE_NODE, PORT) as attack:
                beset += time_logins(rig)
                memory.append(read_mib(server.pid)[0])
                if not attack.is_whole():
                    raise RigError(f"the attack was not all there: {attack}")
    yield Result("a sign-in, usually, median", rounded(median(usual)), "ms")
    yield Result("a sign-in under attack, median", rounded(median(beset)), "ms")
    yield Result("a sign-in under attack, ratio of the medians", rounded(median(beset) / median(usual)), "ratio",
                 "usually", limit=2)
    yield Result("tka-server under attack, resident", rounded(max(memory)), "MiB", limit=80)


def measure(rig, programs):
    for each in (measure_livez, measure_access, measure_stand_in, measure_tokens, measure_waiting, measure_attack):
        rig.say(f"  {each.__name__}")
        yield from each(rig, programs)
