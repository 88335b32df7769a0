"""What RBAC lets each program do is the table of the design, to the verb: every request of it and hundreds beside it.

Real requests with the programs' own tokens, for names that nobody has, with dryRun: whatever RBAC allows is then
answered by something else than "cannot".
"""

import itertools
import json

import pytest

from cluster import ROLES

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE", "deletecollection": "DELETE"}
WHOLE = ("list", "watch", "create", "deletecollection")  # of a collection
SESSIONS, RELEASE, PUBLIC, CLUSTER = "tka", "tka-system", "kube-public", ""
NOBODY = "nobody-has-this-name"
RBAC, TKA = "rbac.authorization.k8s.io", "tka.specht-labs.de"

# API group and version, resource, whether it is in namespaces, and the names to try.
RESOURCES = [
    ("api/v1", "serviceaccounts", True), ("api/v1", "serviceaccounts/token", True), ("api/v1", "secrets", True),
    ("api/v1", "configmaps", True, NOBODY, "tka-server", "cluster-info"), ("api/v1", "pods", True), ("api/v1", "pods/exec", True),
    ("api/v1", "services", True), ("api/v1", "events", True), ("api/v1", "namespaces", False),
    ("api/v1", "nodes", False), (f"apis/{TKA}/v1alpha1", "tkasignins", True),
    (f"apis/{TKA}/v1alpha1", "tkasignins/status", True), (f"apis/{TKA}/v1alpha1", "grantmappings", False),
    (f"apis/{TKA}/v1alpha1", "tkaclusters", False), (f"apis/{RBAC}/v1", "roles", True),
    (f"apis/{RBAC}/v1", "rolebindings", True), (f"apis/{RBAC}/v1", "clusterroles", False, "system:node", *ROLES),
    (f"apis/{RBAC}/v1", "clusterrolebindings", False), ("apis/coordination.k8s.io/v1", "leases", True),
    ("apis/events.k8s.io/v1", "events", True), ("apis/apps/v1", "deployments", True), ("apis/batch/v1", "jobs", True),
    ("apis/certificates.k8s.io/v1", "certificatesigningrequests", False),
    ("apis/authentication.k8s.io/v1", "tokenreviews", False),
    ("apis/authorization.k8s.io/v1", "subjectaccessreviews", False),
    ("apis/apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    ("apis/admissionregistration.k8s.io/v1", "validatingadmissionpolicies", False),
    ("apis/admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings", False),
    ("apis/admissionregistration.k8s.io/v1", "validatingwebhookconfigurations", False)]

# The table: resource -> verbs; `named` are the names that alone may be had, where it says so. What the server's
# ConfigMap is, clusterInfo.configMapRef says: its own, or kubeadm's.
SERVER = {
    (SESSIONS, "tkasignins"): "get list watch create patch delete",
    (SESSIONS, "serviceaccounts/token"): "create",
    (CLUSTER, "clusterroles"): "get",
    (RELEASE, "configmaps"): "get watch",
    (PUBLIC, "configmaps"): "get watch",
    (CLUSTER, "grantmappings"): "get list watch",
    (CLUSTER, "tkaclusters"): "get list watch"}
OPERATOR = {
    (SESSIONS, "tkasignins"): "get list watch patch delete",
    (SESSIONS, "tkasignins/status"): "get patch",
    (SESSIONS, "serviceaccounts"): "get list watch create delete",
    (SESSIONS, "apis/events.k8s.io/v1 events"): "create patch",
    (CLUSTER, "clusterrolebindings"): "get list watch create delete",
    (CLUSTER, "rolebindings"): "get list watch create delete",
    (CLUSTER, "clusterroles"): "get list watch",
    (RELEASE, "leases"): "get create update"}
TABLES = {"server": (SERVER, {(CLUSTER, "clusterroles"): ROLES, (RELEASE, "configmaps"): ("tka-server",),
                              (PUBLIC, "configmaps"): ("cluster-info",)}),
          "operator": (OPERATOR, {})}


def requests():
    """(group, resource, namespace, verb, name), of everything above."""
    for group, resource, namespaced, *names in RESOURCES:
        places = (SESSIONS, RELEASE, PUBLIC, "default", CLUSTER) if namespaced else (CLUSTER,)
        for namespace, verb in itertools.product(places, VERBS):
            if namespaced and namespace == CLUSTER and verb not in ("list", "watch"):
                continue
            if "/" in resource and verb in WHOLE and verb != "create":
                continue  # there is no such request
            selected = [None, *names] if verb == "list" else [None]
            for name in selected if verb in WHOLE and verb != "watch" else names or [NOBODY]:
                yield group, resource, namespace, verb, name


def is_allowed(table, group, resource, namespace, verb, name):
    rows, named = table
    for place, what in itertools.product({namespace, CLUSTER}, (resource, f"{group} {resource}")):
        if verb in rows.get((place, what), "").split() and name in named.get((place, resource), [name]):
            return True
    return False


def path_of(group, resource, namespace, verb, name):
    plural, *below = resource.split("/")
    path = f"/{group}/" + (f"namespaces/{namespace}/" if namespace else "") + plural
    if verb == "watch":
        return f"{path}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3D{name}"
    if verb == "list" and name:
        return f"{path}?fieldSelector=metadata.name%3D{name}"
    if below or verb not in WHOLE:
        path = "/".join([path, name or NOBODY, *below])
    return path + ("" if verb in ("get", "list") else "?dryRun=All" + ("&fieldManager=test" if verb == "patch" else ""))


class Asker:
    """One program, over one connection; watches, which do not end at once, have others."""

    def __init__(self, world, who):
        self.world = world
        self.token = (world.folder / who / "token").read_text().strip()
        self.connection = world.api_connection()

    def ask(self, method, path, headers=None, body=None):
        """(status, text) of one request; the text of a refusal only."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, **(headers or {})}
        watches = "watch=1" in path
        connection = self.world.api_connection() if watches else self.connection
        connection.request(method, path, None if method == "GET" else json.dumps(body or {}), headers)
        reply = connection.getresponse()
        text = "" if watches and reply.status == 200 else reply.read().decode()
        if watches:
            connection.close()
        return reply.status, text

    def is_refused(self, *request):
        """By RBAC, whatever else would be in the way."""
        status, text = self.ask(*request)
        return status == 403 and " cannot " in text


@pytest.mark.parametrize("who", TABLES)
def test_a_program_may_do_what_the_table_says_and_nothing_else(world, who):
    asker = Asker(world, who)
    wrong = []
    for request in requests():
        allowed = not asker.is_refused(METHODS.get(request[3], "GET"), path_of(*request))
        if allowed != is_allowed(TABLES[who], *request):
            wrong.append(f"{' '.join(str(word) for word in request)}: {'allowed' if allowed else 'refused'}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", TABLES)
@pytest.mark.parametrize("headers", [
    {"Impersonate-User": "admin"}, {"Impersonate-User": "system:serviceaccount:tka-system:tka-operator"},
    {"Impersonate-User": "system:serviceaccount:tka:tka-user-alice-0123456789abcdef"},
    {"Impersonate-User": "admin", "Impersonate-Group": "system:masters"}], ids=lambda headers: " ".join(headers.values()))
def test_no_program_impersonates_anybody(world, who, headers):
    assert "cannot impersonate" in Asker(world, who).ask("GET", "/api/v1/namespaces", headers)[1]


def binding(role):
    return {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "tka-user-x-0123456789abcdef.tka", "labels": {f"{TKA}/signin-uid": "x"}},
            "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": "tka-user-x-0123456789abcdef", "namespace": SESSIONS}]}


@pytest.mark.parametrize("role", [*ROLES, "system:node", "tka-operator", "tka-server"])
def test_the_operator_binds_the_listed_roles_alone(world, role):
    status, said = Asker(world, "operator").ask("POST", f"/apis/{RBAC}/v1/clusterrolebindings?dryRun=All",
                                                body=binding(role))

    assert (status == 201) == (role in ROLES), said
