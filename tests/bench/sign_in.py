"""sign_in.py - from POST credential without a session to the token, against the bare API writes."""

import contextlib
import subprocess
import time

from cluster import SESSIONS
from host import RigError, frozen
from results import Result, compare, median, rounded
from tailnet import PORT

ROUNDS, WARM_UP = 200, 10
SETTLE_SECONDS = 0.03  # for what the daemons still have to do when a round is over
STEPS = ("apply of the TkaSignin", "ServiceAccount", "binding", "apply of the status", "token")


class Probe:
    """A process of tests/bench/sign_in.c: one line asked, one round done, one line answered."""

    def __init__(self, rig, programs, node, *arguments):
        argv = rig.node_argv(node, [str(programs / "sign_in"), *map(str, arguments)])
        env = rig.admin_env() if node == "hub" else rig.node_env(node)
        self.process = subprocess.Popen(argv, env=env, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def ask(self):
        """Microseconds of one round."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if not words or self.process.poll() is not None:
            raise RigError(self.process.communicate()[1].strip() or "sign_in ended")
        return [int(word) for word in words]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


def in_turns(session, writes, operator):
    """(microseconds of the sign-ins, of the writes), one of each in every round."""
    ours, theirs = [], []

    def sign_in():
        ours.append(session.ask()[0])

    def write():
        with frozen(operator):  # it would see to the yardstick's objects as well
            theirs.append(writes.ask())
    for i in range(WARM_UP + ROUNDS):
        for turn in (sign_in, write) if i % 2 else (write, sign_in):
            turn()
            time.sleep(SETTLE_SECONDS)
    return ours[WARM_UP:], theirs[WARM_UP:]


def measure(rig, programs):
    url = f"http://{rig.tailnet.address('tka')}:{PORT}"
    kubeconfigs = [rig.folder / name / "kubeconfig" for name in ("server", "operator")]
    operator, _ = rig.host.process("operator")
    with (Probe(rig, programs, "alice", "session", url) as session,
          Probe(rig, programs, "hub", "writes", SESSIONS, *kubeconfigs) as writes):
        ours, theirs = in_turns(session, writes, operator)
    yield from compare("sign-in", ours, [each[0] for each in theirs], "five bare API writes", 1.5)
    for i, step in enumerate(STEPS, 1):
        yield Result(f"bare write: {step}, median",
                     rounded(median([each[i] for each in theirs]) / 1000), "ms")
