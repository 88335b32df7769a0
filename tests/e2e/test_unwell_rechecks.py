"""Sessions whose ground is gone while nobody asks for anything: two rounds of tka-server's look at all of them.

Two servers of our own look, each at what its stand-in for tailscaled tells; the rig's own servers, which see
everybody, end nothing. Waiting is done once for all.
"""

import contextlib
import dataclasses

import pytest

from own_daemon import config_of, own_daemon
from relay import reply
from stand_in_localapi import stand_in_localapi, told
from tailnet import CAPABILITY
from world import eventually

ROUNDS_SECONDS = 75  # two of them are at most 60 s away
OTHER = {"tailscale__port": 8134, "health__port": 8191}  # of the second server


def without(world, *nodes, **changes):
    """What tailscaled says of the tailnet, less some nodes. Keys of changes: of Self, which is online however the tests
    before have left it."""
    value = world.rig.tailnet.local("tka", "status")[1]
    gone = {world.rig.tailnet.address(node) for node in nodes}
    value["Peer"] = {key: peer for key, peer in value["Peer"].items() if not gone & set(peer["TailscaleIPs"])}
    value["Self"].update({"Online": True, **changes})
    return told(value)


def rounds(daemon, outcome):
    """How many rounds ended so."""
    text = daemon.probe("/metrics/controller")[1]
    return sum(int(float(line.rsplit(" ", 1)[1])) for line in text.splitlines()
               if line.startswith("tka_grant_checks_total") and f'outcome="{outcome}"' in line)


@dataclasses.dataclass
class Seen:
    """Who was signed in after one round, and after two."""

    first: set
    second: set
    away: int  # rounds of the server whose control plane is away
    said: list  # by that server, of the rounds it skipped


def signed_in(world):
    return {(item["spec"]["node"], item["spec"]["role"]) for item in world.signins()
            if not item["metadata"].get("deletionTimestamp")}


def sign_in_elsewhere(world):
    """A session of alice's that servers of another kind have given."""
    config = config_of(world, "tka-server", tailscale__capName=[CAPABILITY, "other.example/cap/tka"], **OTHER)
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        world.credential("alice", f"http://tka:{OTHER['tailscale__port']}", role="view")


@pytest.fixture(scope="module")
def looked(shared_world):
    """alice's node is missing, bob's is somebody else's, nothing is known of desktop but that it is there."""
    world = shared_world
    world.settle()
    (world.folder / "localapi").mkdir(exist_ok=True)
    with contextlib.ExitStack() as stack:
        near = stack.enter_context(stand_in_localapi(world, "tka", "localapi-near"))
        away = stack.enter_context(stand_in_localapi(world, "tka", "localapi-away"))
        for node in ("alice", "bob", "desktop", "aliceorg"):
            world.credential(node)
        sign_in_elsewhere(world)
        bob = world.rig.tailnet.whois("tka", world.rig.tailnet.address("bob"))
        bob["UserProfile"]["LoginName"] = "carol@example.com"
        desktop = f"/whois.*{world.rig.tailnet.address('desktop')}"
        stack.enter_context(near.instead("/status$", without(world, "alice")))
        stack.enter_context(near.instead(f"/whois.*{world.rig.tailnet.address('bob')}", told(bob)))
        stack.enter_context(near.instead(desktop, reply(500, "out of order", "text/plain")))
        stack.enter_context(away.instead("/status$", without(world, "alice", "bob", "desktop", "aliceorg",
                                                             Online=False)))
        daemons = [stack.enter_context(own_daemon(world, "tka-server", config_of(
            world, "tka-server", tailscale__socket=str(api.path), **more)))
            for api, more in ((near, {}), (away, OTHER))]
        eventually("a round", lambda: rounds(daemons[0], "done") == 1, ROUNDS_SECONDS)
        first = signed_in(world)
        eventually("two rounds", lambda: rounds(daemons[0], "done") == 2, ROUNDS_SECONDS)
        eventually("whoever is out is out", lambda: len(signed_in(world)) <= 3, 10)
        eventually("two rounds of the other", lambda: rounds(daemons[1], "skipped") >= 2, ROUNDS_SECONDS)
        yield Seen(first, signed_in(world), rounds(daemons[1], "done"),
                   daemons[1].log_lines(msg="sessions are not looked at again"))


ADMINS = {("alice", "cluster-admin"), ("desktop", "cluster-admin")}
EVERYBODY = {*ADMINS, ("alice", "view"), ("bob", "view"), ("aliceorg", "view")}


def test_a_node_that_is_missed_once_ends_nothing(looked):
    assert looked.first == EVERYBODY


def test_a_node_that_is_missed_twice_ends_its_sessions(looked):
    assert ("alice", "cluster-admin") not in looked.second


def test_sessions_that_servers_of_another_kind_have_given_are_theirs_to_judge(looked):
    assert ("alice", "view") in looked.second


def test_a_node_that_became_somebody_elses_ends_the_sessions_of_the_person_before(looked):
    assert ("bob", "view") in looked.first and ("bob", "view") not in looked.second


def test_a_node_of_which_nothing_can_be_learned_ends_nothing(looked):
    assert ("desktop", "cluster-admin") in looked.second


def test_who_is_seen_and_granted_stays(looked):
    assert ("aliceorg", "view") in looked.second


def test_while_the_control_plane_is_away_nothing_is_judged(looked):
    assert looked.away == 0
    assert [line["error"] for line in looked.said] == ["the control plane is away"], "said once"
