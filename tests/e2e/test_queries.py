"""A terminal is never asked anything: an answer that nobody reads in time becomes what the person has typed."""

import contextlib
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time

import pytest

from relay import Late
from test_client import false_server  # noqa: F401 (a fixture)
from world import SERVER

FALSE = "http://tka:8125"
BEGIN = r"(?:\x1b\[|\x9b)"
# Everything that makes a terminal write: by ECMA-48, DEC, xterm and those that came after.
QUERY = re.compile("|".join((
    BEGIN + r"[>=?]?[\d;]*c",                 # what it is
    BEGIN + r"\??[\d;]*n",                    # how it is, where the cursor stands
    BEGIN + r"\d*x",                          # its line parameters
    BEGIN + r"\??[\d;]*\$p",                  # one of its modes
    BEGIN + r"[\d;]*\$w",                     # the state of its cursor and tabulators
    BEGIN + r">\d*q",                         # its name and version
    BEGIN + r"\?u",                           # how it tells of keys
    BEGIN + r"\?\d*m",                        # which modifiers it tells of
    BEGIN + r"(?:1[1345689]|2[01])[\d;]*t",   # its size, title and place
    BEGIN + r"[\d;]*\*y",                     # a checksum of what is shown
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*;\?",    # a colour, the clipboard, the font
    "\x1bP", "\x90",                          # a setting, a capability, a picture
    "\x1b_", "\x9f",                          # a picture
    "\x1bZ", "\x9a",                          # what it is, as VT52 and before
    "\x05",                                   # its answerback
)))


def screen_of(world, argv, typed="", prompt=""):
    """All that a command writes to a terminal of which nobody answers a thing, and its exit code. typed: once the
    prompt is there."""
    ours, theirs = os.openpty()
    with contextlib.closing(os.fdopen(ours, "r+b", buffering=0)) as terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        env = {**world.rig.node_env("alice"), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "SHELL": "/bin/bash"}
        line = ["setsid", "--ctty", "--wait", *world.rig.node_argv("alice", argv)]
        with subprocess.Popen([str(word) for word in line], env=env, stdin=theirs, stdout=theirs,
                              stderr=theirs) as process:
            os.close(theirs)
            shown = follow(terminal, typed, prompt)
    return shown.decode("utf-8", "replace"), process.returncode


def follow(terminal, typed, prompt, seconds=20):
    shown, deadline = b"", time.monotonic() + seconds
    while time.monotonic() < deadline:
        if typed and prompt.encode() in shown:
            terminal.write(typed.encode())
            typed = ""
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            piece = terminal.read(65536)
        except OSError:  # its other end is closed
            return shown
        if not piece:
            return shown
        shown += piece
    raise AssertionError(f"it does not end: {shown!r}")


ASKING = ["\x1b[c", "\x1b[0c", "\x1b[>c", "\x1b[=c", "\x1b[5n", "\x1b[6n", "\x1b[?6n", "\x9b6n", "\x1b[?996n", "\x1b[x",
          "\x1b[?2026$p", "\x1b[1$w", "\x1b[>q", "\x1b[>0q", "\x1b[?u", "\x1b[?4m", "\x1b[14t", "\x1b[18t", "\x1b[21t",
          "\x1b[1;1;1;1;1;1*y", "\x1b]11;?\x07", "\x1b]10;?\x1b\\", "\x1b]4;1;?\x07", "\x1b]52;c;?\x07",
          "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\", "\x1b_Gi=1,a=q\x1b\\", "\x1bZ", "\x05"]
TELLING = ["\x1b[0m", "\x1b[1;31m", "\x1b[2K", "\r", "\x1b[?25l", "\x1b[?2004h", "\x1b[4;1H", "\x1b[22;0t",
           "\x1b]0;why? a title\x07", "Is anybody there? n", "5n", "\a"]


@pytest.mark.parametrize("text", ASKING, ids=ascii)
def test_what_asks_a_terminal_is_found(world, text):
    shown, code = screen_of(world, ["printf", "%s", f"before{text}behind"])

    assert code == 0 and QUERY.search(shown), ascii(shown)


@pytest.mark.parametrize("text", TELLING, ids=ascii)
def test_what_only_tells_a_terminal_something_is_not_taken_for_a_question(text):
    assert not QUERY.search(f"before{text}behind")


@pytest.mark.parametrize("argv, code", [
    (["login", SERVER], 0), (["--debug", "login", SERVER], 0), (["login", "http://tka:9"], 3),
    (["login", "--rolle"], 2), (["list"], 0), (["status"], 0), (["status", "--all"], 0), (["doctor"], None), (["access"], 0),
    (["get", "login"], 0), (["config"], 0), (["refresh"], 0), (["logout"], 0), (["--help"], 0),
    (["exec", SERVER, "--role", "view", "--", "true"], 0),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_no_command_asks_the_terminal_anything(world, argv, code):
    world.login("alice", SERVER, "--use")

    shown, status = screen_of(world, ["kubectl-tka", *argv])

    assert shown and (code is None or status == code), shown
    assert not QUERY.search(shown), ascii(shown)


def test_nor_does_one_that_waits(world, false_server):  # noqa: F811
    with false_server.instead("credential", Late(1.5), 1):
        shown, status = screen_of(world, ["kubectl-tka", "login", FALSE])

    assert status == 0 and "waiting for the session" in shown
    assert not QUERY.search(shown), ascii(shown)


def test_nor_does_a_shell(world):
    shown, status = screen_of(world, ["kubectl-tka", "shell", SERVER], "kubectl get ns -o name; exit 3\n", "(tka rig)")

    assert status == 3 and "namespace/tka" in shown and "Signed out of rig" in shown
    assert not QUERY.search(shown), ascii(shown)
