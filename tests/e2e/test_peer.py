"""Who answers at the server's name: plain HTTP goes to a node that the local tailscaled vouches for, and to no other."""

import contextlib
import copy
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading

import pytest

import rig as system
from host import frozen
from relay import CLOSE, HANG
from stand_in_localapi import NONSENSE, stand_in_localapi, told
from stopwatch import Stopwatch
from tailnet import DEFAULT_POLICY, PORT
from test_client import (LAN, NEW_PARENT, all_requests, cache_entries, cache_entry, edit_entry, kubeconfig, one_line,
                         plugin, recording_listener, relay_at, stanza)
from world import SERVER, eventually

IN_DOMAIN = "http://tka.tailnet.test:8123"


def with_hosts(world, text):
    """What runs a command for which these lines are all that its machine knows of names."""
    path = world.folder / "false-hosts"
    path.write_text(text)
    return ("sh", "-c", 'mount --bind "$1" /etc/hosts && shift && exec "$@"', "hosts", path)


# --- somebody in the LAN ---

def test_nothing_is_sent_in_plain_http_to_an_address_of_the_lan(world):
    with recording_listener(world, "lan", (LAN, PORT)) as got:
        said = one_line(world.login("alice", f"http://{LAN}:{PORT}", code=4))

    assert got == [] and "https" in said


@pytest.mark.parametrize("host", ["tka.tailnet.test", "tka.example.com", "cluster"])
def test_nothing_is_sent_to_a_host_of_the_lan_that_the_servers_name_leads_to(world, host):
    hosts = with_hosts(world, f"127.0.0.1 localhost\n{LAN} {host}\n")
    with recording_listener(world, "lan", (LAN, PORT)) as got:
        said = one_line(world.run("alice", *hosts, "kubectl-tka", "login", f"http://{host}:{PORT}", code=4))

    assert got == [] and LAN in said and "no node of your tailnet" in said
    assert not kubeconfig(world).exists()


def test_nothing_is_sent_when_the_servers_name_begins_to_lead_into_the_lan(world):
    world.login("alice", IN_DOMAIN)
    for path in cache_entries(world):
        path.unlink()
    hosts = with_hosts(world, f"{LAN} tka.tailnet.test tka\n")
    with recording_listener(world, "lan", (LAN, PORT)) as got:
        said = one_line(plugin(world, prefix=hosts, code=4))

    assert got == [] and LAN in said and "no node of your tailnet" in said


@pytest.mark.parametrize("url", [SERVER, IN_DOMAIN], ids=["among the peers", "in the DNS"])
def test_an_address_of_the_lan_beside_the_servers_own_is_passed_over(world, url):
    hosts = with_hosts(world, f"{LAN} tka.tailnet.test tka\n{world.rig.tailnet.address('tka')} tka.tailnet.test\n")
    with recording_listener(world, "lan", (LAN, PORT)) as got:
        world.run("alice", *hosts, "kubectl-tka", "login", url)

    assert got == [] and world.signin()


@contextlib.contextmanager
def way_through_the_lan(world, address):
    """For alice an address of the tailnet lies behind a host of the LAN, which takes it for its own."""
    alice, lan = (world.rig.host.namespace(name) for name in ("alice", "lan"))

    def ip(namespace, *words, check=True):
        subprocess.run(["ip", "-n", namespace, *words], check=check, capture_output=True)
    ip(lan, "addr", "add", f"{address}/32", "dev", "lo")
    ip(alice, "route", "add", address, "via", LAN, "table", "77")
    ip(alice, "rule", "add", "to", address, "lookup", "77", "pref", "77")  # before tailscaled's own
    try:
        yield
    finally:
        ip(alice, "rule", "del", "pref", "77", check=False)
        ip(alice, "route", "flush", "table", "77", check=False)
        ip(lan, "addr", "del", f"{address}/32", "dev", "lo", check=False)


def test_nothing_is_sent_to_the_servers_own_address_when_the_way_there_leads_through_the_lan(world):
    address = world.rig.tailnet.address("tka")
    url = f"http://{address}:{PORT}"
    world.login("alice", url)
    for path in cache_entries(world):
        path.unlink()
    with way_through_the_lan(world, address), recording_listener(world, "lan", (address, PORT)) as got:
        with world.rig.host.connect("alice", (address, PORT)) as probe:
            probe.sendall(b"probe")
            eventually("the way leads there", lambda: got == [b"probe"])
        said = [one_line(world.login("alice", url, code=3)), one_line(plugin(world, code=3))]
        world.login("alice", SERVER)  # the name has an IPv6 address too, and that way leads through the tailnet

    assert got == [b"probe"]
    assert all(f"the way to {address} does not lead through tailscaled" in each for each in said)


def test_insecure_plain_http_is_the_loud_way_round(world):
    with recording_listener(world, "lan", (LAN, PORT)) as got:
        said = world.login("alice", f"http://{LAN}:{PORT}", "--insecure-plain-http", code=None)

    assert got and "warning" in said.stderr and said.returncode != 0


def test_without_a_local_tailscaled_nothing_is_sent(world):
    before = all_requests(world)

    said = world.run("alice", "kubectl-tka", "login", SERVER, code=3,
                     env={"TKA_TAILSCALE_SOCKET": "/nowhere/tailscaled.sock"})

    assert "/nowhere/tailscaled.sock" in one_line(said) or "tailscaled" in said.stderr
    assert all_requests(world) == before


@pytest.mark.parametrize("answer", [*NONSENSE.values(), HANG, CLOSE], ids=[*NONSENSE, "silence", "hanging up"])
def test_a_local_tailscaled_that_talks_nonsense_vouches_for_nobody(world, answer):
    before = all_requests(world)
    with stand_in_localapi(world, "alice") as api, api.instead(".", answer):
        said = world.run("alice", "kubectl-tka", "login", SERVER, code=3, env={"TKA_TAILSCALE_SOCKET": str(api.path)})

    assert "tailscaled" in one_line(said)
    assert all_requests(world) == before


def plugin_while_tailscaled_hangs(world, call, prepare, code):
    """What the plugin says after such a login, and the time that took."""
    with stand_in_localapi(world, "alice") as api:
        socket_of_ours = {"TKA_TAILSCALE_SOCKET": str(api.path)}
        world.run("alice", "kubectl-tka", "login", SERVER, env=socket_of_ours)
        prepare(cache_entry(world))
        with api.instead(call, HANG), Stopwatch() as watch:
            said = plugin(world, code=code, env=socket_of_ours)
            return said, watch.seconds(), watch.busy_seconds()


@pytest.mark.parametrize("call", ["/status", r"/whois\?"])
def test_while_the_local_tailscaled_hangs_a_token_that_is_due_for_renewal_serves_in_time(world, call):
    said, seconds, busy = plugin_while_tailscaled_hangs(
        world, call, lambda path: edit_entry(path, period_seconds=360000), 0)

    assert "eyJ" in said.stdout and said.stderr == "" and 3 < seconds and busy < 6


def test_a_local_tailscaled_that_hangs_is_given_up_on_within_the_plugins_deadline(world):
    said, _, busy = plugin_while_tailscaled_hangs(world, r"/whois\?", pathlib.Path.unlink, 3)

    assert "asking tailscaled about" in one_line(said) and busy < 10


# --- a server that does not answer ---

@contextlib.contextmanager
def silent(world, node, seconds):
    """Its tailscaled takes nothing in and gives nothing out for so long, or until the end."""
    pid, _ = world.rig.host.process(node)
    with frozen(pid):
        end = threading.Timer(seconds, os.kill, (pid, signal.SIGCONT))
        end.start()
        yield
        end.cancel()
        end.join()


@pytest.mark.parametrize("online, seconds, code, took", [
    (False, 20, 3, (2.5, 6)), (True, 20, 3, (6.5, 10)), (True, 4, 0, (4, 10)),
], ids=["away", "said to be there", "there, and slow to say so"])
def test_a_connection_has_3_s_and_7_where_tailscaled_says_that_the_node_is_there(world, online, seconds, code, took):
    """As when WireGuard has to shake hands anew: it begins again after 5 s where a packet of that got lost."""
    whois = world.rig.tailnet.whois("alice", world.rig.tailnet.address("tka") + ":0")
    whois["Node"]["Online"] = online
    with stand_in_localapi(world, "alice") as api, api.instead(r"/whois\?", told(whois)), silent(world, "tka", seconds):
        with Stopwatch() as watch:
            said = world.run("alice", "kubectl-tka", "login", SERVER, code=code,
                             env={"TKA_TAILSCALE_SOCKET": str(api.path)})
            seconds, busy = watch.seconds(), watch.busy_seconds()

    assert took[0] < seconds and busy < took[1]
    assert code == 0 or "no connection in time" in one_line(said)


# --- the one node that was named ---

@pytest.fixture
def server_at_carols(world):
    """A server in a node that has no tag, and that alice may talk to."""
    policy = copy.deepcopy(DEFAULT_POLICY)
    policy["grants"].append({"src": ["alice@example.com"], "dst": ["carol@example.com"], "ip": ["tcp:*"]})
    world.rig.tailnet.set_policy(json.dumps(policy))
    address = (world.rig.tailnet.address("carol"), 8125)
    try:
        with relay_at(world, "carol", address) as relay:
            eventually("the way to carol's node", lambda: can_connect(world, address))
            yield relay
    finally:
        system.restore_policy(world.rig)


def can_connect(world, address):
    with contextlib.suppress(OSError), world.rig.host.connect("alice", address, 1):
        return True
    return False


def node_id(world, node):
    return world.rig.tailnet.whois("alice", world.rig.tailnet.address(node))["Node"]["StableID"]


AT_CAROLS = "http://carol:8125"


def test_a_node_without_a_tag_is_trusted_once_it_is_named_by_its_id(world, server_at_carols):
    refused = one_line(world.login("alice", AT_CAROLS, code=4))
    assert f"--node-id {node_id(world, 'carol')}" in refused and not server_at_carols.seen

    world.login("alice", AT_CAROLS, "--node-id", node_id(world, "carol"))
    for path in cache_entries(world):
        path.unlink()

    assert "namespace/tka" in world.run("alice", "kubectl", "--context", "rig", "get", "ns", "-o", "name").stdout
    assert stanza(world)[-2:] == ["--node-id", node_id(world, "carol")]
    assert server_at_carols.seen[-1].endswith("/credential")


def test_another_node_than_the_one_that_was_named_is_sent_nothing(world, server_at_carols):
    world.login("alice", AT_CAROLS, "--node-id", node_id(world, "carol"))
    for path in cache_entries(world):
        path.unlink()
    server_at_carols.seen.clear()
    another = node_id(world, "tkatun")

    said = [one_line(world.run("alice", *NEW_PARENT, *stanza(world)[:-1], another, code=4)),
            one_line(world.login("alice", AT_CAROLS, "--node-id", another, code=4))]

    assert all(f"not the trusted node {another}" in each for each in said)
    assert server_at_carols.seen == []


def test_one_node_alone_is_trusted_when_no_tag_is(world, server_at_carols):
    pinned = ("--node-id", node_id(world, "carol"), "--server-tags", "")

    world.login("alice", AT_CAROLS, *pinned)
    elsewhere = [SERVER if word == AT_CAROLS else word for word in stanza(world)]
    said = [one_line(world.login("alice", SERVER, *pinned, code=4)),
            one_line(world.run("alice", *NEW_PARENT, *elsewhere, code=4))]

    assert all("not the trusted node" in each for each in said)
