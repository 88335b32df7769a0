"""manifests.py - the chart, rendered with its defaults, as plain manifests for kubectl and kustomize."""

import yaml

ENDPOINT = "https://kubernetes.example.com:6443"
HELM_ONLY = ("helm.sh/chart", "app.kubernetes.io/managed-by")
HEAD = "# Made by `make manifests` from deploy/chart; changes belong there.\n"

# File -> what is in it: kinds, and of which part (or any).
FILES = {
    "crds.yaml": (("CustomResourceDefinition",), None),
    "namespaces.yaml": (("Namespace",), None),
    "rbac.yaml": (("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"), None),
    "policies.yaml": (("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"), None),
    "config.yaml": (("ConfigMap",), None),
    "operator.yaml": (("Deployment", "PodDisruptionBudget", "NetworkPolicy"), "tka-operator"),
    "server.yaml": (("Deployment", "PodDisruptionBudget", "NetworkPolicy"), "tka-server"),
    "drain.yaml": (("Job",), "tka-drain"),
}
NOT_APPLIED = ("drain.yaml",)


class Dumper(yaml.SafeDumper):
    """Lists are indented, texts of several lines are written as such."""

    def increase_indent(self, flow=False, indentless=False):
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data):
        return True


def represent_text(dumper, text):
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, represent_text)


def plain(each):
    """An object without what only Helm reads."""
    if isinstance(each, dict):
        return {key: plain(value) for key, value in each.items()
                if key not in HELM_ONLY and not key.startswith("helm.sh/hook")}
    return [plain(value) for value in each] if isinstance(each, list) else each


def strip_annotations(each):
    if each["metadata"].get("annotations") == {}:
        del each["metadata"]["annotations"]
    return each


def sort_into_files(objects):
    """File -> its objects. Refuses an object that has no place."""
    found = {name: [] for name in FILES}
    for each in objects:
        places = [name for name, (kinds, part) in FILES.items()
                  if each["kind"] in kinds and part in (None, each["metadata"]["name"])]
        if len(places) != 1:
            raise ValueError(f"{each['kind']} {each['metadata']['name']} belongs into no file of deploy/manifests")
        found[places[0]].append(strip_annotations(plain(each)))
    return found


def files(rendered, namespaces):
    """File name -> text. namespaces: those that deploy/rbac delivers, of which the chart makes only one."""
    objects = [each for each in yaml.safe_load_all(rendered) if each and each["kind"] != "Namespace"]
    found = sort_into_files([*yaml.safe_load_all(namespaces), *objects])
    texts = {name: HEAD + "---\n".join(dump(each) for each in objects) for name, objects in found.items()}
    texts["kustomization.yaml"] = HEAD + dump({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "resources": [name for name in FILES if name not in NOT_APPLIED]})
    return texts


def dump(value):
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True)
