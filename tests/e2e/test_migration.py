"""What a TKA of the other make left in the cluster is listed and never adopted, by the commands of docs/migration.md."""

import pathlib

import pytest
import yaml

from cluster import with_rig_values
from daemons import DAEMONS
from pages import REPOSITORY, Block, parse
from second_cluster import SecondCluster
from world import ACCOUNTS, BINDINGS, GROUP, SERVER, eventually

STEPS = {block.options["step"]: block.text for block in parse(REPOSITORY / "docs/migration.md")
         if "step" in getattr(block, "options", {})}
OLD = "tka-dev"
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tkasignins.tka.specht-labs.de"
P1 = "tka-p1-signins"
TEXT = {"type": "string"}


def old_crd():
    """The CRD as the other TKA installs it: three texts in spec, nothing bounded, nothing immutable."""
    schema = {"type": "object", "properties": {
        "spec": {"type": "object", "required": ["username", "role", "validity_period"],
                 "properties": {"username": TEXT, "role": TEXT, "validity_period": TEXT}},
        "status": {"type": "object", "required": ["provisioned", "valid_until", "signed_in"],
                   "properties": {"provisioned": {"type": "boolean"}, "valid_until": TEXT, "signed_in": TEXT}}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "tkasignins.tka.specht-labs.de"},
            "spec": {"group": "tka.specht-labs.de", "scope": "Namespaced",
                     "names": {"kind": "TkaSignin", "listKind": "TkaSigninList", "plural": "tkasignins",
                               "singular": "tkasignin", "shortNames": ["signin"]},
                     "versions": [{"name": "v1alpha1", "served": True, "storage": True,
                                   "subresources": {"status": {}}, "schema": {"openAPIV3Schema": schema}}]}}


def put(world, path, value, method="POST"):
    status, answer = world.kube(path, method, value)
    assert status in (200, 201), answer
    return answer


def sessions_of(namespace):
    return GROUP.replace("/namespaces/tka/", f"/namespaces/{namespace}/")


def make_old_session(world, namespace, person, role):
    """A sign-in with its ServiceAccount and binding, as the other operator makes them."""
    name = f"tka-user-{person}"
    signin = {"apiVersion": "tka.specht-labs.de/v1alpha1", "kind": "TkaSignin",
              "metadata": {"name": name, "namespace": namespace},
              "spec": {"username": person, "role": role, "validity_period": "8h0m0s"}}
    path = sessions_of(namespace)
    signin = eventually("the sign-in accepted", lambda: world.kube(path, "POST", signin)[1].get("metadata") and
                        world.kube(f"{path}/{name}")[1])
    signin["status"] = {"provisioned": True, "signed_in": "2026-01-01T08:00:00Z", "valid_until": "2026-01-01T16:00:00Z"}
    put(world, f"{path}/{name}/status", signin, "PUT")
    owner = [{"apiVersion": "tka.specht-labs.de/v1alpha1", "kind": "TkaSignin", "name": name, "controller": True,
              "blockOwnerDeletion": True, "uid": signin["metadata"]["uid"]}]
    account = put(world, ACCOUNTS.replace("/tka/", f"/{namespace}/"), {
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "ownerReferences": owner}})
    binding = put(world, BINDINGS, {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": f"{name}-binding", "ownerReferences": owner},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]})
    return {"signin": signin, "account": account, "binding": binding}


def apply_p1(world):
    """The policy as the rig has it."""
    text = with_rig_values((REPOSITORY / "deploy/policies/p1.yaml").read_text())
    world.run("admin", "kubectl", "apply", "--server-side", "--force-conflicts", "-f", "-", text=text)


def p1_holds(world):
    """Only tka-server creates a TkaSignin."""
    status, _ = world.kube(GROUP + "?dryRun=All", "POST", {
        "apiVersion": "tka.specht-labs.de/v1alpha1", "kind": "TkaSignin", "metadata": {"name": "tka-user-x"},
        "spec": {"username": "x", "role": "view", "validity_period": "1h"}})
    return status == 422


@pytest.fixture
def before(world):
    """A cluster in which the other TKA has been: its CRD, and two sessions, one of them where ours are."""
    world.run("admin", "kubectl", "create", "ns", OLD)
    crd = {**old_crd(), "metadata": {**old_crd()["metadata"],
                                     "resourceVersion": world.kube(CRD)[1]["metadata"]["resourceVersion"]}}
    put(world, CRD, crd, "PUT")
    eventually("the old CRD is served", lambda: take(world, "served", None).returncode != 0, 30)
    world.run("admin", "kubectl", "delete", "validatingadmissionpolicybinding", P1)
    try:
        elsewhere = make_old_session(world, OLD, "alice", "cluster-admin")
        among_ours = make_old_session(world, "tka", "bob", "cluster-admin")
        apply_p1(world)
        eventually("P1 holds again", lambda: p1_holds(world))
        yield elsewhere, among_ours
    finally:
        apply_p1(world)
        eventually("P1 holds again", lambda: p1_holds(world))
        install(world)
        world.run("admin", "kubectl", "delete", "clusterrolebinding", "--ignore-not-found", "tka-user-alice-binding",
                  "tka-user-bob-binding")
        world.run("admin", "kubectl", "delete", "--ignore-not-found", "signin,sa", "tka-user-bob", "-n", "tka")
        world.run("admin", "kubectl", "delete", "ns", OLD)


def take(world, step, code=0):
    env = {"OLD": OLD, "PATH": world.rig.admin_env()["PATH"]}
    return world.run("admin", "sh", "-euc", f"cd '{REPOSITORY}'\n{STEPS[step]}", env=env, code=code)


def install(world):
    """The CRD, then the programs: a watch that began before would go on seeing objects without the new fields."""
    take(world, "crd")
    eventually("the new CRD is served", lambda: take(world, "served", None).returncode == 0, 30)
    for name in DAEMONS:
        world.restart(name)


def read_again(world, old):
    """The old objects as they are now."""
    namespace, name = old["signin"]["metadata"]["namespace"], old["signin"]["metadata"]["name"]
    return {"signin": world.kube(f"{sessions_of(namespace)}/{name}")[1],
            "account": world.kube(f"{ACCOUNTS.replace('/tka/', f'/{namespace}/')}/{name}")[1],
            "binding": world.kube(f"{BINDINGS}/{name}-binding")[1]}


def is_untouched(world, old, *kinds):
    now = read_again(world, old)
    return all(now[kind]["metadata"]["resourceVersion"] == old[kind]["metadata"]["resourceVersion"] for kind in kinds)


def mismatch(world, old):
    """The Ready condition's reason of an old sign-in."""
    status = read_again(world, old)["signin"].get("status", {})
    return [each["reason"] for each in status.get("conditions", [])]


def test_what_another_tka_left_is_listed_never_adopted_and_removed_by_hand(world, before):
    elsewhere, among_ours = before

    install(world)
    world.login("alice", SERVER, "--use")
    world.login("bob", SERVER, "--use")

    ours = [world.signin(username=login)["metadata"]["name"] for login in ("alice@example.com", "bob@example.com")]
    assert not {"tka-user-alice", "tka-user-bob"} & set(ours)
    eventually("the old sign-in is judged", lambda: mismatch(world, among_ours) == ["NameMismatch"], 15)
    assert is_untouched(world, among_ours, "account", "binding")
    assert is_untouched(world, elsewhere, "account", "binding")
    assert mismatch(world, elsewhere) == []
    listed = take(world, "list").stdout
    for old in ("tka-user-alice ", "tka-user-bob ", "/tka-user-alice-binding\n", "/tka-user-bob-binding\n"):
        assert old in listed, listed
    assert not [name for name in ours if f"{name}-binding" in listed]

    take(world, "remove")

    for kind in ("clusterrolebindings", f"sa,signin -n {OLD}"):
        left = world.run("admin", "sh", "-c", f"kubectl get {kind} -o name").stdout.splitlines()
        assert not [name for name in left if name.rpartition("/")[2] in (
            "tka-user-alice", "tka-user-alice-binding", "tka-user-bob-binding")], left
    assert "namespace/tka" in world.run("alice", "kubectl", "get", "ns", "-o", "name").stdout
    assert len(world.signins(username="alice@example.com")) == 1


def test_a_sign_in_of_another_tka_in_our_namespace_outlives_our_operators_restart_untouched(world, before):
    _, among_ours = before
    install(world)
    eventually("the old sign-in is judged", lambda: mismatch(world, among_ours) == ["NameMismatch"], 15)

    world.restart("operator", kill=True)
    eventually("a new session is ready", lambda: world.ask("alice", "POST", "credential").status == 200)

    assert is_untouched(world, among_ours, "account", "binding")
    assert read_again(world, among_ours)["signin"]["metadata"]["uid"] == among_ours["signin"]["metadata"]["uid"]


# --- with Helm ---


def give_old_tka(cluster):
    """The other TKA's CRD, applied by kubectl, and a session of its."""
    for name in (OLD, "tka-system"):
        cluster.kubectl("create", "ns", name)
    cluster.kubectl("apply", "-f", "-", text=yaml.safe_dump(old_crd()))
    signin = {"apiVersion": "tka.specht-labs.de/v1alpha1", "kind": "TkaSignin", "metadata": {"name": "tka-user-alice"},
              "spec": {"username": "alice", "role": "cluster-admin", "validity_period": "8h0m0s"}}
    eventually("an old session", lambda: cluster.call(sessions_of(OLD), "POST", signin)[0] == 201)


@pytest.fixture
def old_cluster(world):
    """An API server of its own that the other TKA has been on."""
    cluster = SecondCluster(world)
    cluster.forget()
    cluster.configure()
    try:
        world.rig.host.start(cluster.apiserver())
        give_old_tka(cluster)
        yield cluster
    finally:
        world.rig.host.stop(cluster.apiserver())
        cluster.forget()


@pytest.fixture
def type_in(world, obtain, old_cluster, tmp_path):
    """Types a text beside that API server, in a folder with the chart and values."""
    for name in ("deploy", "schema"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / "values.yaml").write_text(yaml.safe_dump({"tka": {"clusterInfo": {"apiEndpoint": old_cluster.server}}}))
    programs = f"{pathlib.Path(obtain('helm')[0]).parent}:{world.rig.admin_env()['PATH']}"
    env = {"PATH": programs, "KUBECONFIG": str(old_cluster.admin_kubeconfig())}
    return lambda text, code=0: world.run("admin", "sh", "-euc", f"cd '{tmp_path}'\n{text}", env=env, code=code)


def old_signins(cluster):
    """Names; after a change of the CRD the API server answers 429 for a moment."""
    def ask():
        status, answer = cluster.call(sessions_of(OLD))
        return [each["metadata"]["name"] for each in answer["items"]] if status == 200 else None
    return eventually("the list of the old sessions", ask)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "by default"])
def test_helm_takes_the_crd_over_by_the_command_of_the_page_and_ends_as_it_says(old_cluster, type_in, tmp_path, keep):
    (plain,) = [line for block in parse(REPOSITORY / "docs/getting-started.md") if isinstance(block, Block)
                for line in block.text.splitlines() if line.startswith("helm install")]
    if keep:
        with (tmp_path / "values.yaml").open("a") as values:
            values.write(STEPS["keep"])
    type_in(STEPS["crd"])
    eventually("the new CRD is served", lambda: type_in(STEPS["served"], None).returncode == 0, 30)
    assert "invalid ownership metadata" in type_in(plain, 1).stderr

    type_in(STEPS["install"])

    assert old_cluster.call(CRD)[1]["metadata"]["annotations"]["meta.helm.sh/release-name"] == "tka"
    type_in("helm uninstall tka -n tka-system --no-hooks")  # there is no node for the Job
    if keep:
        assert old_signins(old_cluster) == ["tka-user-alice"]
    else:
        eventually("the CRD gone", lambda: old_cluster.call(CRD)[0] == 404, 30)
