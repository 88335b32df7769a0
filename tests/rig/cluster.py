"""cluster.py - etcd, kube-apiserver, kube-controller-manager, and what is applied to them."""

import json
import pathlib
import secrets
import ssl

from host import HUB_ADDRESS, RigError, Service, ask, command, wait_until

API = (HUB_ADDRESS, 6443)
SERVER = f"https://{API[0]}:{API[1]}"
ETCD = ("127.0.0.3", 2379)       # not 127.0.0.1: peers in the tailnet reach that one
CONTROLLERS = ("127.0.0.3", 10257)
SESSIONS, RELEASE = "tka", "tka-system"
ROLES = ("view", "limited-edit", "edit", "admin-readonly", "admin", "cluster-admin")
NODE_USER = "system:node:rig"
TOKEN_SECONDS = 12 * 3600

# Identities that log in with a token from a file: user -> groups.
IDENTITIES = {
    "admin": ("admin", "system:masters"),
    "node": (NODE_USER, "system:nodes"),
    "kcm": ("system:kube-controller-manager", ""),
}

AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
                "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}

# A kubelet may ask for the tokens of the pods it runs; ours runs the two daemons.
RIG_OBJECTS = [
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SESSIONS}},
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": RELEASE}},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
     "metadata": {"name": "rig-node", "namespace": RELEASE},
     "rules": [{"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
     "metadata": {"name": "rig-node", "namespace": RELEASE},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "rig-node"},
     "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": NODE_USER}]},
]


def with_rig_values(text):
    """Manifests as delivered list the one default role and sessions of a minute; the rig has more
    roles, and sessions that tests can wait for the end of."""
    listed = ", ".join(ROLES)
    quoted = ", ".join(f"'{role}'" for role in ROLES)
    for old, new in (("resourceNames: [view]", f"resourceNames: [{listed}]"),
                     ("['view']", f"[{quoted}]"), ("duration('1m')", "duration('1s')"),
                     ('["view"]', f"[{quoted}]".replace("'", '"'))):
        text = text.replace(old, new)
    return text


class Cluster:
    """The Kubernetes of one rig; with a name, another one beside it, which has its etcd in common."""

    def __init__(self, host, repository, name="", api=API):
        self.host = host
        self.repository = repository
        self.name, self.api, self.server = name, api, f"https://{api[0]}:{api[1]}"
        self.prefix = f"{name}-" if name else ""
        self.folder = host.folder / f"{self.prefix}cluster"
        self.programs = host.folder / "bin"

    # --- services ---

    def services(self):
        yield Service("etcd", "hub", self.etcd_argv(), self.etcd_is_healthy)
        yield self.apiserver()
        yield Service("kcm", "hub", self.kcm_argv(), self.kcm_is_healthy, patience_seconds=60)

    def apiserver(self):
        return Service(f"{self.prefix}apiserver", "hub", self.apiserver_argv(), self.api_is_ready,
                       patience_seconds=90)

    def etcd_argv(self):
        client = f"http://{ETCD[0]}:{ETCD[1]}"
        peer = f"http://{ETCD[0]}:{ETCD[1] + 1}"
        return [self.programs / "etcd", "--name=rig", f"--data-dir={self.host.folder}/etcd",
                "--unsafe-no-fsync", "--log-level=warn",
                f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
                f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}",
                f"--initial-cluster=rig={peer}"]

    def apiserver_argv(self):
        at = self.folder
        return [self.programs / "kube-apiserver", f"--etcd-servers=http://{ETCD[0]}:{ETCD[1]}",
                f"--etcd-prefix=/{self.name or 'registry'}",
                f"--bind-address={self.api[0]}", f"--advertise-address={self.api[0]}",
                f"--secure-port={self.api[1]}", "--endpoint-reconciler-type=none",
                f"--tls-cert-file={at}/apiserver.crt", f"--tls-private-key-file={at}/apiserver.key",
                f"--token-auth-file={at}/tokens.csv", f"--client-ca-file={at}/ca.crt", "--authorization-mode=RBAC",
                f"--service-account-key-file={at}/accounts.key",
                f"--service-account-signing-key-file={at}/accounts.key",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-cluster-ip-range=10.0.0.0/24", f"--cert-dir={at}",
                f"--audit-policy-file={at}/audit-policy.yaml",
                f"--audit-log-path={self.host.folder}/{self.prefix}audit.log",
                "--audit-log-maxsize=2000"]  # no test looks for a line that a rotation has just taken away

    def kcm_argv(self):
        at = self.folder
        config = at / "kcm.kubeconfig"
        controllers = ("serviceaccount-controller,serviceaccount-token-controller,"
                       "root-ca-certificate-publisher-controller,namespace-controller,"
                       "garbage-collector-controller,clusterrole-aggregation-controller,"
                       "validatingadmissionpolicy-status-controller")
        return [self.programs / "kube-controller-manager", f"--kubeconfig={config}",
                f"--authentication-kubeconfig={config}", f"--authorization-kubeconfig={config}",
                "--authentication-skip-lookup", "--use-service-account-credentials",
                f"--service-account-private-key-file={at}/accounts.key",
                f"--root-ca-file={at}/ca.crt", "--leader-elect=false",
                f"--controllers={controllers}",
                f"--bind-address={CONTROLLERS[0]}", f"--secure-port={CONTROLLERS[1]}",
                f"--tls-cert-file={at}/apiserver.crt", f"--tls-private-key-file={at}/apiserver.key"]

    def etcd_is_healthy(self):
        return ask(self.host.http("hub", ETCD, timeout=1), "/health")[0] == 200

    def api_is_ready(self):
        return self.call("/readyz", timeout=1)[0] == 200

    def kcm_is_healthy(self):
        trust = ssl.create_default_context(cafile=self.folder / "ca.crt")
        return ask(self.host.http("hub", CONTROLLERS, trust, 1), "/healthz")[0] == 200

    # --- the API ---

    def call(self, path, method="GET", body=None, identity="admin", timeout=10, more=None):
        """(status, value) of one request to the API server as one of IDENTITIES."""
        trust = ssl.create_default_context(cafile=self.folder / "ca.crt")
        token = (self.folder / f"{identity}.token").read_text().strip()
        status, answer = ask(self.host.http("hub", self.api, trust, timeout), path, method,
                             json.dumps(body) if body is not None else None,
                             {"Authorization": "Bearer " + token,
                              "Content-Type": "application/json", **(more or {})})
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer.decode(errors="replace")

    def kubectl(self, *argv, text=None):
        """kubectl as admin."""
        return command("nsenter", f"--net=/run/netns/{self.host.namespace('hub')}", "--",
                       self.programs / "kubectl", f"--kubeconfig={self.admin_kubeconfig()}",
                       f"--cache-dir={self.folder}/kubectl-cache", *argv, text=text)

    def admin_kubeconfig(self):
        return self.folder / "admin.kubeconfig"

    # --- bring-up ---

    def configure(self):
        self.folder.mkdir(mode=0o700)
        self.make_certificates()
        rows = []
        for name, (user, groups) in IDENTITIES.items():
            token = secrets.token_hex(16)
            write_private(self.folder / f"{name}.token", token + "\n")
            rows.append(f'{token},{user},{user},"{groups}"\n')
            self.write_kubeconfig(self.folder / f"{name}.kubeconfig", self.folder / f"{name}.token",
                                  "default")
        write_private(self.folder / "tokens.csv", "".join(rows))
        (self.folder / "audit-policy.yaml").write_text(json.dumps(AUDIT_POLICY))

    def make_certificates(self):
        at = self.folder
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        command("openssl", "req", "-x509", *curve, "-days", "30", "-subj", "/CN=rig",
                "-keyout", at / "ca.key", "-out", at / "ca.crt")
        command("openssl", "req", "-new", *curve, "-subj", "/CN=kube-apiserver",
                "-keyout", at / "apiserver.key", "-out", at / "apiserver.csr")
        names = at / "names"
        names.write_text("extendedKeyUsage=serverAuth\nsubjectAltName="
                         f"IP:{self.api[0]},IP:127.0.0.1,IP:{CONTROLLERS[0]},IP:10.0.0.1,"
                         "DNS:kubernetes.default.svc,DNS:kubernetes.default,DNS:localhost\n")
        command("openssl", "x509", "-req", "-in", at / "apiserver.csr", "-days", "30",
                "-CA", at / "ca.crt", "-CAkey", at / "ca.key", "-CAcreateserial",
                "-extfile", names, "-out", at / "apiserver.crt")
        command("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048",
                "-out", at / "accounts.key")

    def write_kubeconfig(self, path, token, namespace):
        write_private(path, json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "rig",
            "clusters": [{"name": "rig", "cluster": {
                "server": self.server, "certificate-authority": str(self.folder / "ca.crt")}}],
            "users": [{"name": "rig", "user": {"tokenFile": str(token)}}],
            "contexts": [{"name": "rig", "context": {
                "cluster": "rig", "user": "rig", "namespace": namespace}}],
        }, indent=2) + "\n")

    def apply(self):
        """Everything the product delivers for the API server, with the rig's list of roles."""
        text = "---\n".join(json.dumps(each) + "\n" for each in RIG_OBJECTS)
        found = {}
        for folder in ("schema/crd", "deploy/rbac", "deploy/policies"):
            found[folder] = sorted((self.repository / folder).glob("*.yaml"))
            for path in found[folder]:
                text += "---\n" + with_rig_values(path.read_text()) + "\n"
        self.kubectl("apply", "--server-side", "-f", "-", text=text)
        if found["schema/crd"]:
            self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
        wait_until("the cluster role view", self.view_is_filled, 30)
        if found["deploy/policies"]:
            wait_until("the admission policies", self.policies_hold, 30)

    def view_is_filled(self):
        status, role = self.call("/apis/rbac.authorization.k8s.io/v1/clusterroles/view")
        return status == 200 and bool(role.get("rules"))

    def policies_hold(self):
        """The last policy applied lets no session user write where the sessions are. Asked as an
        admin who claims to be one, with all that impersonation can fake, and without writing."""
        status, answer = self.call(
            f"/api/v1/namespaces/{SESSIONS}/configmaps?dryRun=All", "POST",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}},
            more={"Impersonate-User": f"system:serviceaccount:{SESSIONS}:tka-user-probe",
                  "Impersonate-Group": "system:masters",
                  "Impersonate-Extra-authentication.kubernetes.io%2Fcredential-id": "probe"})
        return status in (403, 422) and "ValidatingAdmissionPolicy" in str(answer)

    def give_token(self, account, folder):
        """A token for a daemon, asked for as the kubelet of its pod would, where a pod sees it."""
        folder.mkdir(exist_ok=True)
        path = f"/api/v1/namespaces/{RELEASE}/serviceaccounts/{account}/token"
        status, answer = self.call(path, "POST", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS}}, identity="node")
        if status != 201:
            raise RigError(f"a token for {RELEASE}/{account}: {status} "
                           f"{answer.get('message') if isinstance(answer, dict) else answer}")
        write_private(folder / "token", answer["status"]["token"])
        write_private(folder / "ca.crt", (self.folder / "ca.crt").read_text())
        write_private(folder / "namespace", RELEASE)
        self.write_kubeconfig(folder / "kubeconfig", folder / "token", RELEASE)


def write_private(path, text):
    path = pathlib.Path(path)
    path.touch(0o600)
    path.chmod(0o600)
    path.write_text(text)
