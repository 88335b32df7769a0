"""terminal.py - a real terminal, tmux's, in which a person of the rig types."""

import os
import re
import shlex
import subprocess

from world import eventually

COLUMNS, LINES = 100, 30


def told(argv):
    """argv, and then its exit status on the screen: tmux itself does not always know it."""
    return ["sh", "-c", 'trap : INT; "$@"; echo "ended=$?"', "told", *argv]


class Terminal:
    """One tmux server with one pane. argv runs as that node's user; the pane stays when it ends."""

    count = 0

    def __init__(self, world, node, argv, env=None):
        Terminal.count += 1
        self.socket = world.folder / f"tmux-{os.getpid()}-{Terminal.count}"
        line = shlex.join(str(word) for word in world.rig.node_argv(node, argv))
        self.env = {**world.rig.node_env(node), "TERM": "xterm", "LC_ALL": "C.UTF-8", **(env or {})}
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", COLUMNS, "-y", LINES, "sleep 600",
                  ";", "set-option", "-g", "remain-on-exit", "on",
                  ";", "set-option", "-g", "default-terminal", "screen",
                  ";", "respawn-pane", "-k", f"exec {line}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)
        self.socket.unlink(missing_ok=True)

    def tmux(self, *words, check=True):
        done = subprocess.run(["tmux", "-S", self.socket, *map(str, words)], env=self.env,
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def type(self, line):
        """A line and Enter."""
        self.tmux("send-keys", "-l", line, ";", "send-keys", "Enter")

    def press(self, key):
        self.tmux("send-keys", key)

    def resize(self, columns, lines):
        self.tmux("resize-window", "-x", columns, "-y", lines)

    def hang_up(self):
        """As when the window is closed."""
        self.tmux("kill-session", check=False)

    def screen(self):
        return self.tmux("capture-pane", "-p", "-J", "-S", "-")

    def await_text(self, pattern, seconds=15):
        """Waits until a line of the screen matches; gives the match."""
        try:
            return eventually(f"/{pattern}/ on the screen",
                              lambda: re.search(pattern, self.screen(), re.MULTILINE), seconds)
        except Exception as err:
            raise AssertionError(f"{err}; there is:\n{self.screen()}") from None

    def status(self):
        """The exit status of what told() wrapped, once it has ended."""
        return int(self.await_text(r"^ended=(\d+)$", 30)[1])
