"""What the daemons that run may still do to the machine: next to nothing, whoever they run as."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import tempfile

import pytest

from daemons import DAEMONS
from needed import missing
from own_daemon import URL, VERBS, change, config_of, own_daemon
from stand_in_localapi import StandInLocalApi

EVERY_DAEMON = pytest.mark.parametrize("name", DAEMONS)
NOBODY = "65534"

# PROGRAM VERB --config FILE as nobody in particular, from a folder that it may read.
AS_NOBODY = ('cp "$2" "$1/program" && cp "$5" "$1/config.yaml" && chown -R "$0:$0" "$1" && '
             'exec setpriv --reuid="$0" --regid="$0" --clear-groups --inh-caps=-all --bounding-set=-all '
             '"$1/program" "$3" --config "$1/config.yaml"')


def facts_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(re.findall(r"^(\w+):\s+(.*)$", text, re.M))


def check_confined(pid):
    facts = facts_of(pid)
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2", facts
    assert facts["Threads"] == "1", "one loop and no threads"
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.M), limits


@EVERY_DAEMON
def test_every_daemon_of_the_rig_is_confined(world, name):
    check_confined(world.daemon_pids()[name])


@pytest.fixture
def folder():
    """One that everybody can get to, wherever the repository is."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="tka-nobody-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def bring_kubeconfig(world, program, folder):
    """The daemon's own, with all that it names in the folder."""
    source = world.folder / program.removeprefix("tka-")
    value = json.loads((source / "kubeconfig").read_text())
    value["clusters"][0]["cluster"]["certificate-authority"] = str(folder / "ca.crt")
    value["users"][0]["user"]["tokenFile"] = str(folder / "token")
    (folder / "kubeconfig").write_text(json.dumps(value))
    for name in ("ca.crt", "token"):
        shutil.copy(source / name, folder / name)
    return str(folder / "kubeconfig")


@pytest.mark.parametrize("program", VERBS)
def test_a_daemon_needs_no_privilege_of_its_user(world, folder, program):
    if pathlib.Path("/proc/self/uid_map").read_text().split()[2] == "1":
        missing("without root there is no other user to become")
    config = config_of(world, program, kubernetes__kubeconfig=bring_kubeconfig(world, program, folder))
    with contextlib.ExitStack() as stack:
        if program == "tka-server":
            (folder / "run").mkdir()
            api = StandInLocalApi(folder / "run/s", world.rig.tailnet.socket("tka"))
            stack.callback(api.stop)
            os.chmod(folder / "run/s", 0o666)
            config = change(config, {"tailscale.socket": str(folder / "run/s")})
        daemon = stack.enter_context(own_daemon(world, program, config,
                                                wrap=["sh", "-c", AS_NOBODY, NOBODY, folder]))
        daemon.await_status(200)
        facts = facts_of(daemon.process.pid)
        check_confined(daemon.process.pid)
        assert facts["Uid"].split() == [NOBODY] * 4 and not int(facts["CapBnd"], 16), facts
        assert world.ask("alice", "POST", "credential", url=URL if program == "tka-server" else
                         "http://tka:8123").status == 200
