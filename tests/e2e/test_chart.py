"""The chart and what is made from it: every documented combination of values, judged by helm, the API server's own schemas
and the daemons; one source for RBAC and policies; the alerts played through."""

import base64
import copy
import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

from conftest import REPOSITORY
from host import command

CHART = REPOSITORY / "deploy/chart"
ENDPOINT = {"tka": {"clusterInfo": {"apiEndpoint": "https://api.example.com:6443"}}}
TLS = {"tka": {"server": {"tls": {"secretName": "tka-tls"}}}}
HEADSCALE = {"tailscale": {"loginServer": "https://headscale.example.com"}}

CA = base64.b64encode(sorted(pathlib.Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))[0].read_bytes()).decode()


def own_pods(name):
    """Whatever can be said of the pods of server or operator, with the name in it."""
    return {"serviceAccount": {"annotations": {"iam.example.com/role": f"{name}-account"}},
            "resources": {"requests": {"cpu": "31m", "memory": "33Mi"}, "limits": {"memory": "129Mi"}},
            "podLabels": {"team": f"{name}-team"}, "podAnnotations": {"note": f"{name}-note"},
            "nodeSelector": {"pool": f"{name}-pool"}, "priorityClassName": f"{name}-priority",
            "tolerations": [{"key": f"{name}-taint", "operator": "Exists", "effect": "NoSchedule"}],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": f"{name}-zone", "operator": "Exists"}]}}]}},
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": f"{name}-rack",
                                           "whenUnsatisfiable": "ScheduleAnyway"}]}


# Combinations in which every text and every number must come out somewhere.
OWN = {
    "names and pods of one's own": {
        "image": {"repository": "registry.example.com/ours", "tag": "7.8.9", "pullPolicy": "Always"},
        "tka": {"tailscale": {"hostname": "kube-door"},
                "operator": {"clusterName": "north", "contextPrefix": "context-of-", "userPrefix": "user-of-"},
                "api": {"retryAfterSeconds": 17}, "log": {"level": "warn"}, "health": {"port": 9123},
                "clusterInfo": {"caData": CA}},
        "tailscale": {"image": {"repository": "registry.example.com/tail", "tag": "v9.9.9", "pullPolicy": "Never"},
                      "authKey": {"secretName": "own-key", "key": "own-file"}, "extraArgs": ["--accept-dns=false"],
                      "daemonArgs": ["--verbose=2"], "env": [{"name": "OWN_NAME", "value": "own-value"}],
                      "persistence": {"enabled": True, "size": "65Mi"},
                      "resources": {"requests": {"cpu": "21m", "memory": "66Mi"}, "limits": {"memory": "257Mi"}}},
        "server": own_pods("server"), "operator": own_pods("operator"), "drain": {"timeoutSeconds": 321}},
    "digests, an identity and labels of one's own": {
        "tka": {"clusterInfo": {"apiEndpoint": "", "configMapRef": {"enabled": True, "name": "where",
                                                                    "namespace": "shared"}}},
        "tailscale": {"image": {"digest": "sha256:" + "1" * 64},
                      "workloadIdentity": {"clientID": "c2", "audience": "own-audience", "tags": ["tag:own", "tag:too"]}},
        "metrics": {"serviceMonitor": {"enabled": True, "interval": "47s", "labels": {"release": "own-monitor"}},
                    "prometheusRule": {"enabled": True, "labels": {"release": "own-rules"}},
                    "dashboard": {"enabled": True, "labels": {"grafana_dashboard": "own-dashboard"}}}},
}

# What the README and values.yaml speak of, each with what it must bring about.
COMBINATIONS = {
    "defaults": {},
    "another port": {"tka": {"tailscale": {"port": 8080}}},
    "headscale with TLS files": {**HEADSCALE, **TLS},
    "headscale with another port": {**HEADSCALE, "tka": {"tailscale": {"port": 8080}}},
    "tun": {"tka": {"tailscale": {"mode": "tun"}}},
    "a volume": {"tailscale": {"persistence": {"enabled": True, "storageClass": "fast"}}},
    "a volume that exists": {"tailscale": {"persistence": {"enabled": True, "existingClaim": "old"}}},
    "workload identity": {"tailscale": {"workloadIdentity": {"clientID": "c1", "audience": "tailscale"}}},
    "several of each": {"server": {"replicas": 2}, "operator": {"replicas": 3}},
    "monitoring": {"metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "p"}},
                               "prometheusRule": {"enabled": True}, "dashboard": {"enabled": True}}},
    "a digest": {"image": {"digest": "sha256:" + "0" * 64}, "imagePullSecrets": ["pull"]},
    "more roles and namespaces": {"tka": {"operator": {"namespace": "people", "roles": ["view", "edit", "ops:read"]},
                                          "server": {"maxPeriod": "8h"}}},
    "without what can be left out": {"policies": {"enabled": False}, "drain": {"enabled": False},
                                     "podDisruptionBudget": {"enabled": False}, "networkPolicy": {"enabled": False},
                                     "crds": {"install": False}, "sessions": {"createNamespace": False}},
    "CRDs that stay": {"crds": {"keep": True}},
    "scrapes from one namespace": {"networkPolicy": {"from": [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]}},
    "where pods run": {"server": {"nodeSelector": {"disk": "ssd"}, "tolerations": [{"operator": "Exists"}],
                                  "priorityClassName": "high", "podAnnotations": {"a": "b"}, "podLabels": {"c": "d"}},
                       "operator": {"affinity": {"nodeAffinity": {}},
                                    "topologySpreadConstraints": [{
                                        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}]}},
    "one length for all": {"tka": {"server": {"minPeriod": "60m", "maxPeriod": "1h"}}},
    "another port with the tailnet's certificate": {"tka": {"tailscale": {"port": 8443},
                                                            "server": {"tls": {"source": "tailscale"}}}},
    "an API server by its address": {"tka": {"clusterInfo": {"apiEndpoint": "https://[2001:db8::1]:6443/k8s"}}},
    "several capabilities": {"tka": {"tailscale": {"capName": ["example.com/cap/a", "example.com/cap/b"]}}},
    "labels and a CA": {"tka": {"clusterInfo": {"labels": {"environment": "test"}, "insecureSkipTLSVerify": True}}},
    "a ConfigMap that tells": {"tka": {"clusterInfo": {"apiEndpoint": "", "configMapRef": {"enabled": True}}}},
    "traces": {"tka": {"otel": {"endpoint": "http://collector:4318"}}},
    "traces to a host": {"tka": {"otel": {"endpoint": "collector:4318"}}},
    "audiences": {"policies": {"audiences": ["https://issuer.example.com"]}},
    **OWN,
}

# What cannot work is refused by helm, in words.
REFUSED = {
    "no endpoint": ({"tka": {"clusterInfo": {"apiEndpoint": ""}}}, "tka.clusterInfo.apiEndpoint is required"),
    "headscale on 443 without files": (HEADSCALE, "headscale gives no certificates"),
    "one namespace for all": ({"tka": {"operator": {"namespace": "tka-system"}}}, "sessions need one of their own"),
    "two servers on one volume": ({"server": {"replicas": 2}, "tailscale": {"persistence": {"enabled": True}}},
                                  "one volume holds the identity of one node"),
    "an identity for nobody in particular": ({"tailscale": {"workloadIdentity": {"clientID": "c1"}}},
                                             "audience is required"),
    "no role": ({"tka": {"operator": {"roles": []}}}, "tka.operator.roles|/tka/operator/roles"),
    "a port that is none": ({"tka": {"tailscale": {"port": 70000}}}, "port"),
    "a period that is none": ({"tka": {"server": {"maxPeriod": "1 day"}}}, "maxPeriod"),
    "no period at all": ({"tka": {"server": {"minPeriod": "2h", "maxPeriod": "1h30m"}}}, "minPeriod: 2h is more than"),
    "an endpoint without TLS": ({"tka": {"clusterInfo": {"apiEndpoint": "http://a"}}}, "apiEndpoint"),
    "headscale asked for a certificate": ({**HEADSCALE, "tka": {"tailscale": {"port": 8443}, "server": {
        "tls": {"source": "tailscale"}}}}, "headscale gives no certificates"),
    "443 without TLS": ({"tka": {"server": {"tls": {"source": "off"}}}}, "off does not go with tka.tailscale.port 443"),
    "files from nowhere": ({"tka": {"server": {"tls": {"source": "files"}}}}, "files needs tka.server.tls.secretName"),
    "a period of no time": ({"tka": {"server": {"minPeriod": "0s"}}}, "minPeriod: 0s is out of range"),
    "a period of years": ({"tka": {"server": {"maxPeriod": "8785h"}}}, "maxPeriod: 8785h is out of range"),
    "two places to know the API server from": ({"tka": {"clusterInfo": {"configMapRef": {"enabled": True}}}},
                                               "do not go together: the ConfigMap names"),
    "a CA that is a file's name": ({"tka": {"clusterInfo": {"caData": "ca.crt"}}}, "caData: this is no certificate"),
    "a CA on several lines": ({"tka": {"clusterInfo": {"caData": CA[:76] + "\n" + CA[76:]}}}, "caData: this is no"),
    "the head of a CA": ({"tka": {"clusterInfo": {"caData": CA[:36]}}}, "caData: this is no certificate"),
    "an endpoint with a password": ({"tka": {"clusterInfo": {"apiEndpoint": "https://me:secret@a"}}}, "apiEndpoint"),
    "a label that is no text": ({"tka": {"clusterInfo": {"labels": {"stage": 1}}}}, "labels/stage"),
    "a ConfigMap nowhere": ({"tka": {"clusterInfo": {"apiEndpoint": "", "configMapRef": {
        "enabled": True, "namespace": "Shared"}}}}, "configMapRef/namespace"),
    "no capability": ({"tka": {"tailscale": {"capName": []}}}, "capName"),
    "capabilities in one text": ({"tka": {"tailscale": {"capName": "a.example/cap/x, b.example/cap/x"}}}, "capName"),
    "a collector that speaks no HTTP": ({"tka": {"otel": {"endpoint": "grpc://collector:4317"}}}, "otel/endpoint"),
    "a misspelt key of the daemons": ({"tka": {"clusterInfo": {"apiEndpont": "https://a"}}}, "apiEndpont"),
    "a folder that no daemon has": ({"tka": {"servr": {"maxPeriod": "1h"}}}, "servr"),
    "a format of logs that is none": ({"tka": {"log": {"format": "xml"}}}, "log/format"),
    "a misspelt value": ({"polices": {"enabled": False}}, "polices"),
    "a mode that is none": ({"tka": {"tailscale": {"mode": "auto"}}}, "mode"),
}
# kube-score asks for these, and we do not follow: images are pinned by tag or digest, nothing is written but into volumes
# that have limits of their own, and nobody can say in advance where control servers, relays and API servers are.
NOT_FOLLOWED = ("container-image-pull-policy", "container-ephemeral-storage-request-and-limit", "pod-networkpolicy")


def merged(base, more):
    base = copy.deepcopy(base)
    for key, value in more.items():
        base[key] = merged(base[key], value) if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return base


@pytest.fixture(scope="module")
def helm(obtain):
    def run(*argv, values=None, code=0, text=True):
        line = [*obtain("helm"), *map(str, argv), *(["-f", "-"] if values is not None else [])]
        done = subprocess.run(line, input=yaml.safe_dump(values) if values is not None else None, capture_output=True,
                              text=text, check=False, timeout=60)
        assert code is None or done.returncode == code, done.stderr
        return done
    return run


@pytest.fixture(scope="module")
def template(helm):
    """Objects that a combination of values gives."""
    known = {}

    def run(values, namespace="tka-system"):
        key = json.dumps([values, namespace])
        if key not in known:
            said = helm("template", "tka", CHART, "--namespace", namespace, values=merged(ENDPOINT, values))
            known[key] = [each for each in yaml.safe_load_all(said.stdout) if each]
        return copy.deepcopy(known[key])
    return run


def pick(objects, kind, name):
    found = [each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    assert len(found) == 1, f"{len(found)} of {kind} {name}"
    return found[0]


def containers(objects, name):
    pod = pick(objects, "Deployment", name)["spec"]["template"]["spec"]
    return {each["name"]: each for each in [*pod.get("initContainers", []), *pod["containers"]]}


def environment(container):
    return {each["name"]: each.get("value") for each in container["env"]}


# --- every combination ---


def leaves(values, place=()):
    """(place, value) of whatever is no mapping, or an empty one."""
    if isinstance(values, dict) and values:
        for key, value in values.items():
            yield from leaves(value, (*place, key))
    else:
        yield place, values


def value_at(values, place):
    for key in place:
        if not isinstance(values, dict) or key not in values:
            return None
        values = values[key]
    return values


def test_every_value_is_another_than_by_default_in_some_combination():
    alike = []
    for place, default in leaves(yaml.safe_load((CHART / "values.yaml").read_text())):
        found = [value_at(values, place) for values in (*COMBINATIONS.values(), ENDPOINT)]
        if not [each for each in found if each is not None and each != default]:
            alike.append(".".join(place))
    assert not alike


def scalars(value):
    if isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from scalars(each)
    elif not isinstance(value, bool):
        yield str(value)


@pytest.mark.parametrize("name", OWN)
def test_what_a_value_says_comes_out_somewhere(template, name):
    text = yaml.safe_dump_all(template(OWN[name]), width=10000)
    assert [each for each in scalars(OWN[name]) if each not in text] == []


@pytest.mark.parametrize("program", ["server", "operator"])
def test_an_account_has_its_own_annotations(template, program):
    objects = template(OWN["names and pods of one's own"])
    account = pick(objects, "ServiceAccount", f"tka-{program}")["metadata"]
    assert account["annotations"] == {"iam.example.com/role": f"{program}-account"}


@pytest.mark.parametrize("name", COMBINATIONS)
def test_helm_lints(helm, name):
    helm("lint", CHART, "--strict", "--namespace", "tka-system", values=merged(ENDPOINT, COMBINATIONS[name]))


@pytest.mark.parametrize("name", REFUSED)
def test_helm_refuses(helm, name):
    values, words = REFUSED[name]
    said = helm("template", "tka", CHART, "--namespace", "tka-system", values=merged(ENDPOINT, values), code=1)
    assert re.search(words, said.stderr), said.stderr


CONFIG_MAPS = "/api/v1/namespaces/tka-system/configmaps"


@pytest.fixture
def installed_for_tka(world):
    """What an upgrade finds of a release whose sessions are in tka."""
    config = yaml.safe_dump({"operator": {"namespace": "tka"}})
    live = {"metadata": {"name": "tka"}, "data": {"config.yaml": config}}
    assert world.kube(CONFIG_MAPS, "POST", live)[0] == 201
    yield
    world.kube(f"{CONFIG_MAPS}/tka", "DELETE")


@pytest.mark.parametrize(("namespace", "code"), [("tka", 0), ("people", 1)])
def test_an_upgrade_abandons_no_session(world, obtain, installed_for_tka, namespace, code):
    said = world.run("admin", *obtain("helm"), "template", "tka", CHART, "--is-upgrade", "--dry-run=server", "-f", "-",
                     "--namespace", "tka-system", "--set", f"tka.operator.namespace={namespace}", code=code,
                     text=yaml.safe_dump(ENDPOINT))
    assert code == 0 or 'sessions live in "tka"' in said.stderr


def test_a_second_installation_is_refused(world, obtain):
    """The rig has one, whose programs are in tka-system."""
    said = world.run("admin", *obtain("helm"), "template", "tka", CHART, "--dry-run=server", "-f", "-",
                     "--namespace", "tka-second", "--set", "tka.operator.namespace=people", code=1,
                     text=yaml.safe_dump(ENDPOINT))
    assert 'TKA is in this cluster already, with its programs in "tka-system"' in said.stderr


@pytest.fixture(scope="module")
def schemas(shared_world, tmp_path_factory):
    """The rig's API server's own OpenAPI, as kubeconform wants it: strict, a file for each kind."""
    status, document = shared_world.kube("/openapi/v2")
    assert status == 200
    definitions = {name: strict(each) for name, each in document["definitions"].items()}
    folder = tmp_path_factory.mktemp("schemas")
    for name, each in definitions.items():
        for kind in each.get("x-kubernetes-group-version-kind", []):
            group = kind["group"].split(".")[0]
            file = "-".join(part.lower() for part in (kind["kind"], group, kind["version"]) if part)
            (folder / f"{file}.json").write_text(json.dumps({
                "$ref": f"#/definitions/{name}",
                "definitions": {part: definitions[part] for part in parts_of(name, definitions)}}))
    return folder


def parts_of(name, definitions):
    """The names of all definitions that one of them is made of."""
    found, ahead = set(), [name]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead += re.findall(r'"#/definitions/([^"]+)"', json.dumps(definitions[name]))
    return found


def strict(definition):
    """Nothing but what is named; numbers or texts where Kubernetes takes both."""
    if definition.get("x-kubernetes-int-or-string") or definition.get("format") == "int-or-string":
        return {"type": ["string", "integer"]}
    definition = {key: value for key, value in definition.items() if key != "format"}
    if "properties" in definition:
        definition["properties"] = {name: strict(each) for name, each in definition["properties"].items()}
        definition.setdefault("additionalProperties", False)
    for key in ("items", "additionalProperties"):
        if isinstance(definition.get(key), dict):
            definition[key] = strict(definition[key])
    return definition


@pytest.mark.parametrize("name", COMBINATIONS)
def test_kubeconform_knows_every_field(template, schemas, obtain, name):
    objects = [each for each in template(COMBINATIONS[name]) if "monitoring.coreos.com" not in each["apiVersion"]]
    where = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    done = subprocess.run([*obtain("kubeconform"), "-strict", "-summary", "-schema-location", where],
                          input=yaml.safe_dump_all(objects), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(objects)} resources found" in done.stdout and "Skipped: 0" in done.stdout, done.stdout


def test_kubeconform_would_notice_a_field_that_does_not_exist(template, schemas, obtain):
    (deployment,) = [pick(template({}), "Deployment", "tka-server")]
    deployment["spec"]["template"]["spec"]["containers"][0]["sekurityContext"] = {}
    where = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    done = subprocess.run([*obtain("kubeconform"), "-strict", "-schema-location", where],
                          input=yaml.safe_dump(deployment), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "sekurityContext" in done.stdout


@pytest.mark.parametrize("name", COMBINATIONS)
def test_both_daemons_accept_the_configuration(template, tmp_path, name):
    path = tmp_path / "config.yaml"
    path.write_text(pick(template(COMBINATIONS[name]), "ConfigMap", "tka")["data"]["config.yaml"])
    for program in ("tka-server", "tka-operator"):
        done = subprocess.run([REPOSITORY / "build/bin" / program, "config", "check", "--config", path],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name != "tun"])
def test_every_pod_is_restricted(template, name):
    for each in template(COMBINATIONS[name]):
        if each["kind"] not in ("Deployment", "Job"):
            continue
        pod = each["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] > 10000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_kube_score_finds_nothing_that_we_do_not_know_of(template, obtain):
    argv = [*obtain("kube-score"), "score", "--output-format", "ci", "--ignore-container-cpu-limit"]
    for name in NOT_FOLLOWED:
        argv += ["--ignore-test", name]
    done = subprocess.run([*argv, "-"], input=yaml.safe_dump_all(template({})), capture_output=True, text=True,
                          check=False)
    bad = [line for line in done.stdout.splitlines() if line.startswith(("[CRITICAL]", "[WARNING]"))]
    assert not bad and "[OK]" in done.stdout, "\n".join(bad) + done.stderr


# --- what values bring about ---


def test_port_443_is_bound_without_a_capability_and_with_the_tailnets_certificate(template):
    objects = template({})
    pod = pick(objects, "Deployment", "tka-server")["spec"]["template"]["spec"]
    assert {"name": "net.ipv4.ip_unprivileged_port_start", "value": "443"} in pod["securityContext"]["sysctls"]
    assert environment(containers(objects, "tka-server")["tailscaled"])["TS_PERMIT_CERT_UID"] == "65532"


def test_keys_of_the_daemons_that_the_chart_does_not_know_reach_them(template):
    objects = template(merged(TLS, {"tka": {"server": {"tls": {"source": "files"}}, "api": {"requestBurst": 7}}}))
    config = yaml.safe_load(pick(objects, "ConfigMap", "tka")["data"]["config.yaml"])
    assert config["api"]["requestBurst"] == 7
    assert config["server"]["tls"] == {"source": "files", "certFile": "/etc/tka-tls/tls.crt",
                                       "keyFile": "/etc/tka-tls/tls.key"}


def test_other_ports_need_neither(template):
    objects = template({"tka": {"tailscale": {"port": 8080}}})
    assert "sysctls" not in pick(objects, "Deployment", "tka-server")["spec"]["template"]["spec"]["securityContext"]
    assert "TS_PERMIT_CERT_UID" not in environment(containers(objects, "tka-server")["tailscaled"])


def test_the_tailnets_certificate_is_given_to_the_server_on_any_port(template):
    objects = template(COMBINATIONS["another port with the tailnet's certificate"])
    assert environment(containers(objects, "tka-server")["tailscaled"])["TS_PERMIT_CERT_UID"] == "65532"


@pytest.mark.parametrize("values, url", [
    ({}, "https://tka.TAILNET.ts.net\n"), (TLS, "https://NAME "),
    ({"tka": {"tailscale": {"port": 8123}}}, "http://tka:8123\n"),
    (COMBINATIONS["another port with the tailnet's certificate"], "https://tka.TAILNET.ts.net:8443\n"),
    ({"tka": {"tailscale": {"port": 8443}, **TLS["tka"]}}, "https://NAME:8443 ")])
def test_the_notes_say_what_people_type(helm, values, url):
    said = helm("install", "tka", CHART, "--namespace", "tka-system", "--dry-run=client", values=merged(ENDPOINT, values))
    assert f"kubectl tka login {url}" in said.stdout.partition("NOTES:")[2]


def test_tailscaled_keeps_no_secret_and_runs_as_another_user(template):
    sidecar = containers(template({}), "tka-server")["tailscaled"]
    assert environment(sidecar)["TS_KUBE_SECRET"] == "" and environment(sidecar)["TS_STATE_DIR"]
    assert sidecar["securityContext"]["runAsUser"] == 65531
    assert sidecar["restartPolicy"] == "Always"
    assert not [mount for mount in sidecar["volumeMounts"] if "kubernetes.io" in mount["mountPath"]]


def test_the_auth_key_is_a_file_and_in_no_environment(template):
    variables = environment(containers(template({}), "tka-server")["tailscaled"])
    assert variables["TS_AUTHKEY"].startswith("file:")


def test_a_workload_identity_takes_the_place_of_the_key(template):
    objects = template(COMBINATIONS["workload identity"])
    variables = environment(containers(objects, "tka-server")["tailscaled"])
    assert "TS_AUTHKEY" not in variables and variables["TS_CLIENT_ID"] == "c1"
    assert variables["TS_ID_TOKEN"].startswith("file:") and "--advertise-tags=tag:tka" in variables["TS_EXTRA_ARGS"]
    assert "tka-authkey" not in json.dumps(objects)


def test_headscale_is_who_tailscaled_logs_in_to(template):
    variables = environment(containers(template(COMBINATIONS["headscale with TLS files"]), "tka-server")["tailscaled"])
    assert variables["TS_EXTRA_ARGS"] == "--login-server=https://headscale.example.com"


@pytest.mark.parametrize("values, state", [({}, True), (COMBINATIONS["a volume"], False)])
def test_without_a_volume_a_node_leaves_the_tailnet_when_it_ends(template, values, state):
    variables = environment(containers(template(values), "tka-server")["tailscaled"])
    assert ("--state=mem:" in variables.get("TS_TAILSCALED_EXTRA_ARGS", "")) == state


def test_health_is_on_the_pods_own_address(template):
    for name in ("tka-server", "tka-operator"):
        container = containers(template({}), name)[name]
        address = [each for each in container["env"] if each["name"] == "TKA_HEALTH_ADDRESS"]
        assert address[0]["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
        assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_a_changed_configuration_rolls_the_pods(template):
    one, other = template({}), template({"tka": {"log": {"level": "debug"}}})
    for name in ("tka-server", "tka-operator"):
        sums = {pick(each, "Deployment", name)["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
                for each in (one, other)}
        assert len(sums) == 2


def test_the_role_list_is_one_for_rbac_policies_and_daemons(template):
    objects = template({"tka": {"operator": {"roles": ["view", "ops:read"]}}})
    for name, verb in (("tka-server", "get"), ("tka-operator", "bind")):
        rules = [rule for rule in pick(objects, "ClusterRole", name)["rules"] if "resourceNames" in rule]
        assert [(rule["resourceNames"], rule["verbs"]) for rule in rules] == [(["view", "ops:read"], [verb])]
    variables = pick(objects, "ValidatingAdmissionPolicy", "tka-p3-bindings")["spec"]["variables"]
    assert {"name": "roles", "expression": "['view', 'ops:read']"} in variables
    config = yaml.safe_load(pick(objects, "ConfigMap", "tka")["data"]["config.yaml"])
    assert config["operator"]["roles"] == ["view", "ops:read"]


def test_other_namespaces_are_other_namespaces_everywhere(template):
    objects = template({"tka": {"operator": {"namespace": "people"}}}, namespace="machinery")
    text = yaml.safe_dump_all(objects)
    assert "tka-system" not in text
    assert not re.search(r"'tka'|namespace: tka$|serviceaccount:tka", text, re.MULTILINE)
    assert pick(objects, "RoleBinding", "tka-server")["metadata"]["namespace"] == "people"
    assert pick(objects, "RoleBinding", "tka-server")["subjects"][0]["namespace"] == "machinery"


NODES = {"nodeSelector": {"pool": "tka"}, "priorityClassName": "high",
         "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "tka", "effect": "NoSchedule"}],
         "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
             {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]}}}}


@pytest.mark.parametrize("which", [[], *([key] for key in NODES), list(NODES)], ids=lambda which: "+".join(which) or "none")
def test_the_job_that_ends_all_sessions_runs_wherever_the_operator_does(template, which):
    """Without a node it waits until an uninstall fails."""
    objects = template({"operator": {key: NODES[key] for key in which}, "imagePullSecrets": ["pull"]})
    operator, job = (pick(objects, kind, name)["spec"]["template"]["spec"]
                     for kind, name in (("Deployment", "tka-operator"), ("Job", "tka-drain")))
    for key in ("nodeSelector", "tolerations", "priorityClassName", "imagePullSecrets"):
        assert job.get(key) == operator.get(key), key
    assert job.get("affinity", {}) == {key: each for key, each in operator["affinity"].items() if key == "nodeAffinity"}


def test_the_job_that_ends_all_sessions_is_not_kept_off_the_operators_nodes(template):
    apart = [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {}}]
    objects = template({"operator": {
        "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": apart}},
        "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}]}})
    assert not {"affinity", "topologySpreadConstraints"} & set(pick(objects, "Job", "tka-drain")["spec"]["template"]["spec"])


def test_crds_are_templates_so_that_they_upgrade_and_stay_when_told_to(template):
    assert not (CHART / "crds").exists()
    crd = pick(template({}), "CustomResourceDefinition", "tkasignins.tka.specht-labs.de")
    assert "helm.sh/resource-policy" not in crd["metadata"].get("annotations", {})
    crd = pick(template({"crds": {"keep": True}}), "CustomResourceDefinition", "tkasignins.tka.specht-labs.de")
    assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_a_named_config_map_is_all_that_the_server_may_read_there(template):
    reference = {"enabled": True, "name": "where", "namespace": "shared"}
    objects = template({"tka": {"clusterInfo": {"apiEndpoint": "", "configMapRef": reference}}})
    role = pick(objects, "Role", "tka-server-cluster-info")
    assert role["metadata"]["namespace"] == "shared"
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["where"],
                              "verbs": ["get", "watch"]}]
    assert pick(objects, "RoleBinding", "tka-server-cluster-info")["metadata"]["namespace"] == "shared"


def test_without_a_config_map_the_server_may_read_none_of_kube_public(template):
    assert not [each for each in template({}) if each["metadata"].get("namespace") == "kube-public"]


# --- one source ---


def essence(each):
    """An object without what a release adds to it."""
    each = copy.deepcopy(each)
    each["metadata"].pop("labels", None)
    return each


@pytest.mark.parametrize("folder", ["deploy/rbac", "deploy/policies", "schema/crd"])
def test_the_chart_delivers_what_stands_in(template, folder):
    objects = template(COMBINATIONS["a ConfigMap that tells"])
    for path in sorted((REPOSITORY / folder).glob("*.yaml")):
        for wanted in yaml.safe_load_all(path.read_text()):
            if wanted["kind"] == "Namespace" and wanted["metadata"]["name"] == "tka-system":
                continue  # the release's own, made by whoever installs
            found = pick(objects, wanted["kind"], wanted["metadata"]["name"])
            assert essence(found) == essence(wanted), path.name


def test_the_chart_binds_nobody_to_anything_else(template):
    delivered = {each["metadata"]["name"] for path in (REPOSITORY / "deploy/rbac").glob("*.yaml")
                 for each in yaml.safe_load_all(path.read_text())}
    for each in template({}):
        if each["kind"].endswith(("Role", "RoleBinding", "ServiceAccount")):
            assert each["metadata"]["name"] in delivered


def test_what_is_made_from_the_chart_is_up_to_date(obtain):
    done = subprocess.run([REPOSITORY / "deploy/render/render", "--check"], capture_output=True, text=True, check=False,
                          env={**os.environ, "HELM": obtain("helm")[0]})
    assert done.returncode == 0, f"make manifests, and commit: {done.stdout}{done.stderr}"


def test_the_packed_chart_is_the_chart(helm, tmp_path):
    command("make", "-C", REPOSITORY, "chart")
    release = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    packed = REPOSITORY / f"build/tka-{release}.tgz"
    one, other = (helm("template", "tka", where, "--namespace", "tka-system", values=ENDPOINT).stdout
                  for where in (CHART, packed))
    assert one == other


# --- plain manifests ---


def kustomize(folder):
    return [each for each in yaml.safe_load_all(command("kubectl", "kustomize", folder)) if each]


@pytest.fixture
def kubectl_on_path(shared_world, monkeypatch):
    monkeypatch.setenv("PATH", f"{shared_world.folder}/bin:{os.environ['PATH']}")


def without_configuration(each):
    """An object without what depends on the address of the API server."""
    each = essence(each)
    if each["kind"] == "ConfigMap":
        del each["data"]
    if each["kind"] == "Deployment":
        del each["spec"]["template"]["metadata"]["annotations"]
    return each


def test_plain_manifests_are_what_the_chart_gives(template, kubectl_on_path):
    plain = {(each["kind"], each["metadata"]["name"]): without_configuration(each)
             for each in kustomize(REPOSITORY / "deploy/manifests")}
    del plain["Namespace", "tka-system"]
    assert plain == {(each["kind"], each["metadata"]["name"]): without_configuration(each)
                     for each in template({}) if each["kind"] != "Job"}


def test_a_kustomization_on_top_changes_image_and_configuration(kubectl_on_path, tmp_path):
    base = os.path.relpath(REPOSITORY / "deploy/manifests", tmp_path)
    patch = [{"op": "replace", "path": "/data/config.yaml", "value": "clusterInfo: {apiEndpoint: https://a}"}]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump({
        "resources": [base], "images": [{"name": "localhost/tka", "newName": "registry.example.com/tka"}],
        "patches": [{"target": {"kind": "ConfigMap", "name": "tka"}, "patch": yaml.safe_dump(patch)}]}))
    objects = kustomize(tmp_path)
    assert containers(objects, "tka-operator")["tka-operator"]["image"] == "registry.example.com/tka:0.1.0"
    assert "https://a" in pick(objects, "ConfigMap", "tka")["data"]["config.yaml"]


def test_the_job_before_the_end_gets_the_image_by_the_command_of_the_page(kubectl_on_path):
    (line,) = re.findall(r"`(kubectl set image [^`|]*)\| kubectl apply -f -`", (CHART / "README.md").read_text())
    job = yaml.safe_load(command("sh", "-euc", f"cd '{REPOSITORY}'; {line.replace('REGISTRY/tka:TAG', 'ours/tka:7')}"))
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert (job["kind"], container["image"]) == ("Job", "ours/tka:7")


def test_the_api_server_takes_the_plain_manifests(world, kubectl_on_path):
    text = yaml.safe_dump_all(kustomize(REPOSITORY / "deploy/manifests"))
    world.run("admin", "kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts",
              "-f", "-", text=text)


# --- monitoring ---


def alerts(template):
    return pick(template(COMBINATIONS["monitoring"]), "PrometheusRule", "tka")["spec"]


@pytest.fixture(scope="module")
def monitoring(shared_world, obtain):
    """The API server knows the kinds of prometheus-operator. Two of them: more would only take longer."""
    crds = [word for path in obtain("prometheus-crds") if re.search(r"_(servicemonitors|prometheusrules)\.", path)
            for word in ("-f", path)]
    assert len(crds) == 4
    shared_world.run("admin", "kubectl", "apply", "--server-side", *crds)
    yield shared_world.run("admin", "kubectl", "wait", "--for=condition=Established", *crds, "--timeout=30s")
    shared_world.run("admin", "kubectl", "delete", *crds)


def test_the_definitions_of_prometheus_operator_take_what_is_for_it(world, template, monitoring):
    objects = [each for each in template(COMBINATIONS["monitoring"]) if "monitoring.coreos.com" in each["apiVersion"]]
    assert {each["kind"] for each in objects} == {"ServiceMonitor", "PrometheusRule"}
    argv = ("kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-")

    world.run("admin", *argv, text=yaml.safe_dump_all(objects))

    for each in objects:
        each["spec"]["spek"] = {}
        assert "spek" in world.run("admin", *argv, text=yaml.safe_dump(each), code=1).stderr


def test_promtool_accepts_the_alerts_and_plays_them_through(template, obtain, tmp_path):
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(alerts(template)))
    (tmp_path / "test.yaml").write_text(pathlib.Path(__file__).with_name("alerts_test.yaml").read_text())
    for argv in (("check", "rules", "alerts.yaml"), ("test", "rules", "test.yaml")):
        done = subprocess.run([*obtain("promtool"), *argv], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def queries():
    dashboard = json.loads((CHART / "files/dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_promtool_accepts_every_query_of_the_dashboard(obtain, tmp_path):
    rules = [{"record": f"query:{place}", "expr": query} for place, query in enumerate(queries())]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run([*obtain("promtool"), "check", "rules", tmp_path / "rules.yaml"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_and_dashboard_ask_for_metrics_that_the_daemons_have(template):
    exposed = set()
    for path in [*REPOSITORY.glob("server/*.c"), *REPOSITORY.glob("operator/*.c"), *REPOSITORY.glob("lib/**/*.c")]:
        exposed |= set(re.findall(r'"((?:tka|process)_[a-z_]+)"', path.read_text()))
    asked = " ".join([*queries(), *(rule["expr"] for group in alerts(template)["groups"] for rule in group["rules"])])
    for name in re.findall(r"\b((?:tka|process)_[a-z_]+)", asked):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in exposed, name
