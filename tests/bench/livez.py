"""livez.py - how fast tka-server answers the simplest request of all, where wrk is installed."""

import re
import shutil

from daemons import SERVER_HEALTH
from host import NAMESPACES, RigError, command
from results import Result, rounded

SECONDS, CONNECTIONS = 5, 16


def measure(rig, _):
    if not shutil.which("wrk"):
        return
    url = f"http://{SERVER_HEALTH[0]}:{SERVER_HEALTH[1]}/livez"
    text = command("nsenter", f"--net={NAMESPACES / rig.host.namespace('hub')}", "--", "wrk",
                   "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "--latency", url)
    rate = re.search(r"Requests/sec: +([\d.]+)", text)
    if not rate or "Non-2xx" in text:
        raise RigError(f"wrk: {text.strip()}")
    yield Result(f"/livez of tka-server, {CONNECTIONS} connections", rounded(float(rate[1])),
                 "requests/s")
