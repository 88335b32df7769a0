"""make install, and what it brings: completion in real shells, kubectl's own, and manual pages."""

import os
import pathlib
import re
import subprocess

import pytest

from installed import Installed
from terminal import Terminal
from world import SERVER

SCRIPTS = {"bash": "share/bash-completion/completions/tka", "zsh": "share/zsh/site-functions/_tka",
           "fish": "share/fish/vendor_completions.d/tka.fish"}
START = {"bash": ["bash", "--norc", "--noprofile"], "zsh": ["zsh", "-f"], "fish": ["fish", "--no-config"]}
READY = {"bash": "source {}", "zsh": "autoload -U compinit; compinit -u -D; source {}", "fish": "source {}"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"), os.environ)


# --- make install ---

def test_every_file_is_installed_and_taken_away_again(tmp_path):
    there = Installed(tmp_path, os.environ)

    assert {"bin/kubectl-tka", "bin/kubectl-tka-remote", "bin/tka", "bin/kubectl_complete-tka", "sbin/tka-server",
            "sbin/tka-operator", "share/man/man1/kubectl-tka.1", "share/man/man5/tka-config.5",
            "share/man/man8/tka-server.8", "share/man/man8/tka-operator.8", *SCRIPTS.values()} <= set(there.files())
    assert all(path.exists() for path in there.usr.rglob("*"))  # no link leads nowhere
    there.make("uninstall")
    assert there.files() == []


def test_the_manual_pages_name_every_flag(world, installed):
    page = subprocess.run(["mandoc", "-T", "ascii", installed.usr / "share/man/man1/kubectl-tka.1"],
                          capture_output=True, text=True, check=True).stdout
    plain = re.sub(".\b", "", page)

    for command in ("login", "shell", "config set"):
        said = world.run("alice", "kubectl-tka", *command.split(), "--help").stdout
        for flag in re.findall(r"--[a-z-]+", said):
            assert flag in plain, f"{flag} of {command}"


def test_the_manual_is_the_same_whenever_it_is_made(installed):
    again = [subprocess.run([installed.usr / "bin/kubectl-tka-remote", "manual", "1"], capture_output=True, check=True,
                            env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}).stdout for _ in range(2)]

    assert again[0] == again[1] and b".Dd November 14, 2023" in again[0]


def test_tka_calls_itself_as_it_was_called(world, installed):
    env = {"PATH": installed.path(world)}

    assert "Usage: tka login" in world.run("alice", "tka", "login", "--help", env=env).stdout
    assert "Usage: kubectl tka login" in world.run("alice", "kubectl", "tka", "login", "--help", env=env).stdout


# --- real shells ---

def typing(world, installed, shell):
    """A shell in which our completion has been loaded from where it was installed."""
    terminal = Terminal(world, "alice", START[shell], {"PATH": installed.path(world)})
    terminal.type(READY[shell].format(installed.usr / SCRIPTS[shell]))
    terminal.type("echo rea''dy")
    terminal.await_text("^ready$")
    return terminal


def start_over(terminal):
    """An empty line on an empty screen."""
    terminal.press("C-u")
    terminal.type("clear; echo ne''xt")
    terminal.await_text("^next$")


def press_tab(terminal, line, expected, times=1):
    """Types a line without Enter, then Tab, and waits for what appears."""
    terminal.tmux("send-keys", "-l", line)
    for _ in range(times):
        terminal.press("Tab")
    terminal.await_text(expected)
    start_over(terminal)


@pytest.mark.parametrize("shell", SCRIPTS)
def test_words_are_completed_in_a_real_shell(world, installed, shell):
    with typing(world, installed, shell) as terminal:
        press_tab(terminal, "tka compl", "tka completion ")
        press_tab(terminal, "tka log", r"login\b.*logout|login\b.*\n.*logout", times=2)
        press_tab(terminal, "tka login --context-n", "tka login --context-name ")
        press_tab(terminal, "kubectl-tka get log", "kubectl-tka get login ")
        press_tab(terminal, "tka get login -o js", "get login -o json ")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_clusters_and_roles_are_completed_from_what_was_signed_in_to(world, installed, shell):
    world.login("alice")
    world.login("alice", SERVER, "--role", "view")

    with typing(world, installed, shell) as terminal:
        press_tab(terminal, "tka login rig --role v", "--role view ")
        press_tab(terminal, "tka login rig --role=v", "--role=view ")
        press_tab(terminal, "tka logout rig", "rig.?!view", times=2)
        press_tab(terminal, "tka logout rig!", r"rig\\?!view")


@pytest.mark.parametrize("shell", SCRIPTS)
def test_what_is_typed_is_never_run(world, installed, shell):
    mark = world.home("alice") / "ran"
    with typing(world, installed, shell) as terminal:
        terminal.tmux("send-keys", "-l", f"tka login '$(touch {mark})' log")
        terminal.press("Tab")
        start_over(terminal)
        press_tab(terminal, f"tka `touch {mark}` compl", "tka `touch ")
        press_tab(terminal, "tka compl", "tka completion ")
    assert not mark.exists()


def test_kubectl_completes_by_the_link(world, installed):
    env = {"PATH": installed.path(world)}

    said = world.run("alice", "kubectl", "__complete", "tka", "logi", env=env).stdout
    assert "login" in said and said.splitlines()[-1] == ":4"
    flags = world.run("alice", "kubectl", "__complete", "tka", "login", "--ro", env=env).stdout
    assert flags.startswith("--role")


def test_kubectls_own_completion_completes_us_in_zsh(world, installed):
    with Terminal(world, "alice", START["zsh"], {"PATH": installed.path(world)}) as terminal:
        terminal.type("autoload -U compinit; compinit -u -D; source <(kubectl completion zsh); echo rea''dy")
        terminal.await_text("^ready$")
        press_tab(terminal, "kubectl tka compl", "kubectl tka completion ")


# --- completion, the command ---

def beside(world, installed, folder):
    """A folder as krew makes it: a link to the program that lies elsewhere."""
    folder.mkdir()
    (folder / "kubectl-tka").symlink_to(installed.usr / "bin/kubectl-tka")
    return {"PATH": f"{folder}:{world.rig.node_env('alice')['PATH']}"}


def test_the_link_is_made_where_krew_cannot(world, installed, tmp_path):
    env = beside(world, installed, tmp_path / "krew")

    for _ in range(2):
        said = world.run("alice", "kubectl", "tka", "completion", "--install", env=env).stdout
        assert str(tmp_path / "krew/kubectl_complete-tka") in said
    assert "login" in world.run("alice", "kubectl", "__complete", "tka", "logi", env=env).stdout


def test_a_file_of_somebody_else_is_left_alone(world, installed, tmp_path):
    env = beside(world, installed, tmp_path / "krew")
    other = tmp_path / "krew/kubectl_complete-tka"
    other.write_text("theirs")

    said = world.run("alice", "kubectl", "tka", "completion", "--install", env=env, code=1)

    assert other.read_text() == "theirs" and "not ours" in said.stderr and said.stderr.count("\n") == 1


@pytest.mark.parametrize("argv, words", [(["completion"], "which shell"), (["completion", "tcsh"], "tcsh"),
                                         (["generate", "integration"], "which shell"),
                                         (["generate", "integration", "tcsh"], "tcsh"), (["generate"], "generate integration")])
def test_a_shell_that_is_not_known_is_named(world, argv, words):
    said = world.run("alice", "kubectl-tka", *argv, code=2)

    assert words in said.stderr and said.stdout == "" and said.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_scripts_for_every_shell_ask_the_program(world, shell):
    assert "__complete" in world.run("alice", "kubectl-tka", "completion", shell).stdout
    assert "__integration" in world.run("alice", "kubectl-tka", "generate", "integration", shell).stdout


@pytest.mark.parametrize("argv", [["completion"], ["generate", "integration"]], ids=["completion", "integration"])
def test_what_is_for_powershell_is_powershell(world, obtain, argv):
    """By a grammar of it: the language itself comes from no registry that the tests have."""
    parse = obtain("powershell-grammar")
    text = world.run("alice", "kubectl-tka", *argv, "powershell").stdout

    world.run("alice", *parse, text=text)
    world.run("alice", *parse, text=text.replace("}", "", 1), code=1)


# --- generate integration ---

LOAD = {"bash": "source <(tka generate integration bash)", "zsh": "source <(tka generate integration zsh)",
        "fish": "tka generate integration fish | source"}
STATUS = {"bash": "$?", "zsh": "$?", "fish": "$status"}


def script(world, installed, shell, lines, env=None, code=0):
    """A shell that has the function `tka`, and then runs lines."""
    text = "\n".join([LOAD[shell], *lines]).replace("STATUS", STATUS[shell])
    return world.run("alice", *START[shell], "-c", text, code=code,
                     env={"PATH": installed.path(world), **(env or {})})


@pytest.mark.parametrize("shell", LOAD)
@pytest.mark.parametrize("words", ["login", "signin", "auth", "--quiet login", "login --"])
def test_a_login_sets_kubeconfig_in_this_shell_alone(world, installed, shell, words):
    said = script(world, installed, shell, [f"tka {words} {SERVER} >/dev/null", "echo status=STATUS", "echo $KUBECONFIG",
                                            "kubectl auth can-i list pods"])

    status, file, answer = said.stdout.splitlines()
    assert (status, answer) == ("status=0", "yes") and re.search(r"/run/tka/kubeconfigs/\d+\.yaml$", file)
    assert not (world.home("alice") / ".kube/config").exists()


@pytest.mark.parametrize("shell", LOAD)
@pytest.mark.parametrize("words, status", [("login -h", 0), ("logn", 2), ("login --rolle x", 2), ("login http://tka:9", 3),
                                           ("version", 0), ("get login", 3), ("config get cache", 0), ("login a b", 2)])
def test_every_other_status_is_kept_and_nothing_is_evaluated(world, installed, shell, words, status):
    said = script(world, installed, shell, [f"tka {words} >/dev/null", "echo status=STATUS", "echo $KUBECONFIG"])

    assert said.stdout.splitlines() == [f"status={status}", str(world.home("alice") / ".kube/config")]


@pytest.mark.parametrize("shell", LOAD)
def test_a_folder_with_blanks_is_quoted(world, installed, shell, tmp_path):
    runtime = tmp_path / "a folder; touch $(id) `id` \"x\""
    runtime.mkdir()

    said = script(world, installed, shell, [f"tka login {SERVER} >/dev/null", "echo $KUBECONFIG"], {"XDG_RUNTIME_DIR": str(runtime)})

    assert said.stdout.startswith(f"{runtime}/tka/kubeconfigs/")


@pytest.mark.parametrize("shell", LOAD)
def test_a_folder_that_cannot_be_quoted_changes_nothing(world, installed, shell, tmp_path):
    runtime = tmp_path / "it's"
    runtime.mkdir()

    said = script(world, installed, shell, [f"tka login {SERVER} >/dev/null", "echo $KUBECONFIG"], {"XDG_RUNTIME_DIR": str(runtime)})

    assert said.stdout.strip() == str(world.home("alice") / ".kube/config") and "cannot be quoted" in said.stderr


@pytest.mark.parametrize("shell", LOAD)
def test_a_second_login_in_the_shell_is_the_current_one(world, installed, shell):
    said = script(world, installed, shell, [f"tka login {SERVER} >/dev/null", f"tka login {SERVER} --role view >/dev/null",
                                            "kubectl config current-context"])

    assert said.stdout == "rig!view\n"


def test_a_program_that_says_something_else_is_not_believed(world, tmp_path):
    """The function's own check, with a program in tka's place that answers what it should not."""
    text = world.run("alice", "kubectl-tka", "generate", "integration", "bash").stdout
    liar = tmp_path / "tka"
    for line in ("export KUBECONFIG='/x'; touch ran #'", "touch ran", "export KUBECONFIG=/x", "export KUBECONFIG='/x'y'"):
        liar.write_text(f'#!/bin/sh\n[ "$1" != __integration ] || cat <<"END"\n{line}\nEND\n')
        liar.chmod(0o755)
        world.run("alice", "bash", "-c", f"{text}\ncd {tmp_path}; tka login; [ ! -e ran ]",
                  env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert not pathlib.Path(tmp_path / "ran").exists()
