"""second_cluster.py - another Kubernetes beside the rig's, with an API server, a CA and both daemons of its own."""

import base64
import contextlib
import json
import shutil

from cluster import ETCD, Cluster
from host import HUB_ADDRESS, ask
from own_daemon import config_of, own_daemon

NAME = "second"
API = (HUB_ADDRESS, 6444)
GROUP = "/apis/tka.specht-labs.de/v1alpha1/namespaces/tka/tkasignins"


class SecondCluster(Cluster):
    """One without controllers: nothing fills "view" there, and nothing that a session needs is missing."""

    def __init__(self, world):
        super().__init__(world.rig.host, world.rig.cluster.repository, NAME, API)

    def view_is_filled(self):
        return True

    def forget(self):
        """Without anything of it in etcd."""
        begin, end = (base64.b64encode(f"/{NAME}{last}".encode()).decode() for last in "/0")
        status, told = ask(self.host.http("hub", ETCD), "/v3/kv/deleterange", "POST",
                           json.dumps({"key": begin, "range_end": end}))
        assert status == 200, told
        shutil.rmtree(self.folder, ignore_errors=True)

    def ca_data(self):
        return base64.b64encode((self.folder / "ca.crt").read_bytes()).decode()

    def whoami(self, token):
        """(status, name) of whom its API server sees behind a token."""
        (self.folder / "asking.token").write_text(token)
        status, value = self.call("/apis/authentication.k8s.io/v1/selfsubjectreviews", "POST", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}, identity="asking")
        return status, value["status"]["userInfo"]["username"] if status == 201 else None

    def signins(self):
        status, value = self.call(GROUP)
        assert status == 200, value
        return value["items"]


@contextlib.contextmanager
def running(cluster):
    """Its API server, with all that TKA needs applied."""
    cluster.forget()
    cluster.configure()
    try:
        cluster.host.start(cluster.apiserver())
        cluster.apply()
        yield
    finally:
        cluster.host.stop(cluster.apiserver())
        cluster.forget()


def config_for(world, cluster, program, port):
    folder = cluster.folder / program
    cluster.give_token(program, folder)
    more = {} if program == "tka-operator" else {
        "clusterInfo__name": NAME, "clusterInfo__apiEndpoint": cluster.server, "clusterInfo__caData": cluster.ca_data(),
        "clusterInfo__labels": {"environment": NAME}}
    return config_of(world, program, kubernetes__kubeconfig=str(folder / "kubeconfig"), operator__clusterName=NAME,
                     health__port=port, **more)


@contextlib.contextmanager
def second_cluster(world):
    """One that people can sign in to, at own_daemon.URL."""
    cluster = SecondCluster(world)
    with contextlib.ExitStack() as stack:
        stack.enter_context(running(cluster))
        for port, program in enumerate(("tka-operator", "tka-server"), 8090):
            daemon = stack.enter_context(own_daemon(world, program, config_for(world, cluster, program, port)))
            daemon.await_status(200)
        yield cluster
