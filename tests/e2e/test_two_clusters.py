"""Two clusters at once, each with an API server, a CA and sessions of its own, and one person with one kubeconfig."""

import concurrent.futures
import json

import pytest
import yaml

from own_daemon import URL as SECOND
from second_cluster import second_cluster
from test_client import cache_entries, kubeconfig, one_line, plugin
from world import SERVER, eventually

CONTEXTS = ("rig", "second")


@pytest.fixture(scope="module")
def cluster(shared_world):
    with second_cluster(shared_world) as found:
        yield found


@pytest.fixture
def both(world, cluster):
    """alice, signed in to both; nobody is signed in to the second one before and afterwards."""
    for url in (SERVER, SECOND):
        world.login("alice", url)
    yield cluster
    world.run("alice", "kubectl-tka", "logout", "--all")
    eventually("nobody is signed in to the second cluster", lambda: not cluster.signins())


def kubectl(world, context, *argv, code=0):
    return world.run("alice", "kubectl", "--context", context, *argv, code=code)


def uid_told_by(world, context):
    """What tells the clusters apart."""
    return kubectl(world, context, "get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}").stdout


def token(world, context):
    return json.loads(plugin(world, context=context).stdout)["status"]["token"]


def test_list_shows_both_with_the_session_in_each(world, both):
    rows = {row["name"]: row for row in json.loads(world.run("alice", "kubectl-tka", "list", "-o", "json").stdout)
            if row["source"] == "kubeconfig"}

    assert {name: (row["server"], row["api_server"], row["labels"]) for name, row in rows.items()} == {
        "rig": (SERVER, world.rig.cluster.server, {"environment": "rig"}),
        "second": (SECOND, both.server, {"environment": "second"})}
    assert all(row["reachable"] and row["session"]["role"] == "cluster-admin" and row["contexts"] == [name]
               for name, row in rows.items())


def test_each_context_leads_to_its_own_api_server_and_ca(world, both):
    config = yaml.safe_load(kubeconfig(world).read_text())
    clusters = {item["name"]: item["cluster"] for item in config["clusters"]}

    assert {name: clusters[name]["server"] for name in CONTEXTS} == {
        "rig": world.rig.cluster.server, "second": both.server}
    assert clusters["second"]["certificate-authority-data"] == both.ca_data()
    assert clusters["rig"]["certificate-authority-data"] != both.ca_data()
    assert config["current-context"] == "rig" and len(cache_entries(world)) == 2
    told = {context: uid_told_by(world, context) for context in CONTEXTS}
    assert told["rig"] == world.kube("/api/v1/namespaces/kube-system")[1]["metadata"]["uid"]
    assert told["second"] == both.call("/api/v1/namespaces/kube-system")[1]["metadata"]["uid"] != told["rig"]


def test_a_token_of_one_is_nothing_to_the_other(world, both):
    rig, second = (token(world, context) for context in CONTEXTS)

    assert world.whoami(rig)[0] == 201 and both.whoami(second)[0] == 201
    assert world.whoami(second)[0] == 401 and both.whoami(rig)[0] == 401


def test_both_are_used_at_once_without_a_token(world, both):
    for path in cache_entries(world):
        path.unlink()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda context: (context, uid_told_by(world, context)), CONTEXTS * 8))

    assert len(set(told)) == 2 and len({uid for _, uid in told}) == 2
    assert len(cache_entries(world)) == 2 and len(both.signins()) == 1 and len(world.signins()) == 1


def test_a_logout_of_one_leaves_the_other(world, both):
    said = world.run("alice", "kubectl-tka", "logout", "second").stdout

    assert said == "Signed out of second\n" and not both.signins() and world.signin()
    assert uid_told_by(world, "rig")
    assert "login" in one_line(plugin(world, context="second", code=5))
    assert {row["context"]: row["state"] for row in json.loads(
        world.run("alice", "kubectl-tka", "status", "--all", "-o", "json").stdout)} == {
            "rig": "active", "second": "signed out"}

    world.login("alice", "second")
    assert uid_told_by(world, "second")


def test_a_login_to_one_does_not_write_over_the_context_of_the_other(world, both):
    before = kubeconfig(world).read_bytes()

    said = world.login("alice", SERVER, "--context-name", "second", code=None)

    assert said.returncode != 0 and '"second"' in one_line(said) and kubeconfig(world).read_bytes() == before
