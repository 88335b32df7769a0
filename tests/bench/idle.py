"""idle.py - the memory of tka-server and tka-operator when nobody asks them for anything."""

import pathlib
import re
import time

from daemons import DAEMONS
from results import Result, rounded

SETTLE_SECONDS = 5
LIMITS = (("resident", 14), ("private", 4))


def read_mib(pid):
    """(resident, private) of a process."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    kib = {name: int(value) for name, value in re.findall(r"^(\w+): +(\d+) kB$", text, re.M)}
    return kib["Rss"] / 1024, (kib["Private_Clean"] + kib["Private_Dirty"]) / 1024


def read_all(rig):
    return {name: read_mib(rig.host.process(name)[0]) for name in DAEMONS}


def measure(rig, _):
    """As they are once they are up and left alone: this comes before anything else."""
    time.sleep(SETTLE_SECONDS)
    for name, amounts in read_all(rig).items():
        for (what, limit), amount in zip(LIMITS, amounts):
            yield Result(f"{DAEMONS[name][0]} ({name}) idle, {what}", rounded(amount), "MiB", None,
                         limit)


def measure_after(rig, _):
    """The same after all the others were measured."""
    time.sleep(SETTLE_SECONDS)
    for name, amounts in read_all(rig).items():
        for (what, _), amount in zip(LIMITS, amounts):
            yield Result(f"{DAEMONS[name][0]} ({name}) after the load, {what}", rounded(amount),
                         "MiB")
