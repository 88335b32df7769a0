"""Who does not get in, with which status and which words."""

import contextlib
import socket
import subprocess

import pytest

from host import SUBNET
from tailnet import PORT
from world import SERVER, SERVER_TUN, eventually, rule

SERVERS = pytest.mark.parametrize("url", [SERVER, SERVER_TUN], ids=["userspace", "tun"])


def refused(world, node, status, words, url=SERVER, headers=None):
    answer = world.ask(node, "POST", "credential", headers=headers, url=url)
    assert (answer.status, words in answer.message) == (status, True), answer.text
    assert not world.signins()


@SERVERS
def test_a_user_without_a_rule_is_refused(world, url):
    refused(world, "carol", 403, "User not authorized", url)


@SERVERS
def test_a_tagged_node_is_refused(world, url):
    refused(world, "ci", 400, "tagged nodes not (yet) supported", url)


def test_a_tagged_node_with_a_rule_is_refused_as_well(world):
    with world.policy(ci=[rule("view")]):
        refused(world, "ci", 400, "tagged nodes not (yet) supported")


def test_two_rules_of_one_priority_are_refused(world):
    with world.policy(alice=[rule("view", priority=7), rule("edit", priority=7)]):
        refused(world, "alice", 400, "Multiple capability rules with the same priority found")


def test_the_same_rule_twice_counts_once(world):
    with world.policy(alice=[rule("view"), rule("view")]):
        assert world.credential("alice")["session"]["role"] == "view"


@pytest.mark.parametrize("element, words", [
    ("view", "[0]"),
    ({"period": "1h"}, '"role"'),
    ({"role": 5, "period": "1h"}, '"role"'),
    ({"role": "view", "period": "1 hour"}, '"period"'),
    ({"role": "view", "period": "1h", "priority": 1.5}, '"priority"'),
], ids=["no object", "no role", "role a number", "period no duration", "priority a fraction"])
def test_a_malformed_capability_is_refused_naming_element_and_field(world, element, words):
    with world.policy(alice=[element]):
        answer = world.ask("alice", "POST", "credential")
        assert answer.status == 400 and "specht-labs.de/cap/tka[0]" in answer.message and words in answer.message


@pytest.mark.parametrize("value", ["?1", "", "anything"])
def test_a_request_through_funnel_is_refused(world, value):
    refused(world, "alice", 403, "Unauthorized request from Funnel", headers={"Tailscale-Funnel-Request": value})


@pytest.mark.parametrize("headers", [
    {"Tailscale-User-Login": "alice@example.com"},
    {"X-Forwarded-For": "100.64.0.3"},
    {"Tailscale-App-Capabilities": '{"specht-labs.de/cap/tka":[{"role":"cluster-admin","period":"1h"}]}'},
], ids=lambda headers: next(iter(headers)))
def test_headers_that_claim_an_identity_change_nothing(world, headers):
    refused(world, "carol", 403, "User not authorized", headers=headers)


def test_a_local_connection_that_is_no_tailnet_peer_is_refused(world):
    connection = world.rig.host.http("hub", ("127.0.0.1", PORT))
    with contextlib.closing(connection):
        connection.request("POST", "/api/v1alpha1/credential")
        answer = world.answer_of(connection.getresponse())

    assert answer.status == 403, answer.text
    assert not world.signins()


def in_lan(world, *argv):
    return subprocess.run(["ip", "-n", world.rig.host.namespace("lan"), *argv], check=True, capture_output=True)


@pytest.fixture
def lan_wearing_alices_address(world):
    """The LAN host with alice's tailnet address as its own, and a route to the servers' host."""
    alice = world.rig.tailnet.address("alice")
    in_lan(world, "addr", "add", f"{alice}/32", "dev", "lo")
    yield alice
    in_lan(world, "addr", "del", f"{alice}/32", "dev", "lo")


def answer_to_lan(world, target, source=None):
    """What a LAN host is told by the server at an address: a status, or None without an answer."""
    with world.rig.host.inside(world.rig.host.namespace("lan")):
        stream = socket.socket()
    with contextlib.closing(stream):
        stream.settimeout(1.5)
        try:
            if source:
                stream.bind((source, 0))
            stream.connect((target, PORT))
            stream.sendall(b"POST /api/v1alpha1/credential HTTP/1.1\r\nHost: tka\r\nContent-Length: 0\r\n\r\n")
            return stream.recv(4096).split(b" ")[1].decode() if stream else None
        except (OSError, IndexError):
            return None


@pytest.mark.parametrize("octet", [1, 11], ids=["userspace", "tun"])
def test_a_host_of_the_lan_reaches_no_server(world, octet):
    assert answer_to_lan(world, f"{SUBNET}.{octet}") is None


@pytest.mark.parametrize("node, octet", [("tka", 1), ("tkatun", 11)], ids=["userspace", "tun"])
def test_a_lan_host_wearing_a_tailnet_address_gets_nothing(world, lan_wearing_alices_address, node, octet):
    target = world.rig.tailnet.address(node)
    in_lan(world, "route", "add", target, "via", f"{SUBNET}.{octet}")
    try:
        for address in (target, f"{SUBNET}.{octet}"):
            assert answer_to_lan(world, address, lan_wearing_alices_address) in (None, "403")
    finally:
        in_lan(world, "route", "del", target)
    assert not world.signins()


def test_the_server_does_not_take_its_own_node_for_a_user(world):
    """A tailscale serve on the server's node would make every caller look like that node."""
    node = world.rig.tailnet.address("tkatun")
    connection = world.rig.host.http("tkatun", (node, PORT))
    try:
        connection.request("POST", "/api/v1alpha1/credential")
        answer = world.answer_of(connection.getresponse())
    except OSError:
        return  # it could not even connect
    finally:
        connection.close()
    assert answer.status == 403, answer.text


def test_an_expired_node_gets_nothing(world):
    nodes = {node["given_name"]: node["id"] for node in world.rig.tailnet.control("nodes", "list")}
    world.credential("desktop")
    world.rig.tailnet.control("nodes", "expire", "-i", str(nodes["desktop"]))
    try:
        eventually("the server's node sees the expiry",
                   lambda: (world.rig.tailnet.whois("tka", world.rig.tailnet.address("desktop")) or {"Node": {}})
                   ["Node"].get("Expired") or not world.rig.tailnet.whois("tka", world.rig.tailnet.address("desktop")))
        try:
            assert world.ask("desktop", "POST", "credential", timeout=4).status == 403
        except OSError:
            pass  # its packets are dropped before they arrive
    finally:
        world.restarted = True
        rejoin(world, "desktop")


def rejoin(world, name):
    """An expired node logs in anew, with a new key, as the same machine."""
    from tailnet import NODES
    tailnet = world.rig.tailnet
    users = {user["name"]: user["id"] for user in tailnet.control("users", "list")}
    key = tailnet.control("preauthkeys", "create", "-u", str(users[NODES[name].owner]), "--reusable", "-e", "1h")
    world.run(name, "tailscale", f"--socket={tailnet.socket(name)}", "up", "--force-reauth", "--reset",
              f"--login-server=http://{SUBNET}.1:8080", f"--auth-key={key['key']}", f"--hostname={name}",
              "--accept-dns=false", "--netfilter-mode=off")
    eventually("the node is back", lambda: tailnet.is_running(name) and (
        tailnet.whois("tka", tailnet.address(name)) or {"Node": {"Expired": True}})["Node"].get("Expired") is not True, 20)
    tailnet.greet(name)


@pytest.mark.parametrize("wish, status, words", [
    ({"role": "edit"}, 403, "cluster-admin"),
    ({"period": "0s"}, 422, "1s"),
    ({"period": "soon"}, 400, "soon"),
    ({"rolle": "view"}, 400, "rolle"),
    ({"role": 5}, 400, '"role"'),
    ({"reason": "x" * 300}, 400, '"reason"'),
], ids=["a role not granted", "too short", "no duration", "unknown key", "wrong type", "too long"])
def test_a_wish_that_cannot_be_met_is_refused_in_words(world, wish, status, words):
    answer = world.ask("alice", "POST", "login", wish)

    assert answer.status == status and words in answer.message, answer.text
    assert not world.signins()


def test_a_period_above_the_maximum_is_refused(world):
    with world.policy(alice=[rule("view", period="48h")]):
        refused(world, "alice", 422, "24h")


def test_a_role_that_the_cluster_does_not_list_is_refused_without_writing(world):
    with world.policy(alice=[rule("system:node")]):
        refused(world, "alice", 422, "system:node")


@pytest.mark.parametrize("host, status", [
    ("evil.example", 421), ("evil.example:8123", 421), ("tka.tailnet.test.evil.example", 421), ("tka", 202),
    ("tka.tailnet.test:8123", 202)])
def test_a_page_that_lets_its_own_name_point_here_is_answered_nothing(world, host, status):
    answer = world.ask("alice", "POST", "login", headers={"Host": host})

    assert answer.status == status, answer.text
    assert status == 202 or not world.signins()
