"""Who may do what in the cluster: plays policy_cases.yaml, in its order, against the rig's API server."""

import contextlib
import datetime
import json
import pathlib
import re
import ssl

import pytest
import yaml

from cluster import API
from world import BINDINGS, GROUP

CASES = yaml.safe_load(pathlib.Path(__file__).with_name("policy_cases.yaml").read_text())["cases"]
METHODS = {"create": "POST", "delete": "DELETE", "get": "GET", "apply": "PATCH", "merge": "PATCH", "json": "PATCH"}
TYPES = {"apply": "application/apply-patch+yaml", "merge": "application/merge-patch+json",
         "json": "application/json-patch+json"}
RBAC = "/apis/rbac.authorization.k8s.io/v1/"
SESSION = "tka-user-alice-0123456789abcdef"
KUBELET = "policy-cases-kubelet"
LEFT = (f"/api/v1/namespaces/tka/serviceaccounts/{SESSION}", f"{BINDINGS}/{SESSION}",
        f"{RBAC}namespaces/default/rolebindings/{SESSION}", f"{BINDINGS}/tka-case-cluster-admin",
        "/api/v1/namespaces/default/configmaps/x", "/api/v1/namespaces/tka/secrets/x",
        "/api/v1/namespaces/default/secrets/x",
        "/apis/coordination.k8s.io/v1/namespaces/tka-system/leases/tka-operator",
        f"/apis/events.k8s.io/v1/namespaces/tka/events/{SESSION}.1",
        f"{RBAC}clusterroles/{KUBELET}", f"{BINDINGS}/{KUBELET}")


class Player:
    """The identities of the cases, and what they have been answered."""

    def __init__(self, world):
        self.world = world
        self.trust = ssl.create_default_context(cafile=str(world.folder / "cluster/ca.crt"))
        self.saved = {}
        self.tokens = {"admin": self.text("cluster/admin.token"), "kubelet": self.text("cluster/node.token"),
                       "server": self.text("server/token"), "operator": self.text("operator/token")}

    def text(self, name):
        return (self.world.folder / name).read_text().strip()

    def call(self, who, method, path, body=None, kind="application/json", impersonate=None):
        headers = {"Authorization": f"Bearer {self.tokens[who]}", "Content-Type": kind}
        if impersonate:
            headers["Impersonate-User"] = impersonate
        connection = self.world.rig.host.http("hub", API, self.trust, 15)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = self.world.answer_of(connection.getresponse())
        try:
            return answer.status, answer.body
        except ValueError:
            return answer.status, {"message": answer.text}

    def fill(self, value):
        """A body with the words in braces filled in."""
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        match = isinstance(value, str) and re.fullmatch(r"\{(now us|now|uid|\d+ x)(?:\+(\d+)s| (\w+))?\}", value)
        if not match:
            return value
        word, seconds, name = match.groups()
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(seconds or 0))
        if word == "uid":
            return self.saved[name]["metadata"]["uid"]
        if word.endswith(" x"):
            return "x" * int(word.split()[0])
        return now.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if word == "now us" else "%Y-%m-%dT%H:%M:%SZ")

    def play(self, case):
        path = "/" + case["resource"]
        if case["verb"] == "apply":
            path += f"?fieldManager={case.get('manager', 'tka-server')}&force=true&fieldValidation=Strict"
        elif "manager" in case:
            path += f"?fieldManager={case['manager']}"
        status, answer = self.call(case["as"], METHODS[case["verb"]], path, self.fill(case.get("body")),
                                   TYPES.get(case["verb"], "application/json"), case.get("impersonate"))
        if "save" in case and status < 300:
            self.saved[case["save"]] = answer
            if case["save"] == "session":
                self.tokens["session"] = answer["status"]["token"]
        return status, answer.get("message", "")

    def let_kubelets_ask_for_tokens(self):
        """RBAC lets the rig's kubelet ask for tokens everywhere: only the policies are in its way."""
        self.call("admin", "POST", f"{RBAC}clusterroles", {"metadata": {"name": KUBELET}, "rules": [
            {"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}]})
        self.call("admin", "POST", BINDINGS, {
            "metadata": {"name": KUBELET},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": KUBELET},
            "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:nodes"}]})

    def clean(self):
        for name in (SESSION, SESSION.replace("alice", "bob")):
            self.call("admin", "PATCH", f"{GROUP}/{name}", {"metadata": {"finalizers": None}}, TYPES["merge"])
            self.call("admin", "DELETE", f"{GROUP}/{name}")
        for path in LEFT:
            self.call("admin", "DELETE", path)


@pytest.fixture(scope="module")
def player(shared_world):
    """The cases without the operator, which would finish what they begin."""
    shared_world.settle()
    player = Player(shared_world)
    with shared_world.stopped("operator"):
        player.clean()
        player.let_kubelets_ask_for_tokens()
        yield player
        player.clean()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_policy(player, case):
    status, message = player.play(case)

    if "allowed" in case:
        assert status == case["allowed"], message
        return
    wanted, words = case["refused"]
    assert 400 <= status < 500 if wanted == "4xx" else status == wanted, message
    assert words in message
