"""How tka-server is configured: every key by file, environment and flag; where a mistake stands; what is followed."""

import base64
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import socket
import subprocess
import time

import pytest
import yaml

import clients
import rig as system
from cluster import SERVER as API_SERVER
from host import HUB_ADDRESS
from own_daemon import URL, VERBS, config_of, own_daemon
from tailnet import CAPABILITY
from world import eventually

PLACE = "/api/v1/namespaces/kube-public/configmaps"
OWN_MAP = "/api/v1/namespaces/tka-system/configmaps/tka-server"
REFERENCE = {"clusterInfo__apiEndpoint": None, "clusterInfo__caData": None,
             "clusterInfo__configMapRef": {"enabled": True, "name": "cluster-info"}}
BOTH = pytest.mark.parametrize("program", VERBS)


def check(world, program, text, *flags, env=None, code=0):
    """config check of a file of that text."""
    path = world.folder / "checked.yaml"
    path.write_text(text)
    return world.run("admin", world.rig.built_here() / program, "config", "check", "--config", path, *flags, env=env,
                     code=code, seconds=20)


GOOD = "tailscale: {port: 8123}\nclusterInfo: {apiEndpoint: 'https://api:6443'}\n"


@BOTH
def test_a_good_configuration_is_said_to_be_good(world, program):
    assert "good" in check(world, program, GOOD).stdout


@BOTH
@pytest.mark.parametrize("lines, words", [
    (["server:", "  maxPeriod: forever"], ['line 4: "server.maxPeriod": "forever"']),
    (["operator:", "  roles: [view, 'a b']"], ['line 4: "operator.roles": "a b" is no Kubernetes name']),
    (["health:", "  port: 70000"], ['line 4: "health.port": 70000 is out of range (1 to 65535)']),
    (["log: {format: json,", "  leevel: info}"], ['line 4: "log.leevel" is no key; did you mean "log.level"?']),
    (["log: {level: loud}"], ['line 3: "log.level": "loud" is not one of debug|info|warn|error']),
    (["operator: view"], ['line 3: "operator" must hold keys']),
    (["operator:", "  roles: []"], ["line 4: operator.roles: at least one is needed"]),
    (["server:", "  minPeriod: 2h", "  maxPeriod: 1h"], ["line 4: server.minPeriod (7200 s) is longer than server.maxPeriod"]),
    (["server: {maxPeriod: 10s}"], ["line 3: server.minPeriod (60 s) is longer than server.maxPeriod (10 s)"]),
], ids=["a duration", "an item of a list", "a number", "an unknown key", "a choice", "a section", "an empty list", "two keys",
        "a key and a default"])
def test_a_mistake_is_named_with_its_file_its_line_and_what_is_allowed(world, program, lines, words):
    said = check(world, program, GOOD + "\n".join(lines) + "\n", code=2)

    assert "checked.yaml" in said.stderr and all(word in said.stderr for word in words), said.stderr


ENDPOINT = "clusterInfo:\n  apiEndpoint: https://api:6443\n"
PORT = "tailscale:\n  port: 8123\n"
TOGETHER = {
    "health.address everywhere": (
        GOOD + "health:\n  address: 0.0.0.0\n", 'line 4: health.address: "0.0.0.0" would listen everywhere: name one'),
    "health.address in userspace": (
        "tailscale: {port: 8123, mode: userspace}\n" + ENDPOINT + "health: {address: 127.0.0.1}\n",
        'line 4: health.address: in userspace mode the whole tailnet reaches "127.0.0.1": take 127.0.0.2'),
    "server.tls.source off": (
        ENDPOINT + "server:\n  tls:\n    source: 'off'\n", "line 5: server.tls.source: off does not go with tailscale.port 443"),
    "server.tls.source files": (
        GOOD + "server: {tls: {source: files}}\n", "line 3: server.tls.source: files needs server.tls.certFile and keyFile"),
    "server.tls.certFile alone": (
        GOOD + "server:\n  tls:\n    certFile: /c\n", "line 5: server.tls.keyFile is missing: certFile and keyFile go together"),
    "server.tls.keyFile alone": (
        GOOD + "server:\n  tls:\n    keyFile: /k\n", "line 5: server.tls.certFile is missing: certFile and keyFile go together"),
    "tailscale.capName": (
        PORT + "  capName: []\n" + ENDPOINT, "line 3: tailscale.capName: at least one is needed"),
    "clusterInfo.apiEndpoint missing": (
        PORT, "clusterInfo.apiEndpoint is required, or clusterInfo.configMapRef.enabled"),
    "clusterInfo.apiEndpoint and a ConfigMap": (
        PORT + ENDPOINT + "  configMapRef: {enabled: true}\n",
        "line 4: clusterInfo.apiEndpoint and clusterInfo.configMapRef.enabled do not go together"),
}


@pytest.mark.parametrize("text, words", TOGETHER.values(), ids=TOGETHER)
def test_keys_that_do_not_go_together_are_named_with_their_file_and_line(world, text, words):
    said = check(world, "tka-server", text, code=2)

    assert f"/checked.yaml: {words}" in said.stderr, said.stderr


@BOTH
def test_what_does_not_go_together_is_named_by_its_variable_or_flag(world, program):
    in_variable = check(world, program, GOOD, env={"TKA_SERVER_MINPERIOD": "25h"}, code=2)
    in_flag = check(world, program, GOOD, "--max-period", "10s", code=2)

    assert f"{program}: TKA_SERVER_MINPERIOD: server.minPeriod (90000 s) is longer than" in in_variable.stderr
    assert f"{program}: --max-period: server.minPeriod (60 s) is longer than" in in_flag.stderr


def schema(program):
    root = pathlib.Path(__file__).parents[2]
    return json.loads((root / f"schema/{program}.schema.json").read_text())


def keys(properties, before=""):
    """(key, JSON Schema) of every key that this program reads itself."""
    for name, value in properties.items():
        if "properties" in value:
            yield from keys(value["properties"], f"{before}{name}.")
        elif "anyOf" in value:
            yield before + name, value


@BOTH
def test_every_key_is_read_from_the_environment_too(world, program):
    """A variable that cannot be right must be refused by its name: so it is read."""
    unread = []
    for key, value in keys(schema(program)["properties"]):
        kinds = {one.get("type") for one in value["anyOf"]}
        if kinds & {"integer", "boolean"} or any("pattern" in one or "enum" in one for one in value["anyOf"]):
            variable = "TKA_" + key.replace(".", "_").upper()
            said = check(world, program, GOOD, env={variable: "no such value"}, code=None)
            if said.returncode != 2 or variable not in said.stderr:
                unread.append((variable, said.stderr))
    assert not unread


def test_a_flag_wins_over_the_environment_and_that_over_the_file(world):
    text = GOOD + "server: {minPeriod: 3h, maxPeriod: 2h}\n"
    assert check(world, "tka-server", text, code=2)
    assert check(world, "tka-server", text, env={"TKA_SERVER_MAXPERIOD": "4h"})
    assert check(world, "tka-server", text, "--max-period", "2h", env={"TKA_SERVER_MAXPERIOD": "4h"}, code=2)
    assert check(world, "tka-server", text, "--max-period=5h", env={"TKA_SERVER_MAXPERIOD": "1h"})


@BOTH
def test_the_schema_admits_what_the_program_admits(world, program):
    python = pathlib.Path(clients.obtain("schemathesis", system.progress())[0]).parent / "python"  # has jsonschema_rs
    for text, good in [(GOOD, True), (GOOD + "lgo: {}\n", False), (GOOD + "health: {port: 0}\n", False),
                       (GOOD + "log: {level: loud}\n", False), (GOOD + "operator: {roles: view}\n", True),
                       (GOOD + "operator: {roles: [1]}\n", False), (GOOD + "server: {maxPeriod: 1h30m}\n", True),
                       (GOOD + "server: {maxPeriod: soon}\n", False), (GOOD + "server:\n", True)]:
        done = subprocess.run(
            [python, "-c", "import json, sys, jsonschema_rs; jsonschema_rs.validate(*json.load(sys.stdin))"],
            input=json.dumps([schema(program), yaml.safe_load(text)]), text=True, capture_output=True, check=False)
        assert (done.returncode == 0) == good, (text, done.stderr[-300:])
        assert check(world, program, text, code=None).returncode == (0 if good else 2), text


# --- clusterInfo.configMapRef ---

def put(world, data, namespace="kube-public", name="cluster-info"):
    """Makes it, or replaces it."""
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
    status, _ = world.kube(f"{place}/{name}", "PUT", body)
    if status == 404:
        status, _ = world.kube(place, "POST", body)
    assert status in (200, 201)


@pytest.fixture(name="public")
def make_public(world):
    yield lambda data: put(world, data)
    world.kube(f"{PLACE}/cluster-info", "DELETE")


@pytest.fixture
def own(world):
    yield lambda data: put(world, data, "tka-system", "tka-server")
    world.kube(OWN_MAP, "DELETE")


def told(world):
    return world.ask("alice", "GET", "cluster-info", url=URL)


def test_the_cluster_is_taken_from_a_config_map_and_followed_while_it_changes(world, public):
    public({"apiEndpoint": "https://first:6443", "insecure": "true"})
    with own_daemon(world, "tka-server", config_of(world, "tka-server", **REFERENCE)) as daemon:
        daemon.await_status(200)
        assert told(world).body["server_url"] == "https://first:6443"
        assert told(world).body["insecure_skip_tls_verify"] is True

        public({"apiEndpoint": "https://second:6443"})
        eventually("the second", lambda: told(world).body["server_url"] == "https://second:6443")

        public({"apiEndpoint": "http://plain"})
        eventually("a warning", lambda: daemon.log_lines(level="warn", msg="where the cluster is, keeping what was known"))
        assert told(world).body["server_url"] == "https://second:6443"


def test_kubeadms_form_gives_a_kubeconfig_that_kubectl_uses(world, public):
    ca = (world.rig.cluster.folder / "ca.crt").read_bytes()
    cluster = {"server": API_SERVER, "certificate-authority-data": base64.b64encode(ca).decode()}
    public({"kubeconfig": yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "preferences": {}, "users": None,
                                          "clusters": [{"name": "", "cluster": cluster}], "contexts": None,
                                          "current-context": ""})})
    with own_daemon(world, "tka-server", config_of(world, "tka-server", **REFERENCE)) as daemon:
        daemon.await_status(200)
        world.credential("alice", URL)
        answer = world.ask("alice", "GET", "kubeconfig", headers={"Accept": "application/yaml"}, url=URL)

        done = world.run_by("alice", answer.text, "get", "ns", "-o", "name")

    assert "namespace/tka" in done.stdout


def test_without_the_config_map_nothing_is_ready_until_it_comes(world, public):
    config = config_of(world, "tka-server", api__retryAfterSeconds=7, **REFERENCE)
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(503, "kube-public/cluster-info: does not exist")
        answer = told(world)
        assert (answer.status, answer.headers["retry-after"]) == (503, "7")

        public({"apiEndpoint": "https://late:6443"})
        daemon.await_status(200)


def test_a_config_map_beside_the_server_needs_no_further_role_and_may_come_and_go(world, own):
    reference = {"enabled": True, "name": "tka-server", "namespace": "tka-system"}
    config = config_of(world, "tka-server", **{**REFERENCE, "clusterInfo__configMapRef": reference})
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(503, "tka-system/tka-server: does not exist")
        own({"apiEndpoint": "https://first:6443"})
        daemon.await_status(200)
        assert told(world).body["server_url"] == "https://first:6443"

        world.kube(OWN_MAP, "DELETE")
        eventually("its end is told", lambda: "tka-system/tka-server: is gone" in daemon.log())
        own({"apiEndpoint": "https://second:6443"})
        eventually("the second", lambda: told(world).body["server_url"] == "https://second:6443")


def test_a_config_map_is_read_by_the_keys_that_are_configured(world, public):
    reference = {"enabled": True, "name": "cluster-info", "keys": {
        "apiEndpoint": "where", "caData": "trust", "insecure": "blind", "kubeconfig": "whole"}}
    trust = base64.b64encode((world.rig.cluster.folder / "ca.crt").read_bytes()).decode()
    decoys = {"apiEndpoint": "https://decoy:6443", "insecure": "true", "kubeconfig": "no YAML: ["}
    public({"where": "https://named:6443", "trust": trust, **decoys})
    config = config_of(world, "tka-server", **{**REFERENCE, "clusterInfo__configMapRef": reference})
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        said = told(world).body
        assert (said["server_url"], said["ca_data"]) == ("https://named:6443", trust)
        assert not said["insecure_skip_tls_verify"]

        public({"where": "https://blind:6443", "blind": "true"})
        eventually("the second", lambda: told(world).body["server_url"] == "https://blind:6443")
        assert told(world).body["insecure_skip_tls_verify"]

        cluster = {"server": "https://whole:6443", "certificate-authority-data": trust}
        public({"whole": yaml.safe_dump({"apiVersion": "v1", "kind": "Config",
                                         "clusters": [{"name": "", "cluster": cluster}]}), **decoys})
        eventually("the third", lambda: told(world).body["server_url"] == "https://whole:6443")


# --- what the other keys do ---

HEAD = b"POST /api/v1alpha1/login HTTP/1.1\r\nHost: tka\r\n"
PAGE = b"GET /openapi.json HTTP/1.1\r\nHost: tka\r\n\r\n"
PAGES = 1500  # more than there is room for between the server and a client that reads nothing
# what a client sends, and what comes next: before a line is said, how it begins, after how many seconds
SLOW = {
    "readHeaderTimeout": (HEAD + b"X: ", b"HTTP/1.1 408 ", (0.5, 7)),
    "readTimeout": (HEAD + b"Content-Length: 10\r\n\r\n{", b"HTTP/1.1 408 ", (7, 18)),
    "idleTimeout": (PAGE, b"", (2, 7)),
}


def until_it_says(stream, sent):
    """What comes next, and after how many seconds; to a whole request what comes behind its answer."""
    stream.settimeout(20)
    began = time.monotonic()
    stream.sendall(sent)
    if sent == PAGE:
        reply = http.client.HTTPResponse(stream, method="GET")
        reply.begin()
        assert reply.read()
        began = time.monotonic()
    return stream.recv(4096), time.monotonic() - began


def test_requests_have_the_time_that_is_configured(world):
    config = config_of(world, "tka-server", server__readTimeout="8s", server__readHeaderTimeout="1s",
                       server__idleTimeout="3s", server__writeTimeout="1s")
    with own_daemon(world, "tka-server", config) as daemon, contextlib.ExitStack() as stack:
        daemon.await_status(200)

        def dial():
            address = world.rig.tailnet.address("tka"), 8124
            return stack.enter_context(contextlib.closing(world.rig.host.connect("alice", address, 9)))
        deaf = dial()
        with contextlib.suppress(TimeoutError):
            deaf.settimeout(1)
            deaf.sendall(PAGE * PAGES)
        streams = {key: dial() for key in SLOW}
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor())
        asked = {key: pool.submit(until_it_says, streams[key], sent) for key, (sent, *_) in SLOW.items()}

        for key, (_, begins, (least, most)) in SLOW.items():
            said, seconds = asked[key].result()
            assert said[:len(begins) or 1].startswith(begins) and bool(said) == bool(begins), (key, said)
            assert least < seconds < most, (key, seconds)
        assert read_whole(deaf).count(b"HTTP/1.1 200 ") < PAGES, "writeTimeout: who takes no answer keeps the connection"


def read_whole(stream):
    """All that comes until the end, in order or not."""
    read = []
    stream.settimeout(9)
    with contextlib.suppress(ConnectionError):
        while part := stream.recv(1 << 20):
            read.append(part)
    return b"".join(read)


def test_a_node_called_otherwise_than_configured_is_told_in_the_log(world):
    with own_daemon(world, "tka-server", config_of(world, "tka-server", tailscale__hostname="elsewhere")) as daemon:
        daemon.await_status(200)

        [line] = daemon.log_lines(level="warn", hostname="elsewhere")
        assert line["node"].startswith("tka.")


def test_rules_come_from_several_capabilities_where_several_are_named(world):
    names = ["example.com/cap/other", config_of(world, "tka-server")["tailscale"].get("capName", "specht-labs.de/cap/tka")]
    names = [name for entry in names for name in (entry if isinstance(entry, list) else [entry])]
    with own_daemon(world, "tka-server", config_of(world, "tka-server", tailscale__capName=names)) as daemon:
        daemon.await_status(200)

        answer = world.ask("alice", "GET", "access", url=URL)
        assert answer.body["capabilities"] == names and answer.body["rules"]


OTHERWISE = {"operator__contextPrefix": "to-", "operator__userPrefix": "as-", "api__retryAfterSeconds": 7,
             "api__requestsPerSecond": 1, "api__requestBurst": 9, "server__hosts": ["listed.example"],
             "clusterInfo__tlsServerName": "kubernetes.example", "otel__insecure": False}


def test_what_else_is_configured_is_what_clients_and_the_collector_see(world):
    with world.rig.host.inside(world.rig.host.namespace("hub")):
        collector = socket.create_server((HUB_ADDRESS, 0))
    endpoint = f"{HUB_ADDRESS}:{collector.getsockname()[1]}"
    with contextlib.closing(collector), own_daemon(
            world, "tka-server", config_of(world, "tka-server", otel__endpoint=endpoint, **OTHERWISE)) as daemon:
        daemon.await_status(200)

        with world.stopped("operator"):
            world.ask("alice", "POST", "login", url=URL)
            waiting = [world.ask("alice", "GET", path, url=URL) for path in ("login", "kubeconfig")]
            assert [(answer.status, answer.headers["retry-after"]) for answer in waiting] == [(202, "7")] * 2
        assert [world.ask("alice", "GET", "access", headers={"Host": host}, url=URL).status // 100
                for host in ("listed.example", "other.example")] == [2, 4]
        world.credential("alice", URL)
        config = yaml.safe_load(world.ask("alice", "GET", "kubeconfig", headers={"Accept": "application/yaml"}, url=URL).text)
        assert config["clusters"][0]["cluster"]["tls-server-name"] == "kubernetes.example"
        assert [entry["name"] for entry in config["contexts"]] == ["to-alice@example.com"] == [config["current-context"]]
        assert [entry["name"] for entry in config["users"]] == ["as-alice@example.com"]

        statuses = [world.ask("bob", "GET", "cluster-info", url=URL).status for _ in range(30)]
        assert statuses[:9] == [200] * 9 and 429 in statuses

        collector.settimeout(10)
        stream, _ = collector.accept()
        with contextlib.closing(stream):
            stream.settimeout(10)
            assert stream.recv(1) == b"\x16", "a TLS record"


ANOTHER = "specht-labs.de/cap/tka-prod"
WAYS = {
    "file": ({"tailscale__capName": ANOTHER}, {}, ()),
    "variable": ({"tailscale__capName": None}, {"TKA_TAILSCALE_CAPNAME": ANOTHER}, ()),
    "flag": ({"tailscale__capName": None}, {}, ("sh", "-c", f'exec "$@" --cap-name {ANOTHER}', "flag")),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_name_of_the_capability_is_given_in_every_way_there_is(world, way):
    changes, variables, wrap = WAYS[way]
    env = {"PATH": world.rig.admin_env()["PATH"], **variables}
    world.rig.tailnet.set_policy(json.dumps({"grants": [
        {"src": [who], "dst": ["tag:tka"], "ip": ["tcp:*"], "app": {name: [{"role": "view", "period": "2h"}]}}
        for who, name in (("alice@example.com", ANOTHER), ("bob@example.com", CAPABILITY))]}))
    try:
        with own_daemon(world, "tka-server", config_of(world, "tka-server", **changes), wrap=wrap, env=env) as daemon:
            daemon.await_status(200)
            assert world.ask("alice", "GET", "access", url=URL).body["role"] == "view"
            assert world.ask("bob", "POST", "login", url=URL).status == 403
    finally:
        system.restore_policy(world.rig)
