"""keyring_hit.py - a credential answered from a real gnome-keyring, against /bin/true and kubelogin."""

import contextlib
import json
import pathlib
import sys
import tempfile

import yaml

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from host import RigError  # noqa: E402
from plugin import TRUE, run  # noqa: E402
from results import compare  # noqa: E402
from spawning import in_pairs  # noqa: E402
from tailnet import PORT  # noqa: E402
from test_keyring import Keyring  # noqa: E402

ROUNDS, WARM_UP = 200, 10


@contextlib.contextmanager
def keyring():
    with tempfile.TemporaryDirectory() as folder:
        found = Keyring(pathlib.Path(folder))
        try:
            found.start()
            yield found
        finally:
            found.stop()


def asked(rig):
    """How often the server was asked for a credential."""
    return (rig.folder / "log/server.log").read_text().count('"/api/v1alpha1/credential"')


def sign_in(rig, env):
    """The command line that kubectl then runs, with the bus it finds the keyring on."""
    words = ["env", *[f"{name}={value}" for name, value in env.items()]]
    run(rig, *words, rig.built() / "kubectl-tka", "login", f"http://tka:{PORT}", "--cache", "keyring")
    stanza = yaml.safe_load((rig.home("alice") / ".kube/config").read_text())["users"][0]["user"]["exec"]
    return words, [str(rig.built() / stanza["command"]), *stanza["args"]]


def measure(rig, programs, kubelogin):
    """kubelogin: the command line of one that answers from its cache."""
    with keyring() as ring:
        words, argv = sign_in(rig, ring.env)
        before = asked(rig)
        if ring.items() != 1 or not json.loads(run(rig, *words, *argv).stdout)["status"]["token"]:
            raise RigError("the token is not in the keyring")
        mine, true = in_pairs(rig, programs, (ROUNDS, WARM_UP), argv, [TRUE], ring.env)
        again, other = in_pairs(rig, programs, (ROUNDS, WARM_UP), argv, kubelogin, ring.env)
        if asked(rig) != before:
            raise RigError("the server was asked: these were no hits in the keyring")
    medians = (("median", 0.5),)
    yield from compare("credential from the keyring", mine, true, TRUE, 3, medians)
    yield from compare("credential from the keyring beside kubelogin", again, other, "kubelogin, cached", 0.6, medians)
