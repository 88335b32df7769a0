"""The chart on a real node: its pods run from our image under Pod Security restricted and let alice in from the tailnet.

The tests are one story and come in this order: each finds the cluster as the one before left it.
"""

import base64
import json
import os
import subprocess
import threading
import warnings

import pytest
import yaml

import node as machine
from conftest import REPOSITORY
from host import RigError, command
from needed import missing
from tailnet import CONTROL
from world import eventually

CHART = REPOSITORY / "deploy/chart"
RELEASE, SESSIONS = "tka-system", "tka"
HOSTNAME, PORT = "cluster", 8123
URL = f"http://{HOSTNAME}:{PORT}"
# What comes and goes by itself, or is made by the cluster for any namespace.
PASSING = ("events", "leases", "endpointslices", "endpoints", "componentstatuses", "pods.metrics", "csinodes")
RESTRICTED = {"kind": "Namespace", "apiVersion": "v1", "metadata": {
    "name": RELEASE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}


class Story:
    """The node, the rig's people, and the release between them."""

    def __init__(self, world, node, helm):
        self.world, self.node, self.helm_argv = world, node, helm
        self.before = set()
        self.session = None

    def helm(self, *argv, values=None, seconds=180):
        return self.node.enter(*self.helm_argv, *argv, *(["-f", "-"] if values else []), "--namespace", RELEASE,
                               text=yaml.safe_dump(values) if values else None, seconds=seconds)

    def install(self, values, chart=CHART, verb="install"):
        self.helm(verb, "tka", chart, "--wait", "--timeout", "150s", values=values)

    def uninstall(self):
        self.helm("uninstall", "tka", "--wait", "--timeout", "150s")
        eventually("the session namespace gone", lambda: not self.node.kubectl(
            "get", "namespace", SESSIONS, "--ignore-not-found"), 60)
        eventually("pods gone", lambda: not self.node.kubectl("get", "pods", "-n", RELEASE, "-o", "name"), 60)

    def values(self, **log):
        authority = (self.node.folder / "pki/ca.crt").read_bytes()
        return {
            "tka": {"tailscale": {"hostname": HOSTNAME, "port": PORT},
                    "operator": {"roles": ["view", "cluster-admin"]},
                    "clusterInfo": {"apiEndpoint": machine.API, "caData": base64.b64encode(authority).decode()},
                    "log": {"level": "info", **log}},
            "tailscale": {"loginServer": f"http://{CONTROL[0]}:{CONTROL[1]}",
                          "image": {"repository": "localhost/tailscale", "tag": "0"},
                          "daemonArgs": ["--no-logs-no-support"],
                          "env": [{"name": "TS_DEBUG_USE_DERP_HTTP", "value": "1"},
                                  {"name": "TS_PANIC_IF_HIT_MAIN_CONTROL", "value": "1"}]}}

    def alice(self, *argv, code=0, seconds=60):
        return self.world.run("alice", *argv, code=code, seconds=seconds)

    def tailnet_nodes(self):
        """Name -> node of headscale's list, of those that are called like the server."""
        return {each["given_name"]: each for each in self.world.rig.tailnet.control("nodes", "list")
                if each["given_name"].startswith(HOSTNAME)}

    def forget_tailnet_nodes(self):
        for each in self.tailnet_nodes().values():
            self.world.rig.tailnet.control("nodes", "delete", "-i", each["id"], "--force")

    def await_nodes(self, count):
        """The servers' nodes, once that many are online and no other is."""
        def find():
            nodes = [each for each in self.tailnet_nodes().values() if each.get("online")]
            return nodes if len(nodes) == count else None
        return eventually(f"{count} of the servers in the tailnet", find, 60)

    def lead_to(self, node):
        """The server's name leads there, in every node's hosts file."""
        hosts = self.world.rig.tailnet.hosts() + f"{node['ip_addresses'][0]} {HOSTNAME}\n"
        (self.world.folder / "hosts").write_text(hosts)

    def name_server(self):
        """What MagicDNS would say, of the one server there is."""
        (found,) = self.await_nodes(1)
        self.lead_to(found)
        assert found["given_name"] == HOSTNAME, "the name was not free"
        return found

    def await_server(self):
        """Until alice's machine and the server talk, and the server is ready."""
        self.name_server()
        self.await_answer()

    def await_answer(self):
        eventually("the server answers alice", lambda: self.world.run(
            "alice", "curl", "-s", "-m", "5", f"{URL}/api/v1alpha1/cluster-info", code=None).returncode == 0, 60)

    def signins(self):
        return self.node.get("tkasignins", "-n", SESSIONS)["items"]

    def everything(self):
        """The names of all objects there are, but for what comes and goes by itself."""
        kinds = [kind for kind in self.node.kubectl("api-resources", "--verbs=list", "-o", "name").split()
                 if not kind.startswith(PASSING)]
        listed = self.node.kubectl("get", ",".join(kinds), "-A", "-o", "json", "--ignore-not-found")
        return {(each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"])
                for each in json.loads(listed or '{"items": []}')["items"]}


@pytest.fixture(scope="module")
def story(shared_world, obtain):
    reason = machine.obstacle()
    if reason:
        warnings.warn(f"THE DEPLOYMENT IS NOT TRIED ON A NODE: {reason}", stacklevel=1)
        missing(reason)
    command("make", "-C", REPOSITORY, "image", seconds=600)
    shared_world.settle()
    node = machine.Node(shared_world.rig)
    story = Story(shared_world, node, obtain("helm"))
    story.forget_tailnet_nodes()
    try:
        node.up([REPOSITORY / "build/image/tka.tar"])
        yield story
    finally:
        node.down()
        story.forget_tailnet_nodes()
        (shared_world.folder / "hosts").write_text(shared_world.rig.tailnet.hosts())
        shared_world.forget("alice")


@pytest.fixture(autouse=True)
def diagnosis(request, story):
    """What the cluster says of its pods, when a test fails."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed > failed:
        for argv in (("get", "pods", "-A", "-o", "wide"), ("get", "events", "-n", RELEASE, "--sort-by=.lastTimestamp"),
                     ("logs", "-n", RELEASE, "-l", "app.kubernetes.io/part-of=tka", "--all-containers", "--tail=15",
                      "--prefix")):
            try:
                print(story.node.kubectl(*argv)[-6000:])
            except RigError as err:
                print(err)


def test_the_namespace_of_the_release_takes_no_pod_that_is_not_restricted(story):
    key = story.world.rig.tailnet.control("preauthkeys", "create", "--tags", "tag:tka", "--reusable", "--ephemeral",
                                          "-e", "24h")["key"]
    story.node.apply(RESTRICTED)
    story.node.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tka-authkey", "namespace": RELEASE},
                      "stringData": {"authkey": key}})
    eventually("the controllers", lambda: story.node.kubectl("get", "serviceaccount", "default", "-n", RELEASE,
                                                             "--ignore-not-found"), 30)
    with pytest.raises(RigError, match='violates PodSecurity "restricted:latest"'):
        story.node.kubectl("run", "-n", RELEASE, "--image", machine.PAUSE_IMAGE, "loose")
    story.before = story.everything()


def previous_chart(folder):
    """The chart as of the commit before this one."""
    there = subprocess.run(["git", "-C", REPOSITORY, "cat-file", "-e", "HEAD^:deploy/chart/templates/server.yaml"],
                           check=False, capture_output=True).returncode == 0
    archive = subprocess.run(["git", "-C", REPOSITORY, "archive", "HEAD^" if there else "HEAD", "deploy", "schema/crd"],
                             check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
    return folder / "deploy/chart"


def test_helm_installs_the_previous_chart_and_every_pod_becomes_ready(story, tmp_path):
    story.install(story.values(), previous_chart(tmp_path))
    ready = {each["metadata"]["name"]: each["status"].get("readyReplicas")
             for each in story.node.get("deployments", "-n", RELEASE)["items"]}
    assert ready == {"tka-server": 1, "tka-operator": 2}


@pytest.mark.parametrize("program, user", [("tka-server", "65532"), ("tailscaled", "65531"),
                                           ("containerboot", "65531")])
def test_no_process_of_the_server_pod_has_any_privilege(story, program, user):
    status = story.node.process_status(program)
    assert status["Uid"].split()[1] == user
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def pod_address(story):
    (pod,) = story.node.get("pods", "-n", RELEASE, "-l", "app.kubernetes.io/name=tka-server")["items"]
    return pod["status"]["podIP"]


def test_nothing_but_the_api_on_127_0_0_1_and_health_on_the_pods_own_address_is_served(story):
    """tailscaled hands on to 127.0.0.1 what the tailnet sends. It has one socket, for its peers, and hangs up on others."""
    address = pod_address(story)
    found = story.node.listeners("tka-server")

    assert {each for each in found if each[0] == "tka-server"} == {
        ("tka-server", "127.0.0.1", PORT), ("tka-server", address, 8080)}
    ((program, _, port),) = [each for each in found if each[0] != "tka-server"]
    assert program == "tailscaled"
    for host in (address, "127.0.0.1"):
        assert not story.node.runs("nsenter", "-t", story.node.pid_of("tka-server"), "-n", "curl", "-sS", "-m", "5",
                                   f"http://{host}:{port}/"), "tailscaled answers one who is not in the tailnet"


def test_the_tailscaled_container_holds_no_token_of_the_api_server(story):
    pod = story.node.get("pods", "-n", RELEASE, "-l", "app.kubernetes.io/name=tka-server")["items"][0]
    containers = {each["name"]: each for each in [*pod["spec"]["initContainers"], *pod["spec"]["containers"]]}
    mounted = {name: [mount["mountPath"] for mount in each["volumeMounts"]] for name, each in containers.items()}
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert account in mounted["tka-server"] and account not in mounted["tailscaled"]


def test_alice_signs_in_from_the_tailnet_and_reads_a_namespace(story):
    story.await_server()
    said = story.alice("kubectl", "tka", "login", URL)
    assert "cluster-admin" in said.stdout + said.stderr
    assert "kube-system" in story.alice("kubectl", "get", "ns", "-o", "name").stdout
    assert "system:serviceaccount:tka:tka-user-alice-" in story.alice("kubectl", "auth", "whoami").stdout
    story.session = story.signins()[0]["metadata"]


class Work:
    """alice's kubectl, again and again."""

    def __init__(self, story):
        self.story, self.failures, self.count = story, [], 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ended.wait(0.2):
            done = self.story.alice("kubectl", "get", "configmaps", "-n", "default", "-o", "name", code=None)
            self.count += 1
            if done.returncode:
                self.failures.append(done.stderr)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            eventually("alice has worked", lambda: self.count > 5, 60)
        self.ended.set()
        self.thread.join()
        assert kind or not self.failures, self.failures[:3]


def keeps_her_session(story):
    """It is the very object it was, and a new token can be had for it."""
    (session,) = story.signins()
    assert session["metadata"]["uid"] == story.session["uid"]
    story.alice("rm", "-rf", story.world.home("alice") / "run/tka", story.world.home("alice") / ".cache/tka")
    assert "default" in story.alice("kubectl", "get", "ns", "-o", "name").stdout
    (session,) = story.signins()
    assert session["metadata"]["uid"] == story.session["uid"]


def test_the_server_pod_is_rolled_while_she_works(story):
    with Work(story):
        story.node.kubectl("rollout", "restart", "-n", RELEASE, "deployment/tka-server")
        story.node.kubectl("rollout", "status", "-n", RELEASE, "deployment/tka-server", "--timeout=120s", seconds=130)
    story.await_server()
    keeps_her_session(story)


def test_both_operator_pods_are_killed_while_she_works(story):
    pods = story.node.get("pods", "-n", RELEASE, "-l", "app.kubernetes.io/name=tka-operator")["items"]
    with Work(story):
        story.node.kubectl("delete", "pods", "-n", RELEASE, "-l", "app.kubernetes.io/name=tka-operator",
                           "--grace-period=0", "--force")
        story.node.kubectl("rollout", "status", "-n", RELEASE, "deployment/tka-operator", "--timeout=120s", seconds=130)
    after = story.node.get("pods", "-n", RELEASE, "-l", "app.kubernetes.io/name=tka-operator")["items"]
    assert not {pod["metadata"]["uid"] for pod in pods} & {
        pod["metadata"]["uid"] for pod in after if not pod["metadata"].get("deletionTimestamp")}
    keeps_her_session(story)


def test_kubelet_is_restarted_while_she_works_and_no_container_is(story):
    def restarts():
        return {(pod["metadata"]["uid"], status["name"]): status["restartCount"]
                for pod in story.node.get("pods", "-n", RELEASE)["items"]
                for status in [*pod["status"].get("initContainerStatuses", []), *pod["status"]["containerStatuses"]]}
    before = restarts()
    with Work(story):
        story.node.restart_kubelet()
        eventually("the node is ready", story.node.is_ready, 60)
    assert restarts() == before
    keeps_her_session(story)


def test_the_chart_is_upgraded_while_she_works(story):
    with Work(story):
        story.install(story.values(level="debug"), verb="upgrade")
    assert "level: debug" in story.node.kubectl("get", "configmap", "-n", RELEASE, "tka", "-o", "yaml")
    story.await_server()
    keeps_her_session(story)


def test_two_servers_share_her_session(story):
    story.install({**story.values(level="debug"), "server": {"replicas": 2}}, verb="upgrade")

    nodes = story.await_nodes(2)

    assert len({node["given_name"] for node in nodes}) == 2
    for node in nodes:
        story.lead_to(node)
        story.await_answer()
        keeps_her_session(story)


def test_uninstalled_nothing_is_left_and_her_token_is_worth_nothing(story):
    story.uninstall()
    assert story.everything() - story.before == set()
    assert story.alice("kubectl", "get", "ns", code=None).returncode != 0
    eventually("the server has left the tailnet", lambda: not story.tailnet_nodes(), 30)


# --- other ways to install it ---


def ask_over_tls(story, authority):
    return story.world.run("alice", "curl", "-s", "-m", "10", "--cacert", authority, "-X", "POST",
                           f"https://{HOSTNAME}/api/v1alpha1/login", code=None).stdout


def test_with_tls_files_port_443_is_served_without_a_privilege(story, tmp_path):
    command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
            "-subj", f"/CN={HOSTNAME}", "-addext", f"subjectAltName=DNS:{HOSTNAME}", "-keyout", tmp_path / "tls.key",
            "-out", tmp_path / "tls.crt")
    story.node.kubectl("create", "secret", "tls", "tka-tls", "-n", RELEASE, "--cert", tmp_path / "tls.crt", "--key",
                       tmp_path / "tls.key")
    values = story.values()
    values["tka"]["tailscale"]["port"] = 443
    values["tka"]["server"] = {"tls": {"secretName": "tka-tls"}}
    story.install(values)
    story.name_server()
    eventually("alice is let in", lambda: "cluster-admin" in ask_over_tls(story, tmp_path / "tls.crt"), 60)
    assert int(story.node.process_status("tka-server")["CapEff"], 16) == 0


def test_with_a_volume_a_new_pod_has_the_old_address(story):
    story.node.enter("mkdir", "-m", "0777", "/var/lib/tka-volume")
    story.node.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "tka"}, "spec": {
        "capacity": {"storage": "64Mi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "by-hand",
        "hostPath": {"path": "/var/lib/tka-volume"}}})
    values = story.values()
    values["tailscale"]["persistence"] = {"enabled": True, "storageClass": "by-hand"}
    story.install(values, verb="upgrade")
    eventually("the node before has left", lambda: len(story.tailnet_nodes()) == 1, 30)
    before = story.name_server()
    story.node.kubectl("rollout", "restart", "-n", RELEASE, "deployment/tka-server")
    story.node.kubectl("rollout", "status", "-n", RELEASE, "deployment/tka-server", "--timeout=120s", seconds=130)
    assert story.name_server()["ip_addresses"] == before["ip_addresses"]
    story.await_server()


def test_in_tun_mode_the_server_still_has_no_privilege(story):
    story.forget_tailnet_nodes()
    story.node.kubectl("label", "namespace", RELEASE, "pod-security.kubernetes.io/enforce=privileged", "--overwrite")
    values = story.values()
    values["tka"]["tailscale"]["mode"] = "tun"
    values["tailscale"]["extraArgs"] = ["--netfilter-mode=off"]
    story.install(values, verb="upgrade")
    story.await_server()
    assert story.alice("kubectl", "tka", "login", URL).returncode == 0
    assert "default" in story.alice("kubectl", "get", "ns", "-o", "name").stdout
    status = story.node.process_status("tka-server")
    assert status["Uid"].split()[1] == "65532" and int(status["CapEff"], 16) == 0


def test_uninstalled_again_with_a_session_alive_nothing_is_left(story):
    story.uninstall()
    story.node.kubectl("delete", "persistentvolume", "tka")
    story.node.kubectl("delete", "secret", "-n", RELEASE, "tka-tls")
    assert story.everything() - story.before == set()


# --- without Helm ---


def write_kustomization(story, folder):
    """What somebody puts on top of deploy/manifests: where the API server is, and whose tailnet it is."""
    values = story.values()
    config = {**values["tka"], "operator": {"namespace": SESSIONS, "roles": ["view"]}, "health": {"port": 8080}}
    config["tailscale"] |= {"mode": "userspace", "socket": "/run/tailscale/tailscaled.sock"}
    variables = [*values["tailscale"]["env"], {"name": "TS_HOSTNAME", "value": HOSTNAME},
                 {"name": "TS_EXTRA_ARGS", "value": f"--login-server={values['tailscale']['loginServer']}"}]
    patches = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "tka", "namespace": RELEASE},
         "data": {"config.yaml": yaml.safe_dump(config)}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tka-server", "namespace": RELEASE},
         "spec": {"template": {"spec": {"initContainers": [{"name": "tailscaled", "env": variables}]}}}}]
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({
        "resources": [os.path.relpath(REPOSITORY / "deploy/manifests", folder)],
        "images": [{"name": "docker.io/tailscale/tailscale", "newName": "localhost/tailscale", "newTag": "0"}],
        "patches": [{"patch": yaml.safe_dump(patch)} for patch in patches]}))


def test_the_plain_manifests_let_her_in_as_well(story, tmp_path):
    write_kustomization(story, tmp_path)
    story.world.forget("alice")  # this cluster hands out another role than the one before
    story.node.kubectl("apply", "--server-side", "--force-conflicts", "-k", tmp_path)
    for name in ("tka-server", "tka-operator"):
        story.node.kubectl("rollout", "status", "-n", RELEASE, f"deployment/{name}", "--timeout=120s", seconds=130)
    story.await_server()
    story.alice("kubectl", "tka", "login", URL, "--role", "view")
    assert "default" in story.alice("kubectl", "get", "configmaps", "-A").stdout
    assert len(story.signins()) == 1


def test_they_are_taken_away_in_the_order_the_documentation_gives_and_leave_nothing(story):
    story.node.kubectl("apply", "-f", REPOSITORY / "deploy/manifests/drain.yaml")
    story.node.kubectl("wait", "--for=condition=complete", "job/tka-drain", "-n", RELEASE, "--timeout=2m", seconds=130)
    assert not story.signins()
    story.node.kubectl("delete", "-k", REPOSITORY / "deploy/manifests", "--ignore-not-found", "--timeout=2m",
                       seconds=130)
    assert story.everything() - story.before == set()
