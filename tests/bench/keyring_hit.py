"""keyring_hit.py - a credential answered from a real gnome-keyring, against /bin/true and kubelogin."""

import contextlib
import pathlib
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from host import RigError  # noqa: E402
from plugin import RESIDENT_MIB, TRUE, sign_in, sign_out, time_hits  # noqa: E402
from results import Result, compare, rounded  # noqa: E402
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


def measure(rig, programs, kubelogin):
    """kubelogin: the command line of one that answers from its cache."""
    counts, name = (ROUNDS, WARM_UP), "credential from the keyring"
    with keyring() as ring:
        argv = sign_in(rig, "keyring", ring.env)
        try:
            if ring.items() != 1:
                raise RigError("the token is not in the keyring")
            true = time_hits(rig, programs, counts, argv, [TRUE], ring.env)
            beside = time_hits(rig, programs, counts, argv, kubelogin, ring.env)
        finally:
            sign_out(rig, ring.env)
    medians = (("median", 0.5),)
    yield from compare(name, true.one, true.other, TRUE, 3, medians)
    yield from compare(f"{name} beside kubelogin", beside.one, beside.other, "kubelogin, cached", 0.6, medians)
    yield Result(f"{name}, most resident", rounded(true.resident), "MiB", None, RESIDENT_MIB)
