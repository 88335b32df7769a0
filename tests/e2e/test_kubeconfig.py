"""What login does to kubeconfigs: random ones, linked ones, several writers at once."""

import concurrent.futures
import json
import os
import pathlib
import random
import re
import stat
import subprocess
import time

import pytest
import yaml

from needed import missing
from test_client import cache_entries, false_server, kubeconfig, one_line  # noqa: F401
from world import SERVER

OURS = "tka.specht-labs.de"
FALSE_SERVER = "http://tka:8125"
SEEDS = 40


class Dice:
    """Random kubeconfigs, in every layout that people and programs write."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.styles = ("block", "inner", "flow", "json", "empty", "null")

    def pick(self, *choices):
        return self.random.choice(choices)

    def likely(self, share=0.5):
        return self.random.random() < share

    def word(self):
        letters = "abcxyz-._@:/"
        return "n" + "".join(self.random.choice(letters) for _ in range(self.random.randint(0, 12))) + "e"

    def text(self):
        return self.pick(self.word(), "yes", "12", "1.5", "ünïcode", "a # b", "a: b", "'", '"', "", "null", "~",
                         "two\nlines\n", " spaced ", "x" * 300, "- dash", "*star", "&and", "!bang", "%p", "0x1f")

    def fields(self, kind):
        if kind == "cluster":
            fields = {"server": "https://" + self.pick("a", "b.example", "[::1]") + ":6443"}
            if self.likely():
                fields["certificate-authority-data"] = "QUJD"
            if self.likely(0.3):
                fields["proxy-url"] = "http://proxy:3128"
        elif kind == "context":
            fields = {"cluster": self.word(), "user": self.word()}
            if self.likely():
                fields["namespace"] = self.word()
        else:
            fields = self.pick(
                {"token": self.text()}, {"username": self.text(), "password": self.text()}, {},
                {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "x", "interactiveMode": "Never",
                          "args": [self.text() for _ in range(3)], "env": None, "provideClusterInfo": False}})
        if self.likely(0.3):
            fields["extensions"] = [{"name": self.word(), "extension": {"any": [self.text(), {"x": self.text()}]}}]
        return fields

    def items(self, kind):
        names = sorted({self.word() for _ in range(self.random.randint(1, 4))}, key=lambda _: self.random.random())
        return [{"name": name, kind: self.fields(kind)} for name in names]

    def comment(self, indent=""):
        words = self.pick("mine", "- name: rig", "clusters:", "a: [", "ümlaut")
        return f"{indent}# {words}\n" if self.likely(0.3) else ""

    def print_list(self, key, kind):
        style = self.random.choices(self.styles, (40, 25, 6, 6, 10, 13))[0]
        if style in ("empty", "null"):
            return f"{key}:" + {"empty": " []", "null": self.pick("", " null", " ~")}[style] + "\n"
        items = self.items(kind)
        if style == "flow":
            return f"{key}: {yaml.safe_dump(items, default_flow_style=True, width=1 << 20).strip()}\n"
        if style == "json":
            return f"{key}: {json.dumps(items)}\n"
        indent = "" if style == "block" else self.pick("  ", "    ")
        text = f"{key}:{self.pick('', '  # mine')}\n"
        for item in items:
            order = {"sort_keys": self.likely(), "allow_unicode": self.likely()}
            lines = yaml.safe_dump([item], default_flow_style=self.pick(False, False, None), **order).splitlines(True)
            text += self.comment(indent) + "".join(indent + line if line.strip() else line for line in lines)
            text += self.comment(self.pick(indent, indent + "  ")) + self.pick("", "", "\n")
        return text

    def document(self):
        parts = [self.comment() + self.print_list(key, kind) for key, kind in
                 (("clusters", "cluster"), ("contexts", "context"), ("users", "user")) if self.likely(0.85)]
        parts += [line for line in ("apiVersion: v1\n", "kind: Config\n", "preferences: {}\n",
                                    "current-context: " + json.dumps(self.word()) + "\n") if self.likely(0.8)]
        if self.likely(0.3):
            parts.append("extensions:\n- name: e\n  extension:\n    a: |\n      # no comment\n\n      b\n")
        self.random.shuffle(parts)
        text = self.pick("", "", "---\n", "# mine\n\n") + "".join(parts) + self.pick("", "", "# the end\n")
        if self.likely(0.15):
            text = text.replace("\n", "\r\n")
        return text[:-1] if self.likely(0.15) and not text.endswith("\r\n") and text else text


def read_by_kubectl(world, path):
    """What kubectl makes of a kubeconfig; the names of what is ours are gone from it."""
    said = world.run("alice", "kubectl", "--kubeconfig", path, "config", "view", "--raw", "-o", "json")
    return json.loads(said.stdout)


def without_ours(value):
    def is_ours(item):
        fields = next((item[kind] for kind in ("cluster", "user", "context") if kind in item), None) or {}
        return any(each["name"] == OURS for each in fields.get("extensions") or [])
    kept = dict(value)
    for key in ("clusters", "users", "contexts"):
        kept[key] = sorted((item for item in value.get(key) or [] if not is_ours(item)), key=lambda item: item["name"])
    return kept


LIST_ON_A_LINE = re.compile(r"(clusters|contexts|users):( \[.*\]| null| ~)?\r?$")


def lost_lines(before, after):
    """Lines that are gone, or stand in another order. A list that was empty may lie elsewhere or be filled, one in
    brackets may have got lines of its own."""
    lines = iter(after.splitlines())
    for line in before.splitlines():
        if line.strip() and not LIST_ON_A_LINE.match(line) and line not in lines:
            return [line]
    return []


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_kubectl_reads_differs_in_our_entries_alone(world, seed):
    text = Dice(seed).document()
    path = kubeconfig(world)
    path.write_bytes(text.encode())
    path.chmod(0o600)
    before = read_by_kubectl(world, path)

    first = world.login("alice")
    once = path.read_bytes().decode()
    world.login("alice")

    after = read_by_kubectl(world, path)
    assert path.read_bytes().decode() == once, "a second login changed something"
    if before["current-context"] == "":
        assert after["current-context"] == "rig"
        before["current-context"] = "rig"
    assert without_ours(after) == without_ours(before)
    assert [len(after[key]) - len(before.get(key) or []) for key in ("clusters", "users", "contexts")] == [1, 1, 1]
    if "written anew" not in first.stderr:
        assert lost_lines(text, once) == [], once
    else:
        assert any(LIST_ON_A_LINE.match(line) and "#" in line for line in text.splitlines()), "it was written anew"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_login_wrote_is_taken_out_again_and_nothing_else(world, seed):
    path = kubeconfig(world)
    path.write_bytes(Dice(seed).document().encode())
    path.chmod(0o600)
    before = read_by_kubectl(world, path)
    world.login("alice")
    world.login("alice", SERVER, "--role", "view")
    once = path.read_bytes().decode()

    said = world.run("alice", "kubectl-tka", "logout", "rig", "--forget")

    left = path.read_bytes().decode()
    assert "contexts out of the kubeconfig" in said.stdout
    assert read_by_kubectl(world, path) == without_ours({key: value or None for key, value in before.items()}) | {
        key: before[key] for key in before if key not in ("clusters", "users", "contexts")} | {
        key: sorted(before[key] or [], key=lambda item: item["name"]) or None
        for key in ("clusters", "users", "contexts")}
    if "written anew" not in said.stderr:
        kept = [line for line in left.splitlines() if not line.startswith("current-context:")]
        assert lost_lines("\n".join(kept), once) == [], left


def test_what_another_context_uses_and_what_another_wrote_stays(world):
    path = kubeconfig(world)
    world.login("alice")
    for words in (["set-context", "mine", "--cluster=rig", "--user=rig"], ["use-context", "mine"]):
        world.run("alice", "kubectl", "config", *words)

    said = world.run("alice", "kubectl-tka", "logout", "rig", "--forget", "-o", "json")

    left = read_by_kubectl(world, path)
    assert json.loads(said.stdout)[0]["removed"] == 1
    assert {key: [item["name"] for item in left[key]] for key in ("clusters", "users", "contexts")} == {
        "clusters": ["rig"], "users": ["rig"], "contexts": ["mine"]}
    assert left["current-context"] == "mine"
    again = world.run("alice", "kubectl-tka", "logout", SERVER, "--forget", "-o", "json")
    assert json.loads(again.stdout)[0]["removed"] == 0 and read_by_kubectl(world, path) == left


def test_a_context_that_is_forgotten_is_gone_from_completion_and_prompt(world):
    world.login("alice")
    assert "rig" in world.run("alice", "kubectl-tka", "__complete", "login", "").stdout

    world.run("alice", "kubectl-tka", "logout", "--forget")

    assert "rig\n" not in world.run("alice", "kubectl-tka", "__complete", "login", "").stdout
    assert read_by_kubectl(world, kubeconfig(world))["current-context"] == ""
    world.login("alice")
    assert world.run("alice", "kubectl", "get", "--raw", "/version").returncode == 0


def test_a_context_stays_as_long_as_its_server_cannot_be_asked(world):
    world.login("alice")
    before = kubeconfig(world).read_text()

    said = world.run("alice", "kubectl-tka", "logout", "rig", "--forget", env={"TKA_TAILSCALE_SOCKET": "/nowhere"}, code=3)

    assert "signed out here alone" in said.stderr and kubeconfig(world).read_text() == before


def test_entries_in_several_files_are_taken_out_of_each(world):
    home = world.home("alice") / ".kube"
    paths = [home / name for name in ("one", "two", "three")]
    env = {"KUBECONFIG": ":".join(map(str, paths))}
    world.run("alice", "kubectl-tka", "login", SERVER, env=env)
    written = yaml.safe_load(next(path for path in paths if path.exists()).read_text())
    try:
        for path, key in zip(paths, ("clusters", "users", "contexts")):
            path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", key: written[key],
                                            "current-context": "rig" if key == "users" else ""}))
        said = world.run("alice", "kubectl-tka", "logout", "rig", "--forget", "-o", "json", env=env)

        assert json.loads(said.stdout)[0]["removed"] == 1
        assert all("rig" not in path.read_text() for path in paths)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("seed", range(4))
def test_a_role_of_ones_own_is_put_beside_and_replaces_nothing(world, seed):
    path = kubeconfig(world)
    path.write_text(Dice(100 + seed).document())
    world.login("alice")
    before = read_by_kubectl(world, path)

    world.login("alice", SERVER, "--role", "view")

    after = read_by_kubectl(world, path)
    for key in ("clusters", "users", "contexts"):
        assert [item for item in after[key] if item["name"] != "rig!view"] == before[key]


# --- several at once ---

def set_by_kubectl(world, count):
    """kubectl has no patience with locks: what it refuses, and what it reads half written, is tried again."""
    for i in range(count):
        for _ in range(200):
            done = world.run("alice", "kubectl", "config", "set", f"users.other-{i}.token", f"t{i}", code=None)
            if done.returncode == 0:
                break
            assert "lock" in done.stderr or "empty" in done.stderr or "yaml" in done.stderr, done.stderr
        else:
            raise AssertionError(f"kubectl never got its turn: {done.stderr}")


def test_twenty_writers_beside_kubectl_lose_nothing(world):
    path = kubeconfig(world)
    path.write_text("apiVersion: v1\nkind: Config\ncurrent-context: mine\ncontexts:\n- name: mine\n"
                    "  context: {cluster: c, user: u}\n")

    with concurrent.futures.ThreadPoolExecutor(21) as pool:
        theirs = pool.submit(set_by_kubectl, world, 15)
        ours = [pool.submit(world.login, "alice", SERVER, "--context-name", f"writer-{i}") for i in range(20)]
        for each in (*ours, theirs):
            each.result()

    value = yaml.safe_load(path.read_text())
    for key in ("clusters", "users", "contexts"):
        assert {f"writer-{i}" for i in range(20)} - {item["name"] for item in value[key]} == set(), key
    assert {f"other-{i}" for i in range(15)} - {item["name"] for item in value["users"]} == set()
    assert value["current-context"] == "mine"
    assert sorted(entry.name for entry in path.parent.glob("config*")) == ["config"]


def test_a_lock_that_goes_away_is_waited_for(world):
    lock = kubeconfig(world).with_name("config.lock")
    lock.touch()
    with subprocess.Popen(["sh", "-c", 'sleep 1.5; rm "$1"', "sh", lock]):
        world.login("alice")

    assert kubeconfig(world).exists() and not lock.exists()


def test_while_a_login_writes_kubectl_never_reads_half_a_file(world):
    world.login("alice", SERVER, "--use")
    names = set()

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        logins = pool.submit(lambda: [world.login("alice", SERVER, "--context-name", f"c{i}") for i in range(10)])
        while not logins.done():
            value = yaml.safe_load(kubeconfig(world).read_text())
            assert {item["name"] for item in value["users"]} >= names and value["current-context"] == "rig"
            names = {item["name"] for item in value["users"]}
        logins.result()


@pytest.mark.parametrize("flags, current", [((), "mine"), (("--use",), "rig")], ids=["of itself", "asked to"])
def test_a_context_chosen_while_a_login_asks_the_server_stays_unless_it_was_asked_to(
        world, false_server, flags, current):  # noqa: F811
    path = kubeconfig(world)
    path.write_text("kind: Config\ncontexts:\n- name: mine\n  context: {cluster: c, user: u}\n")
    whole = false_server.answer

    def answer(client, method, path, raw):
        if "credential" in path:
            world.run("alice", "kubectl", "config", "use-context", "mine")
        whole(client, method, path, raw)
    false_server.answer = answer

    said = world.login("alice", FALSE_SERVER, *flags)

    assert yaml.safe_load(path.read_text())["current-context"] == current
    assert ("--context" in said.stdout) == (current == "mine")


def test_a_dry_run_shows_what_would_be_written_and_does_nothing(world):
    kubeconfig(world).write_text("# mine\nkind: Config\n")

    said = world.login("alice", SERVER, "--dry-run")

    assert str(kubeconfig(world)) in said.stdout and yaml.safe_load(said.stdout)["users"][0]["name"] == "rig"
    assert kubeconfig(world).read_text() == "# mine\nkind: Config\n"
    assert not world.signins() and not cache_entries(world)


def test_a_dry_run_refuses_what_a_login_would_refuse(world):
    kubeconfig(world).write_text("kind: Config\nusers:\n- name: rig\n  user: {token: x}\n")

    assert "--context-name" in one_line(world.login("alice", SERVER, "--dry-run", code=1))


def test_a_login_to_standard_output_leaves_the_files_alone_and_kubectl_can_use_it(world):
    kubeconfig(world).write_text("kind: Config\nusers:\n- name: rig\n  user: {token: x}\n")
    before = kubeconfig(world).read_bytes()
    printed = world.home("alice") / "run/printed"

    said = world.login("alice", SERVER, "--stdout")
    printed.write_text(said.stdout)

    assert kubeconfig(world).read_bytes() == before and said.stderr == "" and "eyJ" not in said.stdout
    ns = world.run("alice", "kubectl", "--kubeconfig", printed, "get", "ns", "-o", "name")
    assert "namespace/tka" in ns.stdout
    printed.unlink()


@pytest.mark.parametrize("flags, command, version", [
    ((), "kubectl-tka", "v1"), (("--absolute",), None, "v1"), (("--exec-api", "v1beta1"), "kubectl-tka", "v1beta1"),
], ids=["usual", "absolute", "v1beta1"])
def test_the_stanza_is_what_was_asked_for_and_kubectl_runs_it(world, flags, command, version):
    world.login("alice", SERVER, "--use", *flags)

    stanza = yaml.safe_load(kubeconfig(world).read_text())["users"][0]["user"]["exec"]
    assert stanza["command"] == (command or str(world.rig.built_here() / "kubectl-tka"))
    assert stanza["apiVersion"] == f"client.authentication.k8s.io/{version}"
    assert stanza["interactiveMode"] == "Never" and stanza["provideClusterInfo"] is False and stanza["installHint"]
    path = {"PATH": "/usr/bin:/bin"} if command is None else {}
    kubectl = world.run("alice", "sh", "-c", "command -v kubectl").stdout.strip()
    assert "namespace/tka" in world.run("alice", kubectl, "get", "ns", "-o", "name", env=path).stdout


# --- the file ---

def test_a_kubeconfig_of_somebody_else_keeps_its_owner(world):
    path = kubeconfig(world)
    path.write_text("kind: Config\n")
    try:
        os.chown(path, 65534, 65533)
    except PermissionError:
        missing("only root gives a file away")
    path.chmod(0o640)

    world.login("alice")

    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65533, 0o640)


def test_a_chain_of_links_through_folders_ends_at_the_same_file(world):
    home = world.home("alice")
    (home / "dot/kube").mkdir(parents=True, exist_ok=True)
    real = home / "dot/kube/real"
    real.write_text("# mine\nkind: Config\n")
    middle = home / "dot/middle"
    middle.unlink(missing_ok=True)
    middle.symlink_to("kube/real")
    kubeconfig(world).symlink_to("../dot/middle")

    world.login("alice")

    assert kubeconfig(world).is_symlink() and middle.is_symlink() and "# mine\n" in real.read_text()
    assert "rig" in real.read_text() and [path.name for path in real.parent.iterdir()] == ["real"]
    real.unlink()
    middle.unlink()


def test_a_link_to_nowhere_and_a_folder_are_refused(world):
    kubeconfig(world).symlink_to("/nowhere/at/all")
    assert "nowhere" in one_line(world.login("alice", code=None))
    kubeconfig(world).unlink()

    kubeconfig(world).mkdir()
    said = world.login("alice", code=None)
    kubeconfig(world).rmdir()
    assert said.returncode != 0 and one_line(said)


def test_in_a_list_each_entry_goes_back_to_its_file_and_the_current_context_to_its_own(world):
    home = world.home("alice")
    one, two = home / "one", home / "two"
    one.write_text("# one\nkind: Config\ncurrent-context: other\n")
    two.write_text("# two\nkind: Config\n")
    world.run("alice", "kubectl-tka", "login", SERVER, "--kubeconfig", two)
    env = {"KUBECONFIG": f"{one}:{home}/none::{two}:{one}"}

    world.run("alice", "kubectl-tka", "login", SERVER, "--use", env=env)

    assert "kubectl-tka" not in one.read_text() and "# two" in two.read_text()
    assert yaml.safe_load(one.read_text())["current-context"] == "rig" and "# one" in one.read_text()
    said = world.run("alice", "kubectl", "get", "ns", "-o", "name", env=env)
    assert "namespace/tka" in said.stdout
    one.unlink()
    two.unlink()


FOLDER_READ_ONLY = ("sh", "-c", 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"', "ro")


@pytest.mark.parametrize("spoil", ["a lock that was left", "a folder that is read-only"])
def test_in_a_list_a_file_that_is_not_written_needs_neither_a_lock_nor_a_folder_to_write_in(world, tmp_path, spoil):
    one, two = tmp_path / "one", tmp_path / "fixed/two"
    two.parent.mkdir()
    one.write_text("# one\nkind: Config\n")
    two.write_text("# two\nkind: Config\ncurrent-context: other\n")
    prefix = ()
    if spoil == "a lock that was left":
        two.with_name("two.lock").touch()
    else:
        prefix = (*FOLDER_READ_ONLY, two.parent)
        world.run("alice", *prefix, "touch", two.with_name("more"), code=1)
    before = sorted(two.parent.iterdir())

    for argv in (["login", SERVER], ["login", SERVER], ["logout", "rig"]):
        began = time.monotonic()
        said = world.run("alice", *prefix, "kubectl-tka", *argv, env={"KUBECONFIG": f"{one}:{two}"})
        assert said.stderr == "" and time.monotonic() - began < 5, "who only reads gives a lock 1 s, a writer 5 s"

    assert "kubectl-tka" in one.read_text() and two.read_text() == "# two\nkind: Config\ncurrent-context: other\n"
    assert sorted(two.parent.iterdir()) == before


def test_what_others_put_into_our_entries_outlives_the_next_login(world):
    world.login("alice", SERVER, "--use")
    world.run("alice", "kubectl", "config", "set-context", "rig", "--namespace", "mine")

    world.login("alice")

    context = read_by_kubectl(world, kubeconfig(world))["contexts"][0]["context"]
    assert context["namespace"] == "mine" and any(each["name"] == OURS for each in context["extensions"])


def test_what_kubectl_has_written_over_is_still_known_as_ours(world):
    world.login("alice", SERVER, "--use")
    world.run("alice", "kubectl", "config", "set", "preferences.colors", "true")

    world.login("alice")

    assert len(read_by_kubectl(world, kubeconfig(world))["contexts"]) == 1
    assert "Signed out of rig" in world.run("alice", "kubectl-tka", "logout").stdout
    assert pathlib.Path(kubeconfig(world)).exists()
