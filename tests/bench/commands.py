"""commands.py - what people wait for at a prompt: the commands that ask nobody, against /bin/true, and a whole login."""

import json
import time

from plugin import TRUE, run, sign_in
from results import Result, compare, quantile, rounded
from spawning import in_pairs
from tailnet import PORT

COUNTS = 200, 20
LOGINS, LOGIN_WARM_UP = 40, 3
# What a prompt, a person and a Tab key run: each at most twice as long as a process that does nothing.
LIGHT = {"kubectl-tka --help": ["--help"], "kubectl-tka status": ["status"],
         "kubectl-tka login --help": ["login", "--help"], "completion of a cluster": ["__complete", "login", ""],
         "completion of a role": ["__complete", "login", "--role", ""], "completion of a command": ["__complete", "lo"]}


def measure_light(rig, programs):
    sign_in(rig)
    try:
        run(rig, rig.built() / "kubectl-tka", "status")
        for name, words in LIGHT.items():
            ours, theirs = in_pairs(rig, programs, COUNTS, [rig.built() / "kubectl-tka", *words], [TRUE])
            yield from compare(name, ours, theirs, TRUE, 2)
    finally:
        run(rig, rig.built() / "kubectl-tka", "logout")


def server_ms(rig, seen):
    """What the server spent on the requests since, by its own log; and how much of the log is read now."""
    text = (rig.folder / "log/server.log").read_text(errors="replace")
    events = [json.loads(line) for line in text[seen:].splitlines() if '"msg":"request"' in line]
    asked = [float(event["duration_ms"]) for event in events if event["route"].endswith(("/credential", "/cluster-info"))]
    return sum(asked), len(text)


def one_login(rig, seen):
    """(milliseconds of the whole command, of the server, how much of the log is read)"""
    argv = [rig.built() / "kubectl-tka", "login", f"http://tka:{PORT}", "--cache", "file"]
    began = time.monotonic()
    run(rig, *argv)
    took = (time.monotonic() - began) * 1000
    server, seen = server_ms(rig, seen)
    run(rig, rig.built() / "kubectl-tka", "logout")
    return took, server, server_ms(rig, seen)[1]


def measure_login(rig):
    """A new session each time. Entering the node's namespace is part of the time, and is measured beside it."""
    seen = server_ms(rig, 0)[1]
    rounds = []
    entering = []
    for _ in range(LOGIN_WARM_UP + LOGINS):
        began = time.monotonic()
        run(rig, TRUE)
        entering.append((time.monotonic() - began) * 1000)
        took, server, seen = one_login(rig, seen)
        rounds.append((took - entering[-1], server))
    whole, server = zip(*rounds[LOGIN_WARM_UP:])
    yield Result("login with a new session, median", rounded(quantile(whole, 0.5)), "ms", "60 ms when nothing else runs")
    yield Result("login with a new session, p99", rounded(quantile(whole, 0.99)), "ms")
    yield Result("login, of which the server, median", rounded(quantile(server, 0.5)), "ms")
    yield Result("login, entering the rig's node, taken off", rounded(quantile(entering, 0.5)), "ms", TRUE)


def measure(rig, programs):
    yield from measure_light(rig, programs)
    yield from measure_login(rig)
