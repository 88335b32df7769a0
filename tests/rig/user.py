"""user.py - the rig without root: all of it in a user namespace that one process holds open."""

import contextlib
import os
import select
import subprocess
import sys

from host import RigError, claim_folder, end_processes, process_start

HOLD = ("mount -t tmpfs rig /run && mkdir /run/netns && echo ready && "
        "exec sleep infinity >/dev/null 2>&1")


def enter(folder, create):
    """Runs this command again inside the rig's user namespace; returns only if there is none."""
    holder = find_holder(folder) or (start_holder(folder) if create else None)
    if holder is None:
        return
    os.execvp("nsenter", ["nsenter", f"--target={holder}", "--user", "--preserve-credentials",
                          "--net", "--mount", "--wd=.", "--", sys.executable, *sys.argv])


def find_holder(folder):
    """The pid of a process whose namespaces are the rig's: the holder, or any service that runs."""
    records = [folder / "holder"]
    with contextlib.suppress(OSError):
        records += sorted((folder / "pids").iterdir())
    if not records[0].exists():
        return None
    for record in records:
        with contextlib.suppress(OSError, ValueError):
            pid, start = map(int, record.read_text().split())
            if process_start(pid) == start:
                return pid
    return None


def start_holder(folder):
    claim_folder(folder)
    holder = subprocess.Popen(
        ["unshare", "--map-root-user", "--net", "--mount", "--propagation", "private",
         "sh", "-c", HOLD],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True)
    ready = select.select([holder.stdout], [], [], 10)[0] and holder.stdout.readline()
    if ready != "ready\n":
        holder.kill()
        words = holder.communicate()[1].strip().replace("\n", "; ")
        raise RigError("without root the rig needs a user namespace, and this machine refuses: "
                       + words)
    (folder / "holder").write_text(f"{holder.pid} {process_start(holder.pid)}\n")
    holder.returncode = 0  # it outlives this program
    return holder.pid


def end_holder(folder):
    """After down: nothing of the rig runs any more, so its namespaces may go too."""
    record = folder / "holder"
    with contextlib.suppress(OSError, ValueError):
        pid, start = map(int, record.read_text().split())
        end_processes([(pid, start)], False, 0)
    record.unlink(missing_ok=True)
