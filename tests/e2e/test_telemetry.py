"""What tka-server tells of itself: audit lines, metrics, traces, and nothing that does not belong there."""

import json
import re

import pytest

import clients
import rig as system
from own_daemon import URL, config_of, own_daemon, wiping_env
from relay import HANG
from stand_in_localapi import stand_in_localapi, told
from stand_in_otlp_collector import attributes, stand_in_collector
from tailnet import CAPABILITY
from world import ACCOUNTS, UID_LABEL, claims, eventually, rule

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def audit(world, **fields):
    return [line for line in world.log_lines("server", audit=True, **fields)]


def kube_audit(world, jti):
    """Lines of the API server's own audit log about requests with that token."""
    found = []
    for line in (world.folder / "audit.log").read_text(errors="replace").splitlines():
        if jti in line:
            found.append(json.loads(line))
    return found


def test_a_line_of_the_api_servers_audit_log_leads_back_to_a_person_and_a_device(world):
    token = world.credential("alice", reason="a look at the nodes")["status"]["token"]
    jti = claims(token)["jti"]
    assert world.kube("/api/v1/namespaces", token=token)[0] == 200

    [seen] = eventually("the API server's line", lambda: [
        line for line in kube_audit(world, jti) if line["verb"] == "list" and line["stage"] == "ResponseComplete"])
    [issued] = audit(world, msg="issue", jti=jti)

    assert seen["user"]["extra"]["authentication.kubernetes.io/credential-id"] == [f"JTI={jti}"]
    assert seen["user"]["username"].endswith(":" + issued["service_account"])
    assert issued["login"] == "alice@example.com" and issued["node"] and issued["node_id"] and issued["user_id"]
    assert issued["role"] == "cluster-admin" and issued["reason"] == "a look at the nodes" and issued["until"]
    [began] = audit(world, msg="login", session=issued["session"], trace_id=issued["trace_id"])
    assert began["rule"].endswith("[0]")


@pytest.mark.parametrize("method, path, body, message", [
    ("POST", "login", {"role": "nobody-has-it"}, "refuse"), ("POST", "login", "{", "refuse")])
def test_a_refusal_stands_in_the_audit_log(world, method, path, body, message):
    answer = world.ask("alice", method, path, body)

    [line] = audit(world, msg=message, trace_id=answer.headers["trace-id"])
    assert line["login"] == "alice@example.com" and line["node"] and line["cause"] == answer.message


def assert_names_the_session(line, signin):
    """What every line about a session says of it: whose it is, where, what it may, and what it has in the cluster."""
    spec, status = signin["spec"], signin["status"]
    told = {"login": spec["username"], "user_id": spec["user_id"], "node": spec["node"], "node_id": spec["node_id"],
            "role": spec["role"], "session": signin["metadata"]["name"],
            "service_account": status["serviceAccount"]["name"],
            "service_account_uid": status["serviceAccount"]["uid"]}
    assert {key: line.get(key) for key in told} == told


def test_extending_stands_in_the_audit_log(world):
    world.credential("bob", reason="a long night")
    before = world.signin()

    def extend():
        answer = world.ask("bob", "POST", "login")
        return answer if answer.body["until"] > before["status"]["valid_until"] else None
    answer = eventually("a second has passed", extend)
    after = eventually("the later end", lambda: [
        item for item in world.signins() if item["status"]["valid_until"] == answer.body["until"]])

    [line] = audit(world, msg="extend", trace_id=answer.headers["trace-id"])
    assert_names_the_session(line, after[0])
    assert line["rule"].endswith("[0]") and line["reason"] == "a long night"
    assert line["until"] == answer.body["until"] == after[0]["status"]["valid_until"]
    assert not audit(world, msg="login", trace_id=answer.headers["trace-id"]), "it was there already"


@pytest.fixture
def judge(world):
    """A server whose sessions no other one looks at by itself: what becomes of them, a request has done."""
    config = config_of(world, "tka-server", tailscale__capName=[CAPABILITY, "other.example/cap/tka"])
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        yield daemon


def test_a_grant_withdrawn_stands_in_the_audit_log(world, judge):
    world.credential("bob", URL)
    before = world.signin()
    with world.policy(alice=[rule("view")]):
        answer = world.ask("bob", "GET", "login", url=URL)
        world.await_gone(before["metadata"]["uid"])

    [line] = judge.log_lines(audit=True, msg="withdraw", session=before["metadata"]["name"],
                             service_account_uid=before["status"]["serviceAccount"]["uid"])
    assert_names_the_session(line, before)
    assert line["trace_id"] == answer.headers["trace-id"] and line["cause"] == "no rule grants it any longer"
    assert line["until"] == before["status"]["valid_until"]


def test_a_grant_that_became_shorter_stands_in_the_audit_log(world, judge):
    world.credential("bob", URL, reason="a short night")
    before = world.signin()
    with world.policy(bob=[rule("view", period="10m")]):
        answer = world.ask("bob", "GET", "login", url=URL)
        after = eventually("the earlier end", lambda: [
            item for item in world.signins() if item["status"]["valid_until"] < before["status"]["valid_until"]])

    [line] = judge.log_lines(audit=True, msg="shorten", trace_id=answer.headers["trace-id"])
    assert_names_the_session(line, after[0])
    assert line["rule"].endswith("[0]") and line["cause"] == "the granted period became shorter"
    assert line["reason"] == "a short night" and line["until"] == after[0]["status"]["valid_until"]


def test_signing_out_stands_in_the_audit_log(world):
    world.credential("alice")
    answer = world.ask("alice", "POST", "logout")

    [line] = audit(world, msg="logout", trace_id=answer.headers["trace-id"])
    assert line["session"] == answer.body["sessions"][0] and line["service_account"]


def test_audit_lines_are_written_at_the_level_of_errors_too(world):
    label = {UID_LABEL: "of-nobody"}
    quiet = {"log__level": "error"}
    with world.stopped("operator"):
        assert world.kube(ACCOUNTS, "POST", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": "tka-user-orphan-0123456789abcdef", "labels": label}})[0] == 201
        with own_daemon(world, "tka-operator", config_of(world, "tka-operator", health__port=8091, **quiet)) as operator, \
                own_daemon(world, "tka-server", config_of(world, "tka-server", **quiet)) as server:
            server.await_status(200)
            jti = claims(world.credential("alice", URL)["status"]["token"])["jti"]
            [issued] = server.log_lines(audit=True, msg="issue")
            assert issued["jti"] == jti and issued["level"] == "info" and not server.log_lines(msg="request")

            uid = world.signin()["metadata"]["uid"]
            eventually("the session's line", lambda: operator.log_lines(
                audit=True, msg="session provisioned", signin_uid=uid, level="info"))
            eventually("the orphan's line", lambda: operator.log_lines(
                audit=True, msg="removed an object that no session owns", signin_uid=label[UID_LABEL], level="warn"))
            assert not operator.log_lines(msg="started")


# --- injection ---

HOSTILE = "x\n{\"level\":\"error\",\"msg\":\"forged\"}\r\n\u2028\u001b[31m"


@pytest.mark.parametrize("method, path, headers, body", [
    ("GET", "/no%0a%22such\\path\"}{", {}, None),
    ("GET", "/" + "\u00e9\u202e".encode().decode("latin-1"), {}, None),
    ("GET", "access", {"User-Agent": "a\\\"}\\n{\"msg\":\"forged\"}", "Prefer": "wait=\"\\"}, None),
    ("GET", "access", {"traceparent": "00-\"}{\"msg\":\"forged\"}-00f067aa0ba902b7-01"}, None),
    ("POST", "login", {}, {"role": HOSTILE}), ("POST", "login", {}, {"reason": HOSTILE}),
    ("POST", "login", {}, {HOSTILE: 1}), ("POST", "login", {}, {"period": HOSTILE}),
    ("GET", "login?role=%0a%22%7d%7b%22msg%22%3a%22forged%22%7d", {}, None),
], ids=["path", "no ASCII", "header", "trace", "role", "reason", "key", "period", "query"])
def test_nobody_writes_lines_of_their_own_into_the_log(world, method, path, headers, body):
    before = len(world.log("server"))
    connection = world.connection("alice")
    if path.startswith("/"):
        connection._validate_path = lambda _: None  # noqa: SLF001 - what a hostile client does not do
        connection._encode_request = lambda request: request.encode("latin-1")  # noqa: SLF001
    connection.request(method, path if path.startswith("/") else "/api/v1alpha1/" + path,
                       None if body is None else json.dumps(body), headers)
    answer = world.answer_of(connection.getresponse())
    connection.close()

    assert answer.status < 500
    written = eventually("a line", lambda: world.log("server")[before:])
    for line in written.splitlines():
        event = json.loads(line)
        assert event["msg"] != "forged"
        assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e]", line), line


def test_a_person_and_a_device_with_hostile_names_write_one_line(world):
    hostile = "x\"}\n{\"msg\":\"forged\"}\\\u2028\u202e\x1b[31m\x9b"
    socket = world.rig.tailnet.socket("tka")
    where = f"http://local-tailscaled.sock/localapi/v0/whois?addr={world.rig.tailnet.address('alice')}"
    whois = json.loads(world.run("admin", "curl", "-sS", "--unix-socket", socket, where).stdout)
    whois["Node"]["ComputedName"] = "node-" + hostile
    whois["UserProfile"]["LoginName"] = f"alice-{hostile}@example.com"
    with stand_in_localapi(world, "tka", "hostile") as stand_in, stand_in.instead(r"/whois\?", told(whois)):
        with own_daemon(world, "tka-server", config_of(world, "tka-server",
                                                       tailscale__socket=str(stand_in.path))) as daemon:
            daemon.await_status(200)
            assert world.ask("alice", "POST", "login", {"role": "nobody-has-it"}, url=URL).status == 403

            [line] = daemon.log_lines(msg="refuse")
            assert line["node"].startswith("node-x\"}") and line["login"].startswith("alice-x\"}")
            assert not daemon.log_lines(msg="forged")
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e]", daemon.log())


@pytest.mark.parametrize("level", ["debug", "info"])
def test_no_token_stands_in_any_log_at_any_level(world, level):
    with own_daemon(world, "tka-server", config_of(world, "tka-server", log__level=level)) as daemon:
        daemon.await_status(200)
        token = world.credential("alice", URL)["status"]["token"]
        world.ask("alice", "GET", "kubeconfig", url=URL)
        world.ask("alice", "GET", "access", url=URL, headers={"Authorization": f"Bearer {token}"})
        world.ask("alice", "GET", f"/{token}", url=URL)

        eventually("the log tells of what was asked for", lambda: "[token]" in daemon.log())
        said = daemon.log()
        assert daemon.log_lines(msg="issue")
        assert (world.folder / "server/token").read_text().strip() not in said
        assert not any(part in said for part in token.split("."))


# --- metrics ---

def scrape(world, path, health=("127.0.0.2", 8080)):
    connection = world.rig.host.http("hub", health)
    connection.request("GET", path)
    answer = world.answer_of(connection.getresponse())
    connection.close()
    assert answer.status == 200
    return answer.text


@pytest.mark.parametrize("path", ["/metrics", "/metrics/controller"])
def test_promtool_has_nothing_to_say_of_the_metrics(world, path):
    world.credential("alice")
    world.ask("alice", "GET", "/no/such/path")
    text = scrape(world, path)

    said = world.run("admin", *clients.obtain("promtool", system.progress()), "check", "metrics", text=text)

    assert said.stdout == said.stderr == "" and "tka_" in text


def test_a_login_is_counted_where_it_is_decided(world):
    def count(outcome, role="cluster-admin"):
        found = re.search(rf'^tka_login_attempts_total{{role="{role}",outcome="{outcome}"}} (\S+)',
                          scrape(world, "/metrics"), re.M)
        return float(found[1]) if found else 0
    before = {name: count(name) for name in ("created", "kept")} | {"none": count("forbidden", "none")}
    world.ask("alice", "POST", "login")
    world.credential("alice")
    world.ask("carol", "POST", "login")

    assert count("created") == before["created"] + 1 and count("kept") == before["kept"] + 1
    assert count("forbidden", "none") == before["none"] + 1


def test_no_label_names_a_person_or_grows_with_what_clients_send(world):
    world.credential("alice")

    def series():
        return {line.rsplit(" ", 1)[0] for path in ("/metrics", "/metrics/controller")
                for line in scrape(world, path).splitlines() if not line.startswith("#")}
    world.ask("alice", "GET", "/random-0", headers={"Host": "evil-0"})
    before = series()
    for number in range(1, 40):
        world.ask("alice", "GET", f"/random-{number}", headers={"Host": f"evil-{number}", "X-Forwarded-For": "1.2.3.4"})
        world.ask("alice", "POST", "login", {"role": f"role-{number}"})
    after = series()

    assert len(after - before) <= 16, after - before
    assert not any(word in line for line in after for word in ("alice", "example", "evil", "random", "role-", "1.2.3.4"))


def test_the_log_names_the_peer_and_not_what_a_header_says(world):
    answer = world.ask("alice", "GET", "access", headers={"X-Forwarded-For": "6.6.6.6", "X-Real-Ip": "6.6.6.6"})

    [line] = eventually("the line", lambda: world.log_lines("server", msg="request",
                                                            trace_id=answer.headers["trace-id"]))
    assert line["peer"].startswith("127.0.0.1:") and "6.6.6.6" not in world.log("server")


# --- traces ---

def test_every_request_becomes_a_span_of_the_trace_it_came_with(world):
    with stand_in_collector(world) as collector:
        config = config_of(world, "tka-server", otel__endpoint=collector.endpoint)
        with own_daemon(world, "tka-server", config) as daemon:
            daemon.await_status(200)
            answer = world.ask("alice", "POST", "login", url=URL, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
            world.ask("alice", "GET", "access", url=URL, headers={"traceparent": f"00-{TRACE}-{PARENT}-00"})
            [span] = eventually("the span", lambda: collector.named("POST /api/v1alpha1/login"))

        assert (span["traceId"], span["parentSpanId"]) == (TRACE, PARENT)
        assert answer.headers["traceparent"] == f"00-{TRACE}-{span['spanId']}-01"
        assert attributes(span)["http.response.status_code"] == "202" and span["kind"] == 2
        assert int(span["startTimeUnixNano"]) < int(span["endTimeUnixNano"])
        assert collector.resources[0]["service.name"] == "tka-server"
        assert not collector.named("GET /api/v1alpha1/access"), "who asks wants no trace of it"
        assert "alice" not in json.dumps(collector.spans) and "eyJ" not in json.dumps(collector.spans)


def test_a_span_that_was_not_sent_yet_is_sent_at_the_end(world):
    with stand_in_collector(world) as collector:
        with own_daemon(world, "tka-server", config_of(world, "tka-server", otel__endpoint=collector.endpoint)) as daemon:
            daemon.await_status(200)
            world.ask("alice", "GET", "/last", url=URL)

        assert any(attributes(span).get("http.response.status_code") == "404" for span in collector.spans)


def test_a_server_that_sends_traces_ends_in_order_in_the_middle_of_a_question(world):
    with stand_in_collector(world) as collector, stand_in_localapi(world, "tka") as api:
        config = config_of(world, "tka-server", otel__endpoint=collector.endpoint, tailscale__socket=str(api.path))
        with own_daemon(world, "tka-server", config, env=wiping_env(world)) as daemon:
            daemon.await_status(200)
            with api.instead("/status", HANG) as asked:
                eventually("tailscaled is asked again", lambda: asked)
                daemon.process.terminate()
                assert daemon.process.wait(12) == 0, daemon.log()[-2000:]


def test_a_collector_that_refuses_or_is_away_holds_up_nobody(world):
    with stand_in_collector(world) as collector:
        collector.refusing = True
        with own_daemon(world, "tka-server", config_of(world, "tka-server", otel__endpoint=collector.endpoint)) as daemon:
            daemon.await_status(200)
            assert world.ask("alice", "GET", "access", url=URL).status == 200

            eventually("spans dropped", lambda: re.search(
                r"^tka_trace_spans_dropped_total [1-9]", daemon.probe("/metrics")[1], re.M))
            assert world.ask("alice", "GET", "access", url=URL).status == 200
