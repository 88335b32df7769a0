"""plugin.py - kubectl-tka credential answered from the file cache, against /bin/true."""

import json
import re
import subprocess

import yaml

from host import RigError
from results import Result, compare, rounded
from tailnet import PORT

ROUNDS, WARM_UP = 400, 20
TRUE = "/bin/true"


def run(rig, *argv):
    done = subprocess.run(rig.node_argv("alice", [str(word) for word in argv]),
                          env=rig.node_env("alice"), capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise RigError(f"{argv[0]}: {done.stderr.strip() or done.returncode}")
    return done


def sign_in(rig):
    """Signs alice in; what her kubeconfig then has kubectl run, in full."""
    run(rig, rig.built() / "kubectl-tka", "login", f"http://tka:{PORT}", "--cache", "file")
    config = yaml.safe_load((rig.home("alice") / ".kube/config").read_text())
    stanza = config["users"][0]["user"]["exec"]
    return [str(rig.built() / stanza["command"]), *stanza["args"]]


def check_hit(rig, argv):
    """It must answer with a token, and without the program that talks to the network."""
    answer = json.loads(run(rig, *argv).stdout)
    if not answer["status"]["token"]:
        raise RigError(f"{argv[0]} gave no token")


def libraries(rig, argv):
    """How many the dynamic linker maps on a hit, those opened later among them."""
    report = run(rig, "env", "LD_DEBUG=files", *argv).stderr
    if "kubectl-tka-remote" in report:
        raise RigError("kubectl-tka-remote was run: this is no hit")
    return len(set(re.findall(r"calling init: (\S+)", report)))


def in_turns(rig, programs, argv):
    """([nanoseconds of ours], [of /bin/true], (KiB of ours, of /bin/true))"""
    done = run(rig, programs / "spawn", WARM_UP + ROUNDS, *argv, "--", TRUE)
    *rounds, resident = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    ours, theirs = zip(*rounds[WARM_UP:])
    return ours, theirs, resident


def measure(rig, programs):
    argv = sign_in(rig)
    try:
        check_hit(rig, argv)
        ours, theirs, resident = in_turns(rig, programs, argv)
        check_hit(rig, argv)
        mapped = libraries(rig, argv)
        mapped_by_true = libraries(rig, [TRUE])
    finally:
        run(rig, rig.built() / "kubectl-tka", "logout")
    yield from compare("cached credential", [each / 1000 for each in ours],
                       [each / 1000 for each in theirs], TRUE, 1.3)
    yield Result("cached credential, most resident", rounded(resident[0] / 1024), "MiB")
    yield Result(f"{TRUE}, most resident", rounded(resident[1] / 1024), "MiB")
    yield Result("cached credential, libraries mapped", mapped, "count")
    yield Result(f"{TRUE}, libraries mapped", mapped_by_true, "count")
