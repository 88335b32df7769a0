"""plugin.py - kubectl-tka credential answered from files, against /bin/true, and what a miss asks of the server."""

import json
import re

import yaml

from host import RigError
from results import Result, compare, rounded
from spawning import in_pairs, run
from tailnet import PORT

ROUNDS, WARM_UP = 400, 20
TRUE = "/bin/true"
# Where the token lies -> how it is called in the table.
PLACES = {"runtime": "credential from the runtime folder", "file": "credential from a file"}
RESIDENT_MIB = 2.5


def sign_in(rig, cache="file", env=None):
    """Signs alice in; what her kubeconfig then has kubectl run, in full."""
    run(rig, rig.built() / "kubectl-tka", "login", f"http://tka:{PORT}", "--cache", cache, env=env)
    config = yaml.safe_load((rig.home("alice") / ".kube/config").read_text())
    stanza = config["users"][0]["user"]["exec"]
    return [str(rig.built() / stanza["command"]), *stanza["args"]]


def sign_out(rig, env=None):
    run(rig, rig.built() / "kubectl-tka", "logout", env=env)


def asked(rig):
    """How often the server was asked for a credential."""
    return (rig.folder / "log/server.log").read_text().count('"/api/v1alpha1/credential"')


def check_answer(rig, argv, env=None):
    if not json.loads(run(rig, *argv, env=env).stdout)["status"]["token"]:
        raise RigError(f"{argv[0]} gave no token")


def time_hits(rig, programs, counts, argv, other, env=None):
    """in_pairs() of what is answered from the cache alone."""
    before = asked(rig)
    check_answer(rig, argv, env)
    pairs = in_pairs(rig, programs, counts, argv, other, env)
    check_answer(rig, argv, env)
    if asked(rig) != before:
        raise RigError("the server was asked: these were no hits")
    return pairs


def libraries(rig, argv):
    """How many the dynamic linker maps on a hit, those opened later among them."""
    report = run(rig, "env", "LD_DEBUG=files", *argv).stderr
    if "kubectl-tka-remote" in report:
        raise RigError("kubectl-tka-remote was run: this is no hit")
    return len(set(re.findall(r"calling init: (\S+)", report)))


def measure_hits(rig, programs, cache):
    name = PLACES[cache]
    argv = sign_in(rig, cache)
    pairs = time_hits(rig, programs, (ROUNDS, WARM_UP), argv, [TRUE])
    yield from compare(name, pairs.one, pairs.other, TRUE, 1.3)
    yield Result(f"{name}, most resident", rounded(pairs.resident), "MiB", None, RESIDENT_MIB)
    yield Result(f"{name}, libraries mapped", libraries(rig, argv), "count", None, 0)


def measure_miss(rig, name, argv):
    before = asked(rig)
    check_answer(rig, argv)
    yield Result(f"credential, {name}: requests", asked(rig) - before, "count", None, 1)


def measure_misses(rig):
    argv = sign_in(rig)
    run(rig, "rm", "-r", rig.home("alice") / ".cache/tka")
    yield from measure_miss(rig, "session without a token here", argv)
    sign_out(rig)
    run(rig, "rm", "-r", rig.home("alice") / ".local/state/tka")
    yield from measure_miss(rig, "no session", argv)


def measure(rig, programs):
    try:
        for cache in PLACES:
            yield from measure_hits(rig, programs, cache)
        yield from measure_misses(rig)
    finally:
        sign_out(rig)
