"""commands.py - what people wait for at a prompt: the commands that ask nobody, against /bin/true, and a whole login."""

import json
import time

from plugin import TRUE, sign_in, sign_out
from results import Result, compare, quantile, rounded
from spawning import in_pairs, run
from tailnet import PORT

COUNTS = 200, 20
LOGINS, LOGIN_WARM_UP = 40, 3
LOGIN_LIMIT_MS = 60  # on a machine that is not idle it says little: the load is printed beside it
# What a prompt, a person and a Tab key run: each at most twice as long as a process that does nothing.
LIGHT = {"kubectl-tka --help": ["--help"], "kubectl-tka status": ["status"],
         "kubectl-tka login --help": ["login", "--help"], "completion of a cluster": ["__complete", "login", ""],
         "completion of a role": ["__complete", "login", "--role", ""], "completion of a command": ["__complete", "lo"]}
ASKED = ("/cluster-info", "/credential")


def measure_light(rig, programs):
    program = rig.built() / "kubectl-tka"
    sign_in(rig)
    try:
        for name, words in LIGHT.items():
            run(rig, program, *words)  # it must succeed
            pairs = in_pairs(rig, programs, COUNTS, [program, *words], [TRUE])
            yield from compare(name, pairs.one, pairs.other, TRUE, 2)
    finally:
        sign_out(rig)


def server_ms(rig, seen):
    """What the server spent on a login's requests since, by its own log; and how much of that is read now."""
    text = (rig.folder / "log/server.log").read_text(errors="replace")
    events = [json.loads(line) for line in text[seen:].splitlines() if '"msg":"request"' in line]
    return sum(float(event["duration_ms"]) for event in events if event["route"].endswith(ASKED)), len(text)


def time_run(rig, *argv):
    began = time.monotonic()
    run(rig, *argv)
    return (time.monotonic() - began) * 1000


def measure_login(rig):
    """A new session each time. Entering the node's namespace is no part of it: it is measured beside it, and taken off."""
    rounds = []
    for _ in range(LOGIN_WARM_UP + LOGINS):
        seen = server_ms(rig, 0)[1]
        entering = time_run(rig, TRUE)
        whole = time_run(rig, rig.built() / "kubectl-tka", "login", f"http://tka:{PORT}", "--cache", "file")
        rounds.append((whole - entering, server_ms(rig, seen)[0], entering))
        sign_out(rig)
    whole, server, entering = zip(*rounds[LOGIN_WARM_UP:])
    yield Result("login with a new session, median", rounded(quantile(whole, 0.5)), "ms", limit=LOGIN_LIMIT_MS)
    yield Result("login with a new session, p99", rounded(quantile(whole, 0.99)), "ms")
    yield Result("login, of which the server, median", rounded(quantile(server, 0.5)), "ms")
    yield Result("entering the rig's node, taken off", rounded(quantile(entering, 0.5)), "ms", TRUE)


def measure(rig, programs):
    yield from measure_light(rig, programs)
    yield from measure_login(rig)
