"""tka-server with a tailscaled that is slow, ill or says odd things: nobody gets in by it."""

import contextlib
import json

import pytest

from host import command
from own_daemon import URL, change, config_of, own_daemon
from relay import CLOSE, HANG, Late, reply
from stand_in_localapi import NONSENSE, stand_in_localapi, told
from tailnet import PORT
from test_unwell_rechecks import rounds
from world import API, SERVER, SERVER_TUN, eventually


@pytest.fixture(scope="module")
def behind_localapi(shared_world):
    """A server of our own whose tailscaled says what a test wants it to."""
    (shared_world.folder / "localapi").mkdir(exist_ok=True)
    with stand_in_localapi(shared_world, "tka") as api:
        config = config_of(shared_world, "tka-server", tailscale__socket=str(api.path))
        with own_daemon(shared_world, "tka-server", config) as daemon:
            daemon.await_status(200)
            yield api, daemon


@pytest.mark.parametrize("answer", [*NONSENSE.values(), CLOSE], ids=[*NONSENSE, "hanging up"])
def test_a_whois_that_cannot_be_read_lets_nobody_in(world, behind_localapi, answer):
    api, daemon = behind_localapi
    with api.instead("/whois", answer):
        refused = world.ask("alice", "POST", "credential", url=URL)

    assert refused.status == 503 and refused.message and refused.headers["retry-after"], refused.text
    assert not world.signins() and daemon.is_alive()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


def test_a_whois_that_never_comes_is_given_up_on(world, behind_localapi):
    api, _ = behind_localapi
    with api.instead("/whois", HANG, times=1):
        refused = world.ask("alice", "POST", "credential", url=URL, timeout=15)

    assert refused.status == 503 and not world.signins()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


def whois_of(world, node, **changes):
    """What tailscaled says of a person's node, changed. Keys of changes: Section__Key."""
    value = world.rig.tailnet.whois("tka", world.rig.tailnet.address(node))
    return told(change(value, {path.replace("__", "."): each for path, each in changes.items()}))


@pytest.mark.parametrize("changes, status, words", [
    ({"Node__Expired": True}, 403, "expired"),
    ({"Node__Tags": ["tag:ci"]}, 400, "tagged nodes not (yet) supported"),
    ({"CapMap": None}, 403, "User not authorized"),
    ({"CapMap": {}}, 403, "User not authorized"),
    ({"CapMap": {"specht-labs.de/cap/tka": None}}, 403, "User not authorized"),
    ({"CapMap": {"specht-labs.de/cap/tka": "cluster-admin"}}, 400, "specht-labs.de/cap/tka"),
    ({"CapMap": {"specht-labs.de/cap/tka": {"role": "cluster-admin"}}}, 400, "specht-labs.de/cap/tka"),
    ({"CapMap": "everything"}, 503, "CapMap"),
    ({"UserProfile__LoginName": ""}, 503, "LoginName"),
    ({"UserProfile__LoginName": None}, 503, "LoginName"),
    ({"UserProfile": None}, 503, "UserProfile"),
    ({"Node__StableID": ""}, 503, "StableID"),
    ({"Node": None}, 503, "Node"),
], ids=["an expired node", "a tag", "no capabilities", "empty capabilities", "a capability that is null",
        "a capability that is a text", "a capability that is an object", "capabilities that are a text",
        "an empty login", "no login", "no profile", "an empty node id", "no node"])
def test_what_whois_says_of_a_caller_is_taken_at_its_word_or_not_at_all(world, behind_localapi, changes, status, words):
    api, _ = behind_localapi
    with api.instead("/whois", whois_of(world, "alice", **changes)):
        refused = world.ask("alice", "POST", "credential", url=URL)

    assert (refused.status, words in refused.text) == (status, True), refused.text
    assert not world.signins()


def test_a_login_name_is_used_whole_and_never_reaches_a_name_it_should_not(world, behind_localapi):
    api, _ = behind_localapi
    login = "../../alice@example.com\n{\"audit\": true}"
    with api.instead("/whois", whois_of(world, "alice", UserProfile__LoginName=login)):
        answer = world.ask("alice", "POST", "login", url=URL)

    for signin in world.signins():
        assert signin["metadata"]["name"].startswith("tka-user-") and "/" not in signin["metadata"]["name"]
    assert answer.status in (202, 400, 403, 503), answer.text


@pytest.mark.parametrize("state", ["NeedsLogin", "Stopped", "Starting", "NoState"])
def test_while_tailscaled_is_not_running_nobody_gets_in(world, behind_localapi, state):
    api, daemon = behind_localapi
    status = world.rig.tailnet.local("tka", "status")[1]
    with api.instead("/status", told(change(status, {"BackendState": state}))), \
            api.instead("/whois", reply(404, "no match for IP:port\n", "text/plain")):
        daemon.await_status(503, state)
        refused = world.ask("alice", "POST", "credential", url=URL)
        assert refused.status == 503 and refused.headers["retry-after"], refused.text
    daemon.await_status(200)


def test_a_slow_whois_is_waited_for(world, behind_localapi):
    api, daemon = behind_localapi
    with api.instead("/whois", Late(2)):
        assert world.ask("alice", "POST", "credential", url=URL).status == 200
        assert daemon.probe("/livez")[0] == 200


def test_while_the_socket_is_gone_nobody_gets_in_and_its_return_is_noticed(world):
    (world.folder / "localapi-gone").mkdir(exist_ok=True)
    config = config_of(world, "tka-server", tailscale__socket=str(world.folder / "localapi-gone/s"),
                       tailscale__port=8127, health__port=8092)
    url = "http://tka:8127"
    with own_daemon(world, "tka-server", config) as daemon:
        with stand_in_localapi(world, "tka", "localapi-gone"):
            daemon.await_status(200)
            assert world.ask("alice", "POST", "credential", url=url).status == 200
        daemon.await_status(503, "tailscaled")
        refused = world.ask("alice", "POST", "credential", url=url)
        assert refused.status == 503 and refused.headers["retry-after"], refused.text
        with stand_in_localapi(world, "tka", "localapi-gone"):
            daemon.await_status(200)
            assert world.ask("alice", "POST", "credential", url=url).status == 200


# --- the real one ---

def readiness(world, namespace):
    """(status, text) of the rig's server in that namespace."""
    connection = world.rig.host.http(namespace, ("127.0.0.2", 8080), timeout=3)
    with contextlib.closing(connection):
        connection.request("GET", "/readyz")
        answer = world.answer_of(connection.getresponse())
        return answer.status, answer.text


NODES = pytest.mark.parametrize("node, namespace, url", [("tka", "hub", SERVER), ("tkatun", "tkatun", SERVER_TUN)],
                                ids=["userspace", "tun"])


@NODES
def test_a_tailscaled_that_is_killed_and_comes_back_is_followed(world, node, namespace, url):
    world.credential("alice", url)
    with world.stopped(node, kill=True):
        eventually("not ready", lambda: readiness(world, namespace)[0] == 503)
    eventually("ready again", lambda: readiness(world, namespace)[0] == 200, 20)
    eventually("alice gets in", lambda: attempt(world, url) == 200, 20)
    assert len(world.signins()) == 1, "nobody lost a session by it"


def attempt(world, url, timeout=5):
    """The status of asking for a token; None without an answer."""
    try:
        return world.ask("alice", "POST", "credential", url=url, timeout=timeout).status
    except OSError:
        return None


@NODES
def test_a_server_whose_own_key_has_expired_says_so_and_lets_nobody_in(world, node, namespace, url):
    world.restarted = True
    world.rig.tailnet.expire(node)
    try:
        status, text = eventually("not ready", lambda: told_unready(world, namespace), 20)
        assert status == 503 and "tailscaled" in text, text
        assert attempt(world, url) in (None, 503)
    finally:
        world.rig.tailnet.expire(node, False)
    eventually("ready again", lambda: readiness(world, namespace)[0] == 200, 30)
    world.rig.tailnet.greet(node)
    eventually("alice gets in", lambda: attempt(world, url) == 200, 30)


def told_unready(world, namespace):
    said = readiness(world, namespace)
    return said if said[0] == 503 else None


@NODES
def test_a_peer_by_its_ipv6_address_is_the_same_person(world, node, namespace, url):
    by_name = world.credential("alice", url)["session"]
    connection = world.rig.host.http("alice", (world.rig.tailnet.address6(node), PORT), timeout=10)
    with contextlib.closing(connection):
        connection.request("POST", API + "credential")
        answer = world.answer_of(connection.getresponse())
    assert answer.status == 200 and answer.body["session"] == by_name, (answer.text, namespace)
    assert len(world.signins()) == 1


def test_a_server_follows_its_node_to_another_address(world):
    """Told by the stand-in: this control plane gives no node another address while it lives."""
    new, name = "100.64.0.77", world.rig.host.namespace("tkatun")
    config = change(world.rig.daemons.server_config("server-tun", "tkatun", "tun"), {
        "tailscale.socket": str(world.folder / "localapi-moved/s"), "tailscale.port": 8128,
        "health.address": "127.0.0.2", "health.port": 8093})
    (world.folder / "localapi-moved").mkdir(exist_ok=True)
    status = world.rig.tailnet.local("tkatun", "status?peers=false")[1]
    status["Self"]["TailscaleIPs"] = status["TailscaleIPs"] = [new]
    with stand_in_localapi(world, "tkatun", "localapi-moved") as api, \
            own_daemon(world, "tka-server", config, namespace="tkatun") as daemon:
        daemon.await_status(200)
        command("ip", "-n", name, "addr", "add", f"{new}/32", "dev", "tailscale0")
        try:
            with api.instead("/status", told(status)):
                eventually("it listens there", lambda: daemon.log_lines(msg="listening", address=new))
                assert daemon.probe()[0] == 200
        finally:
            command("ip", "-n", name, "addr", "del", f"{new}/32", "dev", "tailscale0")
        assert world.ask("alice", "POST", "credential", url="http://tkatun:8128").status == 200


@contextlib.contextmanager
def moved_server(world, name, port, health_port, addresses):
    """A server beside the node with a TUN, ready there, and then told that it has other addresses."""
    config = change(world.rig.daemons.server_config("server-tun", "tkatun", "tun"), {
        "tailscale.socket": str(world.folder / name / "s"), "tailscale.port": port,
        "health.address": "127.0.0.2", "health.port": health_port})
    (world.folder / name).mkdir(exist_ok=True)
    status = world.rig.tailnet.local("tkatun", "status?peers=false")[1]
    status["Self"]["TailscaleIPs"] = status["TailscaleIPs"] = addresses
    with stand_in_localapi(world, "tkatun", name) as api, \
            own_daemon(world, "tka-server", config, namespace="tkatun") as daemon:
        daemon.await_status(200)
        with api.instead("/status", told(status)):
            yield daemon


def test_a_server_that_cannot_listen_where_its_node_is_now_is_not_ready(world):
    new, unheld, name = "100.64.0.78", "fd7a:115c:a1e0::78", world.rig.host.namespace("tkatun")
    with contextlib.ExitStack() as stack:
        command("ip", "-n", name, "addr", "add", f"{new}/32", "dev", "tailscale0")
        stack.callback(command, "ip", "-n", name, "addr", "del", f"{new}/32", "dev", "tailscale0")
        other = stack.enter_context(world.rig.host.socket_inside("tkatun", (new, 8130)))
        other.bind((new, 8130))
        other.listen()
        daemon = stack.enter_context(moved_server(world, "localapi-taken", 8130, 8095, [new, unheld]))
        daemon.await_status(503, f"not listening on the tailnet: listening at {new} port 8130: Address already in use")
        other.close()
        daemon.await_status(200)


def make_interface(world, addresses):
    """One of the node's that leads to the hub; as often as it is made, it has another number."""
    near, far = world.rig.host.namespace("tkatun"), world.rig.host.namespace("hub")
    command("ip", "-n", near, "link", "add", "again0", "type", "veth", "peer", "name", "far0", "netns", far)
    command("ip", "-n", far, "-batch", "-", text="link set far0 up\naddr add 10.78.0.100/24 dev far0\n")
    command("ip", "-n", near, "-batch", "-", text="link set again0 up\n" + "".join(
        f"addr add {address}/24 dev again0\n" for address in addresses))


def test_a_server_outlives_more_interfaces_than_it_can_listen_on(world):
    """Eight addresses on one after the other: at most 16 listeners are there at once."""
    addresses = [f"10.78.0.{i}" for i in range(1, 9)]
    with contextlib.ExitStack() as stack:
        stack.callback(command, "ip", "-n", world.rig.host.namespace("tkatun"), "link", "del", "again0")
        make_interface(world, addresses)
        daemon = stack.enter_context(moved_server(world, "localapi-again", 8131, 8096, addresses))
        eventually("it answers there", lambda: all(page(world, each) == 200 for each in addresses))
        for _ in range(3):
            command("ip", "-n", world.rig.host.namespace("tkatun"), "link", "del", "again0")
            make_interface(world, addresses)
            eventually("it answers there", lambda: all(page(world, each) == 200 for each in addresses))
            daemon.await_status(200)


def page(world, address):
    """The status of the page for people at that address; None without an answer."""
    connection = world.rig.host.http("hub", (address, 8131), timeout=0.5)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        except OSError:
            return None


def status_with_loud_devices(world, count):
    """What tailscaled says when so many more devices call themselves by a mebibyte of a byte that it writes as six."""
    value = world.rig.tailnet.local("tkatun", "status")[1]
    value["Self"]["Online"] = True  # its key has just been expired: that may not have been said yet
    some = next(iter(value["Peer"].values()))
    for i in range(count):
        value["Peer"][f"nodekey:{i:064x}"] = some | {"ID": f"loud{i}", "HostName": "<" * (1 << 20), "TailscaleIPs": []}
    return reply(200, json.dumps(value).replace("<", "\\u003c"))


def test_what_devices_call_themselves_blinds_no_server(world):
    """More than 32 MB of it: with a TUN nobody is let in who is not in that, and by it sessions are looked at again."""
    config = change(world.rig.daemons.server_config("server-tun", "tkatun", "tun"), {
        "tailscale.socket": str(world.folder / "localapi-loud/s"), "tailscale.port": 8129,
        "health.address": "127.0.0.2", "health.port": 8094})
    (world.folder / "localapi-loud").mkdir(exist_ok=True)
    loud = status_with_loud_devices(world, 7)
    assert len(loud) > 40 << 20
    with stand_in_localapi(world, "tkatun", "localapi-loud") as api, api.instead("/status$", loud) as asked, \
            own_daemon(world, "tka-server", config, namespace="tkatun") as daemon:
        daemon.await_status(200)
        eventually("alice gets in", lambda: attempt(world, "http://tkatun:8129", 20) == 200, 60)
        assert asked, "the server looked who is there"
        # 30 s from one to the next, and a machine that is busy may take the 8 s that a look has at most.
        eventually("a look at all sessions", lambda: rounds(daemon, "done") > 0, 120)
        assert daemon.resident_mib() < 40
        assert len(world.signins()) == 1
