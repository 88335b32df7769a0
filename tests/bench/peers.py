"""peers.py - what the plugin costs kubectl, beside a static token and the quickest other plugin in the registries.

That is kubelogin with a token in its cache: Azure's kubelogin, aws-iam-authenticator and pinniped take twice to six
times as long. Google's plugin is quicker and in no registry: it comes with a vendor's own package of 100 MB.
"""

import contextlib
import json

import yaml

import clients
import keyring_hit
from host import RigError
from plugin import check_answer, sign_in, sign_out, time_hits
from results import compare
from spawning import in_pairs, run

ROUNDS, WARM_UP = 200, 4
HITS, HITS_WARM_UP = 200, 10
V1 = "client.authentication.k8s.io/v1"
ISSUER = "https://127.0.0.1:1"  # never asked: the token is cached


def make_kubelogin(rig):
    """kubelogin with a token in its cache: its command line. It names its cache entry by a hash of its own,
    and the lock of a first run, which finds nothing, shows it."""
    home = rig.home("alice")
    folder = home / "kubelogin"
    argv = [*clients.obtain("kubelogin", rig.say), "get-token", "--oidc-issuer-url", ISSUER,
            "--oidc-client-id", "bench", "--token-cache-dir", str(folder), "--grant-type", "client-credentials"]
    with contextlib.suppress(RigError):
        run(rig, *argv)
    locks = list(folder.glob("*.lock"))
    if len(locks) != 1:
        raise RigError(f"kubelogin left {len(locks)} locks in {folder}, not one")
    return argv, locks[0].with_suffix("")


def fill_kubelogin(path, token):
    path.write_text(json.dumps({"id_token": token}))
    path.chmod(0o600)


def exec_user(command, args):
    return {"exec": {"apiVersion": V1, "interactiveMode": "Never", "command": command, "args": args}}


def write_kubeconfigs(rig, token, kubelogin):
    """Users of one cluster: ours, one with a static token, one with kubelogin. Name -> file."""
    home = rig.home("alice")
    ours = yaml.safe_load((home / ".kube/config").read_text())
    answer = home / "bench-answer"
    answer.write_text(json.dumps({"apiVersion": V1, "kind": "ExecCredential", "status": {"token": token}}))
    answer.chmod(0o600)
    users = {"plugin": ours["users"][0]["user"], "token": {"token": token},
             "kubelogin": exec_user(kubelogin[0], kubelogin[1:]), "cat": exec_user("cat", [str(answer)])}
    paths = {}
    for name, user in users.items():
        value = {**ours, "current-context": ours["contexts"][0]["name"],
                 "users": [{"name": ours["users"][0]["name"], "user": user}]}
        paths[name] = home / f"bench-{name}"
        paths[name].write_text(json.dumps(value))
        paths[name].chmod(0o600)
    return paths


def kubectl(rig, path):
    return [str(rig.folder / "bin/kubectl"), "--kubeconfig", str(path), "get", "--raw", "/version"]


def measure_kubectl(rig, programs, paths):
    """Interleaved two by two; how much one costs over a static token is what counts. cat, which does
    nothing but answer, shows what kubectl itself spends on any plugin."""
    for name, words, limit in (("plugin", "kubectl-tka", 1.05), ("cat", "cat", None), ("kubelogin", "kubelogin", None)):
        words = f"kubectl get --raw /version, {words}"
        pairs = in_pairs(rig, programs, (ROUNDS, WARM_UP), kubectl(rig, paths[name]), kubectl(rig, paths["token"]))
        yield from compare(words, pairs.one, pairs.other, "static token", limit, (("median", 0.5),))


def measure_files(rig, programs):
    """Beside kubelogin, and under kubectl beside a static token; gives kubelogin's command line on."""
    argv = sign_in(rig)
    try:
        token = json.loads(run(rig, *argv).stdout)["status"]["token"]
        kubelogin, entry = make_kubelogin(rig)
        fill_kubelogin(entry, token)
        check_answer(rig, kubelogin)
        paths = write_kubeconfigs(rig, token, kubelogin)
        pairs = time_hits(rig, programs, (HITS, HITS_WARM_UP), argv, kubelogin)
        yield from compare("credential from a file beside kubelogin", pairs.one, pairs.other, "kubelogin, cached",
                           0.6, (("median", 0.5),))
        yield from measure_kubectl(rig, programs, paths)
    finally:
        sign_out(rig)
    return kubelogin


def measure(rig, programs):
    kubelogin = yield from measure_files(rig, programs)
    yield from keyring_hit.measure(rig, programs, kubelogin)
