"""What tka-server says over HTTP: routes, statuses, forms, and what it makes of bad input."""

import contextlib
import json
import socket

import pytest
import yaml

from tailnet import PORT
from world import SERVER_TUN, eventually


def test_login_answers_202_with_who_as_what_until_when(world):
    answer = world.ask("alice", "POST", "login")

    assert answer.status == 202
    assert set(answer.body) >= {"username", "role", "until"}
    assert (answer.body["username"], answer.body["role"]) == ("alice@example.com", "cluster-admin")


def test_login_is_200_once_the_session_is_ready(world):
    world.ask("alice", "POST", "login")

    assert world.ask("alice", "GET", "login", headers={"Prefer": "wait=10"}).status == 200


@pytest.mark.parametrize("method, path, status", [
    ("GET", "login", 401), ("GET", "kubeconfig", 401), ("POST", "logout", 404)])
def test_who_is_not_signed_in_is_told_so(world, method, path, status):
    answer = world.ask("alice", method, path)

    assert answer.status == status and answer.message


def test_the_kubeconfig_as_yaml_works_with_kubectl_as_it_is(world):
    world.credential("alice")
    answer = world.ask("alice", "GET", "kubeconfig", headers={"Accept": "application/yaml, */*;q=0.1"})
    assert answer.status == 200 and answer.headers["content-type"].startswith("application/yaml")

    done = world.run_by("alice", answer.text, "get", "ns", "-o", "name")

    assert "namespace/tka" in done.stdout
    assert isinstance(yaml.safe_load(answer.text)["clusters"], list)


def test_the_kubeconfig_as_json_has_the_map_form_that_existing_clients_decode(world):
    world.credential("alice")
    body = world.ask("alice", "GET", "kubeconfig", headers={"Accept": "application/json"}).body

    assert body["kind"] == "Config" and body["apiVersion"] == "v1"
    context = body["contexts"][body["current-context"]]
    assert body["clusters"][context["cluster"]]["server"] == "https://10.77.0.1:6443"
    assert body["users"][context["user"]]["token"].startswith("eyJ")


@pytest.mark.parametrize("accept, form", [
    ("application/yaml;q=0.2, application/json;q=0.9", "application/json"),
    ("application/json;q=0.2, application/x-yaml", "application/x-yaml"),
    ("text/yaml", "text/yaml"), ("*/*", "application/json"), (None, "application/json")])
def test_the_kubeconfigs_form_follows_accept_with_its_weights(world, accept, form):
    world.credential("alice")
    answer = world.ask("alice", "GET", "kubeconfig", headers={"Accept": accept} if accept else {})

    kind = "json" if "json" in form else "yaml"
    assert answer.status == 200 and kind in answer.headers["content-type"]


def test_cluster_info_says_where_the_api_server_is(world):
    answer = world.ask("alice", "GET", "cluster-info")

    assert answer.status == 200
    assert answer.body["server_url"] == "https://10.77.0.1:6443" and answer.body["ca_data"]
    assert answer.body["insecure_skip_tls_verify"] is False and answer.body["labels"] == {"environment": "rig"}


def test_the_openapi_document_is_served_to_everybody_in_the_tailnet(world):
    answer = world.ask("ci", "GET", "/openapi.json")

    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.body["openapi"].startswith("3.1") and "/api/v1alpha1/access" in answer.body["paths"]


@pytest.mark.parametrize("path, to", [("/swagger", "/"), ("/swagger/index.html", "/"),
                                      ("/swagger/doc.json", "/openapi.json"), ("/swagger/", "/swagger")])
def test_swagger_redirects_to_what_there_is(world, path, to):
    answer = world.ask("alice", "GET", path)

    assert answer.status == 301 and answer.headers["location"] == to


def test_the_page_for_people_names_every_route_and_runs_nothing(world):
    answer = world.ask("alice", "GET", "/")

    assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert all(path in answer.text for path in ("/api/v1alpha1/login", "/api/v1alpha1/access", "/openapi.json"))


def test_a_wrong_method_is_405_and_names_the_right_ones(world):
    answer = world.ask("alice", "DELETE", "login")

    assert answer.status == 405 and answer.message
    assert {"GET", "POST"} <= {word.strip() for word in answer.headers["allow"].split(",")}


def test_an_unknown_path_is_a_404_in_json(world):
    assert world.ask("alice", "GET", "/nowhere").message


def test_a_trailing_slash_redirects(world):
    answer = world.ask("alice", "GET", "/api/v1alpha1/cluster-info/")

    assert answer.status in (301, 308) and answer.headers["location"].endswith("/cluster-info")


def test_head_is_answered_wherever_get_is(world):
    answer = world.ask("alice", "HEAD", "cluster-info")

    assert answer.status == 200 and answer.text == "" and int(answer.headers["content-length"]) > 100


def test_a_trace_id_is_answered_and_stands_in_the_log(world):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = world.ask("alice", "GET", "cluster-info",
                       headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})

    assert answer.headers["trace-id"] == trace
    eventually("the log line", lambda: world.log_lines("server", trace_id=trace))


@pytest.mark.parametrize("body", ["{", "[]", "null garbage", '{"role":"view","role":"edit"}', "\x00\x01\x02",
                                  "[" * 30000], ids=["cut", "list", "words", "twice", "binary", "deep"])
def test_a_garbage_body_is_refused_in_words(world, body):
    answer = world.ask("alice", "POST", "login", body)

    assert answer.status == 400 and answer.message, answer.text
    assert not world.signins()


@pytest.mark.parametrize("header", [("Origin", "https://page.example"), ("Sec-Fetch-Site", "cross-site")],
                         ids=["origin", "fetch"])
def test_a_web_page_signs_nobody_in_or_out(world, header):
    world.credential("alice")
    for path in ("login", "credential", "logout"):
        assert world.ask("alice", "POST", path, headers=dict([header])).status == 403
    assert world.signins()
    assert world.ask("alice", "GET", "login", headers=dict([header])).status == 200


def test_a_client_that_goes_away_while_it_waits_harms_nobody(world):
    with world.stopped("operator"):
        stream = world.rig.host.connect("alice", (world.rig.tailnet.address("tka"), PORT))
        stream.sendall(b"POST /api/v1alpha1/credential HTTP/1.1\r\nHost: tka\r\nContent-Length: 0\r\n\r\n")
        eventually("the request has begun", world.signins)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        stream.close()
        assert world.ask("bob", "GET", "cluster-info").status == 200
    assert world.ask("alice", "POST", "credential").status == 200


def test_health_and_metrics_are_not_on_the_tailnet_and_name_no_user(world):
    world.credential("alice")
    assert world.ask("alice", "GET", "/metrics").status == 404

    connection = world.rig.host.http("hub", ("127.0.0.2", 8080))
    with contextlib.closing(connection):
        for path in ("/livez", "/readyz", "/ready", "/metrics/controller", "/metrics"):
            connection.request("GET", path)
            answer = world.answer_of(connection.getresponse())
            assert answer.status == 200, path
    assert 'tka_login_attempts_total{role="cluster-admin"' in answer.text
    assert "alice" not in answer.text


def test_every_request_has_one_json_line_in_the_log(world):
    trace = world.ask("alice", "GET", "login").headers["trace-id"]

    line = eventually("the line", lambda: world.log_lines("server", trace_id=trace))[-1]
    assert {"ts", "level", "msg"} <= set(line) and str(line["status"]) == "401"


def test_a_reason_stands_in_the_record_and_cannot_forge_a_log_line(world):
    reason = 'fire\n{"audit":true,"msg":"forged"}'
    answer = world.ask("alice", "POST", "login", {"reason": reason})

    assert answer.status in (202, 400)
    assert not world.log_lines("server", msg="forged")


def test_a_server_without_its_api_server_says_so_and_recovers(world):
    world.credential("alice")
    with world.stopped("apiserver"):
        answer = world.ask("bob", "POST", "login", timeout=20)
        assert answer.status == 503 and answer.headers["retry-after"], answer.text
        assert json.loads(answer.text)["message"]
    eventually("bob gets in", lambda: world.ask("bob", "POST", "credential").status == 200, 40)


def test_a_server_whose_tailscaled_is_gone_refuses_everybody_until_it_is_back(world):
    with world.stopped("tkatun"):
        eventually("not ready", lambda: readyz(world) == 503, 20)
    eventually("ready again", lambda: readyz(world) == 200, 30)
    assert world.ask("alice", "POST", "credential", url=SERVER_TUN).status == 200


def readyz(world):
    connection = world.rig.host.http("tkatun", ("127.0.0.2", 8080))
    with contextlib.closing(connection):
        connection.request("GET", "/readyz")
        return world.answer_of(connection.getresponse()).status
