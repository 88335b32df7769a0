"""Programs that die at the worst moment: no right outlives its session, and nothing is lost."""

import contextlib
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml

from cluster import API as API_SERVER
from daemons import OPERATOR_HEALTH
from host import HUB_ADDRESS
from world import GROUP, LEASE, claims, eventually

PROXY = pathlib.Path(__file__).with_name("fault_proxy.py")
PORT = 7443


@pytest.fixture
def operator_config(world):
    """The operator's own configuration, but with the fault proxy for an API server."""
    folder = world.folder / "operator-behind-proxy"
    shutil.copytree(world.folder / "operator", folder, dirs_exist_ok=True)
    kubeconfig = yaml.safe_load((folder / "kubeconfig").read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = f"https://{HUB_ADDRESS}:{PORT}"
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    config["kubernetes"]["kubeconfig"] = str(folder / "kubeconfig")
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    yield folder / "config.yaml"
    shutil.rmtree(folder)


@contextlib.contextmanager
def operator_that_dies(world, config, write, when):
    """The operator behind the proxy that kills it before or after its Nth write. Gives a function that
    waits for the kill and returns the writes seen; it returns None when the operator was spared."""
    pki = world.folder / "cluster"
    argv = [sys.executable, PROXY, "--listen", f"{HUB_ADDRESS}:{PORT}", "--to", f"{API_SERVER[0]}:{API_SERVER[1]}",
            "--cert", pki / "apiserver.crt", "--key", pki / "apiserver.key", "--ca", pki / "ca.crt",
            "--write", write, "--when", when, "--", world.rig.built_here() / "tka-operator", "run", "--config", config]
    with (world.folder / "log/operator.log").open("ab") as log:
        proxy = subprocess.Popen([str(word) for word in world.rig.node_argv("hub", argv)], text=True,
                                 env=world.rig.admin_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)

    def works():
        with contextlib.suppress(OSError):
            return world.metric("tka_operator_leader", health=OPERATOR_HEALTH) == 1

    def wait(seconds, over):
        eventually("its death, or the end of the session", lambda: proxy.poll() is not None or over(), seconds)
        return proxy.stdout.read().splitlines() if proxy.poll() == 0 else None
    try:
        # else a short session is over before it begins, on a machine that is slow
        eventually("it works, or is dead", lambda: proxy.poll() is not None or works(), 20)
        yield wait
    finally:
        proxy.stdin.close()
        proxy.wait(10)


def life_of_a_session(world, config, write, when):
    """A short session is asked for and ends, with an operator that dies once; then a sound one takes over.
    Returns whether it died, and leaves behind whatever it leaves."""
    with world.stopped("operator"), operator_that_dies(world, config, write, when) as death:
        assert world.ask("alice", "POST", "login", {"period": "3s"}).status == 202
        died = death(25, lambda: not world.items(GROUP))
        world.kube(LEASE, "DELETE")  # the next one need not wait until that of the dead is over
    eventually("nothing is left", lambda: not world.items(GROUP) and not world.made_for(), 20)
    return died


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_operator_killed_between_any_two_writes_leaves_no_privilege_behind(world, operator_config, when):
    write = 1
    while life_of_a_session(world, operator_config, write, when) is not None:
        write += 1
    # ServiceAccount, binding, status, record, binding, ServiceAccount, finalizer: at least these were cut
    assert write > 7


def test_an_operator_that_was_away_at_the_end_of_a_session_ends_it_when_it_is_back(world):
    token = world.credential("alice", period="6s")["status"]["token"]
    uid = world.signin()["metadata"]["uid"]
    with world.stopped("operator", kill=True):
        eventually("the session is over", lambda: world.ask("alice", "GET", "kubeconfig").status == 401)
        assert world.items(GROUP)
    world.await_gone(uid)
    assert not world.may(token, "get", "pods")


def test_a_restart_of_the_operator_keeps_the_deadlines(world):
    world.credential("alice", period="6s")
    uid = world.signin()["metadata"]["uid"]

    world.restart("operator")

    world.await_gone(uid, 20)


@pytest.mark.parametrize("kill", [False, True], ids=["SIGTERM", "SIGKILL"])
def test_a_restart_of_the_server_loses_nothing(world, kill):
    token = world.credential("alice")["status"]["token"]
    before = world.signin()

    world.restart("server", kill)

    assert world.ask("alice", "GET", "login").status == 200
    again = world.credential("alice")["status"]["token"]
    assert world.signin()["metadata"]["uid"] == before["metadata"]["uid"]
    assert claims(again)["sub"] == claims(token)["sub"]
    assert world.whoami(token)[0] == 201


def test_a_login_waits_for_an_operator_that_comes_late(world):
    with world.stopped("operator"):
        assert world.ask("alice", "POST", "login").status == 202
        pending = world.ask("alice", "GET", "login")
        assert pending.status == 202 and pending.headers["retry-after"]
    assert world.ask("alice", "GET", "login", headers={"Prefer": "wait=10"}).status == 200


def test_without_an_operator_a_credential_is_refused_in_time_and_no_right_exists(world):
    with world.stopped("operator"):
        answer = world.ask("alice", "POST", "credential", timeout=15)
        assert answer.status == 503 and answer.headers["retry-after"]
        assert not world.made_for()
