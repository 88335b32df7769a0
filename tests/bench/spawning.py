"""spawning.py - commands run as alice, and two of them started in turns by tests/bench/spawn.c."""

import dataclasses
import json
import subprocess

from host import RigError

# As kubectl calls a plugin, which then notes who was given which token.
EXEC_INFO = {"KUBERNETES_EXEC_INFO": json.dumps({
    "kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1",
    "spec": {"interactive": False}})}


@dataclasses.dataclass
class Pairs:
    """Microseconds of each round, and the most MiB that the one was resident with."""

    one: list
    other: list
    resident: float


def run(rig, *argv, env=None):
    done = subprocess.run(rig.node_argv("alice", [str(word) for word in argv]),
                          env={**rig.node_env("alice"), **(env or {})}, capture_output=True,
                          stdin=subprocess.DEVNULL, text=True, timeout=900, check=False)
    if done.returncode != 0:
        raise RigError(f"{argv[0]}: {done.stderr.strip() or done.returncode}")
    return done


def in_pairs(rig, programs, counts, one, other, env=None):
    """counts: rounds, and those before that do not count."""
    rounds, warm_up = counts
    done = run(rig, programs / "spawn", warm_up + rounds, *one, "--", *other,
               env={**EXEC_INFO, **(env or {})})
    *lines, resident = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    mine, theirs = zip(*lines[warm_up:])
    return Pairs([each / 1000 for each in mine], [each / 1000 for each in theirs],
                 resident[0] / 1024)
