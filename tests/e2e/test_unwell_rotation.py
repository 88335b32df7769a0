"""tka-server whose token and CA are replaced under it, as a kubelet and an administrator do."""

import json
import os
import shutil

import pytest

from cluster import Cluster
from host import HUB_ADDRESS
from own_daemon import URL, config_of, own_daemon
from stand_in_kube_apiserver import ANSWERS, StandInKubeApiserver
from world import eventually

PORT = 7448


class Listening(StandInKubeApiserver):
    """One that notes with which tokens it is asked, and can come with another certificate."""

    def __init__(self, world):
        self.bearers = []
        super().__init__(world, PORT)

    def answer(self, client, method, path, raw):
        head = raw.split(b"\r\n\r\n")[0].decode()
        self.bearers += [line.split(" ", 2)[2] for line in head.split("\r\n") if line.startswith("Authorization: ")]
        super().answer(client, method, path, raw)


@pytest.fixture
def behind(world):
    """A server of our own, its API server, and the folder in which its token and its CA are."""
    folder = world.folder / "rotating"
    shutil.copytree(world.folder / "server", folder)
    value = json.loads((folder / "kubeconfig").read_text())
    value["clusters"][0]["cluster"] = {"server": f"https://{HUB_ADDRESS}:{PORT}",
                                       "certificate-authority": str(folder / "ca.crt")}
    value["users"][0]["user"] = {"tokenFile": str(folder / "token")}
    (folder / "kubeconfig").write_text(json.dumps(value))
    api = Listening(world)
    try:
        with own_daemon(world, "tka-server", config_of(
                world, "tka-server", kubernetes__kubeconfig=str(folder / "kubeconfig"))) as daemon:
            daemon.await_status(200)
            yield api, daemon, folder
    finally:
        api.stop()
        shutil.rmtree(folder)


def new_token(world, name):
    """Another token of tka-server's account, in a folder of its own."""
    folder = world.folder / name
    world.rig.cluster.give_token("tka-server", folder)
    text = (folder / "token").read_text()
    shutil.rmtree(folder)
    return text


def replace(path, make):
    """As a kubelet does: the new one is there as a whole, or not at all."""
    beside = path.with_name(path.name + ".new")
    make(beside)
    os.replace(beside, path)


def credential(world):
    return world.ask("alice", "POST", "credential", url=URL).status


def test_a_token_that_was_replaced_is_used_as_soon_as_the_old_one_is_refused(world, behind):
    api, _, folder = behind
    token = new_token(world, "another-token")
    replace(folder / "token", lambda path: path.write_text(token))
    with api.instead("POST .*/token|PATCH", ANSWERS["401"], times=1) as met:
        eventually("alice gets in", lambda: credential(world) == 200)
        assert met
    assert api.bearers[-1] == token


def test_a_file_elsewhere_is_never_read_even_where_the_token_should_be(world, behind):
    """The sandbox of the daemon that runs: it can follow no link out of the folders it was told of."""
    api, daemon, folder = behind
    elsewhere = world.folder / "elsewhere"
    elsewhere.write_text(new_token(world, "token-elsewhere"))
    replace(folder / "token", lambda path: path.symlink_to(elsewhere))
    with api.instead("POST .*/token|PATCH", ANSWERS["401"], times=1) as met:
        eventually("alice gets in", lambda: credential(world) == 200)
        assert met
    assert elsewhere.read_text() not in api.bearers and daemon.is_alive()
    elsewhere.unlink()


def test_a_ca_that_was_replaced_is_believed_and_the_old_one_no_longer(world, behind):
    api, daemon, folder = behind
    other = Cluster(world.rig.host, world.rig.cluster.repository)
    other.folder = world.folder / "other-pki"
    other.folder.mkdir()
    other.make_certificates()
    api.tls.load_cert_chain(other.folder / "apiserver.crt", other.folder / "apiserver.key")
    api.cut()
    eventually("nobody gets in by a certificate of somebody's", lambda: credential(world) == 503)

    replace(folder / "ca.crt", lambda path: shutil.copy(other.folder / "ca.crt", path))

    eventually("alice gets in", lambda: credential(world) == 200, 20)
    daemon.await_status(200, seconds=20)
    shutil.rmtree(other.folder)
