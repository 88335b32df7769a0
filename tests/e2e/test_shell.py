"""kubectl tka shell and exec: a session for one shell or program, and nothing of it afterwards."""

import contextlib
import fcntl
import os
import pathlib
import re
import signal
import subprocess
import threading

import pytest

from conftest import TOKEN
from relay import HANG, Until
from terminal import Terminal, told
from test_client import false_server  # noqa: F401
from world import SERVER, eventually

ALICE = "alice@example.com"
OUTER = ["bash", "--norc", "--noprofile"]
EXEC = ["kubectl", "tka", "exec", SERVER, "--"]
# What a script says once a signal finds its traps set.
NOTE = "echo $PPID >$HOME/pid"
SLEEPING = f"trap 'kill $!' TERM; sleep 60 & {NOTE}; wait"


def private_folders(world, node="alice"):
    """What shells have left on disk, or have while they run."""
    return sorted(path for place in ("run/tka/shells", ".cache/tka/shells")
                  for path in (world.home(node) / place).glob("[!.]*"))


def assert_nothing_left(world):
    eventually("the session and its folder gone", lambda: not world.signins(username=ALICE) and not private_folders(world))


def sh(world, script, *flags, code=0, env=None):
    """`exec` of a small script."""
    return world.run("alice", "kubectl", "tka", "exec", SERVER, *flags, "--", "sh", "-c", script, code=code, env=env)


def note_pid(world):
    """The pid that a script wrote with NOTE, once it has: kubectl-tka's."""
    path = world.home("alice") / "pid"
    pid = int(eventually("a pid", lambda: path.exists() and path.read_text().endswith("\n") and path.read_text()))
    path.unlink()
    return pid


def is_running(pid):
    """A zombie is not."""
    return state_of(pid) not in ("Z", None)


def state_of(pid):
    """R, S, T and so on, as proc_pid_stat(5) has it; None of nobody."""
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return None


@contextlib.contextmanager
def running(world, script, *flags, url=SERVER):
    """`exec` of a script with a NOTE in it; gives the process, once it has noted that, and the pid."""
    argv = world.rig.node_argv("alice", ["kubectl", "tka", "exec", url, *flags, "--", "sh", "-c", script])
    process = subprocess.Popen([str(word) for word in argv], env=world.rig.node_env("alice"), text=True,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process, note_pid(world)
    finally:
        process.kill()
        process.communicate()


# --- exec ---

@pytest.mark.parametrize("script, code", [("true", 0), ("exit 7", 7), ("exit 255", 255), ("kill -KILL $$", 137),
                                          ("kill -TERM $$", 143)])
def test_exec_gives_the_programs_exit_status_and_ends_the_session(world, script, code):
    said = sh(world, script, code=code)

    assert said.stderr == ""
    assert_nothing_left(world)


def test_a_program_finds_a_kubeconfig_that_works_and_holds_no_token(world):
    said = sh(world, "cat $KUBECONFIG; kubectl auth can-i list pods; stat -c %a $KUBECONFIG $TKA_SHELL")

    assert said.stdout.endswith("yes\n600\n700\n")
    assert not TOKEN.search(said.stdout.encode()) and "exec:" in said.stdout


def test_a_program_has_our_standard_input_and_arguments_as_they_are(world):
    said = world.run("alice", *EXEC, "sh", "-c", 'cat; printf "<%s>" "$@"', "sh", "a b", "", "--", "-o", text="in\n")

    assert said.stdout == "in\n<a b><><--><-o>"


@pytest.mark.parametrize("program, code, words", [("no-such-program", 127, "No such file"), ("/etc/passwd", 126, "denied")])
def test_what_cannot_be_started_is_named_and_the_session_ended(world, program, code, words):
    said = world.run("alice", *EXEC, program, code=code)

    assert said.stdout == "" and said.stderr.count("\n") == 1 and program in said.stderr and words in said.stderr
    assert_nothing_left(world)


@pytest.mark.parametrize("argv, words", [(["exec"], "no program"), (["exec", SERVER, "ls"], "one word too many"),
                                         (["exec", SERVER, "--"], "no program"), (["shell", "a", "b"], '"b"')])
def test_wrong_usage_signs_nobody_in(world, argv, words):
    said = world.run("alice", "kubectl-tka", *argv, code=2)

    assert words in said.stderr and said.stderr.count("\n") == 1
    assert not world.signins(username=ALICE)


@pytest.mark.parametrize("inner", ["shell", "exec {} -- true"])
def test_one_in_another_is_refused(world, inner):
    said = sh(world, "kubectl tka " + inner.format(SERVER), code=2)

    assert "already" in said.stderr and said.stderr.count("\n") == 1
    assert_nothing_left(world)


def test_a_role_can_be_asked_for(world):
    said = sh(world, "kubectl auth can-i create pods; kubectl config current-context", "--role", "view", code=0)

    assert said.stdout == "no\nrig!view\n"


def test_a_server_that_says_no_leaves_nothing(world):
    said = world.run("carol", "kubectl", "tka", "exec", SERVER, "--", "true", code=4)

    assert said.stderr.count("\n") == 1 and private_folders(world, "carol") == []


@pytest.mark.parametrize("cache, kept", [("auto", 1), ("file", 1), ("none", 0), ("keyring", 0)])
def test_tokens_are_kept_in_the_private_folder_or_nowhere(world, cache, kept):
    said = sh(world, "kubectl auth can-i list pods; ls $TKA_SHELL/run | grep -c json; ls ~/.cache/tka",
              env={"TKA_CACHE": cache}, code=None)

    assert said.stdout.startswith(f"yes\n{kept}\n")
    assert not list(world.home("alice").glob(".cache/tka/*.json"))


def test_without_a_runtime_folder_the_cache_is_the_place(world):
    said = sh(world, "echo $TKA_SHELL; kubectl auth can-i list pods", env={"XDG_RUNTIME_DIR": ""})

    assert "/.cache/tka/shells/" in said.stdout and said.stdout.endswith("yes\n")
    assert_nothing_left(world)


# --- sessions that are used elsewhere, and marks ---

def test_a_login_of_the_same_role_keeps_its_session(world):
    world.login("alice")
    before = world.signin(username=ALICE)["metadata"]["uid"]

    sh(world, "kubectl auth can-i list pods")

    assert world.signin(username=ALICE)["metadata"]["uid"] == before
    assert world.run("alice", "kubectl", "auth", "can-i", "list", "pods").stdout == "yes\n"
    assert private_folders(world) == []


@pytest.mark.parametrize("name", ["config", "another"])
def test_a_login_while_the_shell_runs_keeps_its_session_beyond_it(world, name):
    with running(world, SLEEPING) as (shell, pid):
        before = world.signin(username=ALICE)["metadata"]["uid"]
        world.run("alice", "kubectl", "tka", "login", SERVER, "--kubeconfig", world.home("alice") / ".kube" / name)
        os.kill(pid, signal.SIGTERM)
        shell.wait(20)

    assert world.signin(username=ALICE)["metadata"]["uid"] == before and private_folders(world) == []


def test_the_last_of_two_ends_the_session(world):
    with running(world, SLEEPING) as (first, pid):
        sh(world, "true")
        assert world.signins(username=ALICE)
        os.kill(pid, signal.SIGTERM)
        first.wait(20)
    assert_nothing_left(world)


def test_an_earlier_logout_does_not_keep_a_shell_from_its_session(world):
    world.login("alice")
    world.run("alice", "kubectl", "tka", "logout")

    assert sh(world, "kubectl auth can-i list pods").stdout == "yes\n"
    assert "not signed in" in world.run("alice", "kubectl", "get", "ns", code=None).stderr


def test_what_outlives_the_shell_is_not_signed_in_again(world):
    said = sh(world, "kubectl get ns >/dev/null; cat $KUBECONFIG >~/stolen; echo $TKA_SHELL").stdout.strip()
    config = world.home("alice") / "stolen"

    refused = world.run("alice", "kubectl", "--kubeconfig", config, "get", "ns", code=None)

    config.unlink()
    assert refused.returncode != 0 and "the shell that had the session is over" in refused.stderr
    assert not world.signins(username=ALICE) and not pathlib.Path(said).exists()


def test_a_plugin_that_asks_while_the_shell_ends_does_not_begin_its_session_anew(world, false_server):  # noqa: F811
    home = world.home("alice")
    script = NOTE + """
        until [ -e ~/first ]; do sleep 0.05; done
        rm $TKA_SHELL/run/*.json; cp $KUBECONFIG ~/stolen; kubectl --kubeconfig ~/stolen get ns >~/late 2>&1 &
        until [ -e ~/second ]; do sleep 0.05; done"""
    over = threading.Event()
    with running(world, script, url="http://tka:8125") as (process, _), \
            false_server.instead("POST .*credential", Until(over), times=1) as met:
        (home / "first").touch()
        eventually("the plugin asks", lambda: met)
        (home / "second").touch()
        process.communicate(timeout=20)
        assert process.returncode == 0 and not world.signins(username=ALICE), "signed out at the end"
        over.set()
        late = eventually("the plugin gave up", lambda: (home / "late").read_text())
    for name in ("first", "second", "stolen", "late"):
        (home / name).unlink()

    assert "the shell that had the session is over" in late
    assert [line.rsplit("/", 1)[1] for line in false_server.seen[-3:]] == ["credential", "logout", "logout"]
    assert_nothing_left(world)


def test_a_session_with_a_reason_is_not_renewed_in_it(world):
    said = sh(world, "cat $TKA_SHELL/state/*.json", "--for", "15m", "--reason", "INC-7")

    assert '"once":true' in said.stdout.replace(" ", "")


def test_status_knows_the_shells_session(world):
    assert sh(world, "kubectl-tka status --format '{cluster} {role} {state}'").stdout.strip() == "rig cluster-admin active"


# --- signals ---

@pytest.mark.parametrize("name", ["TERM", "HUP", "INT", "USR1"])
def test_a_signal_for_us_reaches_the_program_and_the_session_ends(world, name):
    with running(world, f"trap 'kill $!; exit 9' {name}; sleep 60 & {NOTE}; wait") as (process, pid):
        os.kill(pid, getattr(signal, "SIG" + name))
        assert process.wait(20) == 9
    assert_nothing_left(world)


def test_a_window_size_and_then_term_still_end_the_session(world):
    script = f"trap 'echo sized' WINCH; trap 'kill $!; exit 9' TERM; sleep 60 & {NOTE}; wait; wait"
    with running(world, script) as (process, pid):
        os.kill(pid, signal.SIGWINCH)
        assert process.stdout.readline() == "sized\n"
        os.kill(pid, signal.SIGTERM)
        assert process.wait(20) == 9
    assert_nothing_left(world)


def test_a_program_that_will_not_end_is_killed(world):
    with running(world, f"trap '' TERM HUP; {NOTE}; while :; do sleep 1; done") as (process, pid):
        os.kill(pid, signal.SIGTERM)
        assert process.wait(20) == 137
    assert_nothing_left(world)


def test_after_we_are_killed_the_next_command_ends_the_session(world):
    script = f"echo $$ >$HOME/child; trap 'kill $!; exit' HUP; sleep 60 & {NOTE}; wait"
    with running(world, script) as (process, pid):
        child = int((world.home("alice") / "child").read_text())
        os.kill(pid, signal.SIGKILL)
        process.wait(20)
        eventually("the child hung up on", lambda: not is_running(child))
    assert world.signins(username=ALICE) and len(private_folders(world)) == 1

    world.run("alice", "kubectl", "tka", "get", "login", SERVER, code=None)

    assert_nothing_left(world)


def test_a_session_that_cannot_be_ended_now_is_ended_by_the_next_command(world):
    with running(world, SLEEPING) as (process, pid):
        with world.stopped("server"):
            os.kill(pid, signal.SIGTERM)
            said = process.communicate(timeout=30)[1]
    assert "lives on" in said and said.count("\n") == 1
    assert len(private_folders(world)) == 1 and not list(private_folders(world)[0].glob("run/*"))

    world.run("alice", "kubectl", "tka", "get", "login", SERVER, code=None)

    assert_nothing_left(world)


# --- on a terminal ---

PROMPTS = {
    "bash": (".bashrc", "PS1='mine> '; export KUBECONFIG=/elsewhere; OWN=bashrc\n"),
    "zsh": (".zshrc", "PROMPT='mine> '; export KUBECONFIG=/elsewhere; OWN=zshrc\n"),
    "fish": (".config/fish/config.fish", "function fish_prompt; echo -n 'mine> '; end; set -gx KUBECONFIG /elsewhere; set OWN fishrc\n"),
}


@contextlib.contextmanager
def own_file(world, shell):
    """The person's rc file, as it would have been before us."""
    name, text = PROMPTS[shell]
    path = world.home("alice") / name
    before = path.read_text() if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    yield path
    assert path.read_text() == text
    path.unlink()
    if before is not None:
        path.write_text(before)


@contextlib.contextmanager
def shell_on_a_terminal(world, shell="bash", prompt=r"\(tka rig\) "):
    """An outer bash in which `kubectl tka shell` was typed."""
    env = {"SHELL": f"/usr/bin/{shell}", "PS1": "outer$ "}
    with Terminal(world, "alice", OUTER, env) as terminal:
        terminal.type("PS1='outer$ '")
        terminal.type(f"kubectl tka shell {SERVER}; echo status=$?")
        terminal.await_text("^" + prompt)
        yield terminal


def leave(world, terminal, status=0):
    terminal.type(f"exit {status}" if status else "exit")
    terminal.await_text(f"^status={status}$")
    assert_nothing_left(world)


@pytest.mark.parametrize("shell", PROMPTS)
def test_the_prompt_says_where_it_is_and_the_persons_own_files_count(world, shell):
    with own_file(world, shell), shell_on_a_terminal(world, shell, r"\(tka rig\) mine> ") as terminal:
        terminal.type("echo own=$OWN kubeconfig=$KUBECONFIG")
        found = terminal.await_text(r"^own=(\S+) kubeconfig=(\S+)$")
        assert found[1] == f"{shell}rc" and found[2].endswith("/kubeconfig") and "/tka/shells/" in found[2]
        terminal.type("kubectl auth can-i list pods")
        terminal.await_text("^yes$")
        assert len(re.findall(r"^\(tka rig\) mine> ", terminal.screen(), re.MULTILINE)) >= 2
        assert "(tka rig) (tka rig)" not in terminal.screen()
        leave(world, terminal)
        terminal.await_text(r"^Signed out of rig$")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "dash"])
def test_without_files_of_ones_own_the_prompt_says_where_it_is(world, shell):
    with shell_on_a_terminal(world, shell) as terminal:
        leave(world, terminal, 0 if shell == "fish" else 3)


def test_zsh_keeps_its_own_folder_and_history(world):
    with own_file(world, "zsh"), shell_on_a_terminal(world, "zsh", r"\(tka rig\) mine> ") as terminal:
        terminal.type("echo zdotdir=${ZDOTDIR-none} history=${HISTFILE-none}")
        assert "/tka/shells/" not in terminal.await_text(r"^zdotdir=(.*)$")[1]
        leave(world, terminal)


def test_a_prompt_that_is_set_later_gets_its_mark_again(world):
    with shell_on_a_terminal(world) as terminal:
        terminal.type("PS1='changed> '")
        terminal.await_text(r"^\(tka rig\) changed> ")
        leave(world, terminal)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_new_window_size_reaches_the_shell(world, shell):
    with shell_on_a_terminal(world, shell) as terminal:
        terminal.resize(72, 21)
        terminal.type("stty size")
        terminal.await_text("^21 72$")
        leave(world, terminal)


def test_a_program_hears_of_a_new_window_size_itself(world):
    script = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done"
    with Terminal(world, "alice", told([*EXEC, "bash", "-c", script])) as terminal:
        terminal.await_text("^ready$")
        terminal.resize(71, 20)
        terminal.await_text("^20 71$")
        assert terminal.status() == 0
    assert_nothing_left(world)


def has_reaped(terminal, pid):
    """A shell that does not know of its job's end does not exit at once. Now and then bash overlooks the end of one that
    was stopped and is killed, until another child ends: then it looks at all of them."""
    terminal.type("/bin/true")
    return not pathlib.Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_keys_are_for_what_runs_in_the_shell(world, shell):
    """What runs says itself that it does: a key is for the shell as long as that has not given it the terminal."""
    with shell_on_a_terminal(world, shell) as terminal:
        terminal.type("""sh -c "echo fi''rst; exec sleep 60"; echo not reached""")
        terminal.await_text("^first$")
        terminal.press("C-c")
        terminal.type("""sh -c "echo sec''ond \\$\\$; exec sleep 61\"""")
        pid = int(terminal.await_text(r"^second (\d+)$")[1])
        terminal.press("C-z")
        terminal.await_text("(?i)(stopped|suspended)")
        terminal.type("kill -KILL %1")
        eventually("the shell has reaped its job", lambda: has_reaped(terminal, pid))
        terminal.type("echo st''ill here")
        terminal.await_text("^still here$")
        assert not re.search("^not reached$", terminal.screen(), re.MULTILINE)
        leave(world, terminal)


def test_a_program_can_be_stopped_and_continued_from_outside(world):
    with Terminal(world, "alice", OUTER) as terminal:
        terminal.type(" ".join(EXEC) + " sh -c 'echo ready $$; read line; echo got $line'; echo status=$?")
        pid = int(terminal.await_text(r"^ready (\d+)$")[1])
        terminal.press("C-z")
        terminal.await_text("Stopped")
        terminal.type("fg")
        # Enter, before bash has given the terminal back, would end no line for whom it is given to.
        eventually("the program goes on", lambda: state_of(pid) != "T")
        terminal.type("it")
        terminal.await_text("^got it$")
    assert_nothing_left(world)


def test_ctrl_c_ends_a_program_as_it_would_without_us(world):
    with Terminal(world, "alice", told([*EXEC, "sh", "-c", "echo ready; sleep 60"])) as terminal:
        terminal.await_text("^ready$")
        terminal.press("C-c")
        assert terminal.status() == 130
    assert_nothing_left(world)


def test_a_shell_that_suspends_itself_gives_the_terminal_back(world):
    with shell_on_a_terminal(world) as terminal:
        terminal.type("suspend")
        terminal.await_text("Stopped")
        terminal.type("echo out''side")
        terminal.await_text("^outside$")
        terminal.type("fg; echo status=$?")
        terminal.type("echo in''side $TKA_SHELL")
        terminal.await_text("^inside /")
        leave(world, terminal)


def test_a_shell_that_is_killed_leaves_a_terminal_that_works(world):
    with shell_on_a_terminal(world) as terminal:
        terminal.type("stty -echo; kill -KILL $$")
        terminal.await_text("^status=137$")
        terminal.type("echo visible; stty -a | tr ' ' '\\n' | grep -x -e '-*echo;*'")
        terminal.await_text("^echo$")
        assert_nothing_left(world)


@pytest.mark.parametrize("name", ["TERM", "HUP"])
def test_a_signal_ends_an_interactive_shell_and_its_session(world, name):
    with shell_on_a_terminal(world) as terminal:
        terminal.type("echo $PPID >$HOME/pid")
        os.kill(note_pid(world), getattr(signal, "SIG" + name))
        terminal.await_text(r"^status=\d+$")
        assert_nothing_left(world)


def test_a_window_that_is_closed_ends_the_session(world):
    with shell_on_a_terminal(world) as terminal:
        terminal.hang_up()
        assert_nothing_left(world)


def test_the_end_of_a_shell_says_what_is_waited_for(world, false_server):  # noqa: F811
    url = "http://tka:8125"
    with Terminal(world, "alice", told(["kubectl-tka", "exec", url, "--", "sh", "-c", "echo ready; read line"])) as terminal:
        terminal.await_text("^ready")
        with false_server.instead("logout", HANG, times=1):
            terminal.type("")
            terminal.await_text(r"^[|/\\-] signing out of rig \d+\.\d+s$")
            terminal.await_text("the session lives on")
        assert terminal.status() == 0 and "signing out of rig " not in terminal.screen()
    for tried in (world.home("alice") / "run/tka/shells").glob("*/tried"):
        tried.unlink()  # the next command tries again at once
    world.run("alice", "kubectl-tka", "config", "path")
    assert_nothing_left(world)


def test_a_shell_that_waits_for_its_turn_to_end_says_so(world):
    with Terminal(world, "alice", told(["kubectl-tka", "exec", SERVER, "--", "sh", "-c", "echo ready; read line"])) as terminal:
        terminal.await_text("^ready")
        with open(world.home("alice") / "run/tka/shells/.turn", "w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            terminal.type("")
            terminal.await_text("^Waiting for another shell of kubectl-tka")
        assert terminal.status() == 0
    assert_nothing_left(world)


@pytest.fixture
def held_lock(world):
    """On alice's kubeconfig, as long as the file is there."""
    lock = world.home("alice") / ".kube/config.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    yield lock
    lock.unlink(missing_ok=True)


def test_a_kubeconfig_that_others_hold_is_waited_for_with_a_line(world, held_lock):
    with Terminal(world, "alice", told(["kubectl-tka", "login", SERVER])) as terminal:
        terminal.await_text(r"^Waiting for another program, which holds .*config\.lock$")
        held_lock.unlink()
        assert terminal.status() == 0
        assert terminal.screen().count("Waiting") == 1


def test_a_quiet_login_says_nothing_of_a_lock_but_that_it_stays(world, held_lock):
    with Terminal(world, "alice", told(["kubectl-tka", "login", SERVER, "-q"])) as terminal:
        terminal.await_text("has been there since")
        assert "Waiting" not in terminal.screen() and held_lock.exists()
