"""What people type and what they are told: argv, settings and input to stdout, stderr and exit code, for every command."""

import contextlib
import json
import re
import time

import pytest
import yaml

from own_daemon import PORT as OWN_PORT, URL as OWN_URL, config_of, own_daemon
from relay import CLOSE, HANG, reply
from terminal import Terminal
from test_client import all_requests, cache_entries, false_server, one_line, relay_at  # noqa: F401 (a fixture)
from test_keyring import bus, keyring  # noqa: F401 (fixtures)
from world import SERVER, SERVER_TUN, eventually, rule

ALICE = "alice@example.com"
FALSE = "http://tka:8125"
WITH_HELP = ["login", "logout", "refresh", "status", "list", "get login", "access", "kubeconfig", "cluster-info", "doctor",
             "version", "help", "credential"]
INSTANT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def tka(world, *argv, node="alice", code=0, **more):
    return world.run(node, "kubectl-tka", *argv, code=code, **more)


def say(world, *argv, **more):
    """What -o json says."""
    return json.loads(tka(world, *argv, "-o", "json", **more).stdout)


# --- the table of commands ---

@pytest.mark.parametrize("command", WITH_HELP)
def test_the_help_of_a_command_fits_80_columns_and_shows_an_example(world, command):
    said = tka(world, *command.split(), "--help")

    assert said.stderr == "" and max(map(len, said.stdout.splitlines())) <= 80
    assert "Examples:" in said.stdout or command == "credential"
    assert said.stdout == tka(world, "help", *command.split()).stdout


def test_every_command_that_help_lists_has_help_of_its_own(world):
    text = tka(world, "--help").stdout
    groups = text.split("Usage:")[1].split("Examples:")[0]
    names = re.findall(r"^  ([a-z-]+(?: [a-z-]+)?)  +\S", groups, re.MULTILINE)

    assert set(WITH_HELP) <= set(names) and max(map(len, text.splitlines())) <= 80
    for name in names:
        assert f"Usage: kubectl tka {name}" in tka(world, *name.split(), "--help").stdout or name == "help"


def test_the_help_names_the_program_as_it_was_called(world):
    link = world.folder / "as-tka"
    link.mkdir()
    (link / "tka").symlink_to(world.rig.built_here() / "kubectl-tka")

    said = world.run("alice", link / "tka", "login", "--help").stdout

    (link / "tka").unlink()
    link.rmdir()
    assert "Usage: tka login" in said and "kubectl tka login" not in said


@pytest.mark.parametrize("alias, usage", [
    ("signin", "login"), ("auth", "login"), ("signout", "logout"), ("reauthenticate", "refresh"), ("reauth", "refresh"),
    ("why", "access"), ("ls", "list"), ("get signin", "get login"), ("get kubeconfig", "kubeconfig"),
    ("get cluster-info", "cluster-info"),
])
def test_an_alias_is_the_same_command(world, alias, usage):
    assert f"Usage: kubectl tka {usage}" in tka(world, *alias.split(), "--help").stdout


USAGE = [
    (["lgoin"], '"lgoin"; did you mean "login"?'), (["stauts"], "did you mean \"status\"?"),
    (["get", "kubeconfg"], 'did you mean "get kubeconfig"?'), (["get"], '"get login"'),
    (["list", "--outptu", "json"], "did you mean --output?"), (["list", "-o", "xml"], "table|json|yaml|name"),
    (["list", "prod"], '"prod" is one word too many'), (["status", "--role", "x"], "--role means nothing to this command"),
    (["version", "--server", "x"], "--server means nothing"), (["--frob", "list"], "--frob is no flag"),
    (["login", "--for", "25h"], "24h0m0s"), (["logout", "--all", "prod"], '"prod" beside --all'),
    (["status", "--format", "{token}"], "{cluster}"), (["kubeconfig", "--token", "--role", "view", SERVER], "--role"),
    (["help", "lgoin"], "login"), (["-q"], '"-q"'),
    (["config", "sett", "a", "b"], 'there is no command "config sett"; did you mean "config set"?'),
    (["config", "foo"], 'there is no command "config foo"; did you mean "config '),
]


@pytest.mark.parametrize("argv, words", USAGE, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_usage_says_in_one_line_what_would_be_right(world, argv, words):
    assert words in one_line(tka(world, *argv, code=2))


def test_flags_may_stand_before_the_command(world):
    assert tka(world, "-q", "--server", SERVER, "login").stdout == ""
    assert json.loads(tka(world, "-o", "json", "get", "login").stdout)["username"] == ALICE


# --- forms of output ---

@pytest.mark.parametrize("argv", [["version"], ["status", "--all"], ["list"], ["get", "login"], ["access"], ["cluster-info"],
                                  ["kubeconfig"], ["doctor"], ["refresh"], ["login"], ["login", "--stdout"], ["login", "--dry-run"],
                                  ["config", "list"], ["config", "get", "tailscale.serverTags"],
                                  ["config", "get", "tailscale.port"]], ids=" ".join)
def test_json_and_yaml_say_the_same_and_names_are_one_a_line(world, argv):
    world.login("alice")
    code = None if argv == ["doctor"] else 0
    told = {form: tka(world, *argv, "-o", form, code=code).stdout for form in ("json", "yaml", "name")}

    assert without_times(json.loads(told["json"])) == without_times(yaml.safe_load(told["yaml"]))
    assert told["name"].strip() and "  " not in told["name"]


def without_times(value):
    """Without what another second changes."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items()
                if key not in ("until", "left", "finding")}
    return [without_times(item) for item in value] if isinstance(value, list) else value


def test_times_are_instants_where_nobody_reads_them(world):
    assert INSTANT.match(say(world, "login", SERVER)["until"])
    assert INSTANT.match(say(world, "status", "--all")[0]["until"])
    assert INSTANT.match(tka(world, "get", "login").stdout.split("Until:")[1].split()[0])


# --- login and logout ---

def test_login_says_what_was_granted_and_what_to_type_next(world):
    said = tka(world, "login", SERVER)

    assert said.stderr == ""
    for line in ("Signed in to rig", f"User: +{ALICE}", "Role: +cluster-admin", "Context: +rig", "Next: kubectl get pods"):
        assert re.search(line, said.stdout), said.stdout


@pytest.mark.parametrize("flags", [[], ["--role", "view"], ["--context-name", "it's $HOME"], ["--use", "--role", "view"]],
                         ids=" ".join)
@pytest.mark.parametrize("name", [None, "x.yaml", "my own $x's.yaml"])
def test_what_login_says_to_type_next_works_in_a_shell_as_it_stands(world, name, flags):
    path = world.home("alice") / "run" / (name or "")
    tka(world, "login", SERVER, *(["--kubeconfig", path] if name else []))  # the current context from now on

    said = tka(world, "login", SERVER, *flags, *(["--kubeconfig", path] if name else []))
    line = said.stdout.split("Next: ")[1].strip().replace("get pods", "config view --minify -o 'jsonpath={.current-context}'")
    chosen = world.run("alice", "bash", "-c", line)

    if name:
        path.unlink()
    assert chosen.stdout == json.loads(tka(world, "login", SERVER, *flags, "-o", "json").stdout)["context"]


def test_login_again_is_the_same_session_and_context(world):
    first, second = say(world, "login", SERVER), say(world, "login", SERVER)

    assert without_times(first) == without_times(second) and len(world.signins(username=ALICE)) == 1
    assert tka(world, "login", SERVER, "-q").stdout == ""


def test_debug_shows_every_rule_which_won_and_why_also_when_none_did(world):
    said = tka(world, "--debug", "login", SERVER)
    header, *rows = said.stderr.splitlines()[:3]
    assert header.split() == ["RULE", "ROLE", "NAMESPACES", "FOR", "PRIORITY", "VERDICT", "WHY"]
    assert len({row.index(verdict) for row, verdict in zip(rows, ("wins", "granted"))}) == 1
    assert "Signed in" in said.stdout

    said = tka(world, "login", SERVER, "--debug", node="carol", code=4)
    assert "no rule for you" in said.stderr and "User not authorized" in said.stderr


def test_logout_everywhere_reaches_the_other_device_and_logout_alone_does_not(world):
    for node in ("alice", "desktop"):
        tka(world, "login", SERVER, node=node)
    tka(world, "logout")
    assert len(world.signins(username=ALICE)) == 1

    tka(world, "login")
    said = tka(world, "logout", "--everywhere", "-o", "json")
    assert json.loads(said.stdout)[0]["ended"] == 2 and not world.signins(username=ALICE)


VIEW = ["--role", "view"]


def login_in_two_roles(world, node="alice", *flags):
    """As view by a context of its own; as admin by none that stands in the kubeconfig."""
    tka(world, "login", SERVER, *VIEW, *flags, "--use", node=node)
    tka(world, "login", SERVER, "--stdout", node=node)


@pytest.mark.parametrize("argv", [["rig"], [SERVER], [], ["--all"]], ids=lambda argv: " ".join(argv) or "without a word")
def test_a_logout_of_a_cluster_ends_every_role_also_where_the_only_context_has_one(world, argv):
    login_in_two_roles(world)

    (row,) = say(world, "logout", *argv)

    assert row["ended"] == 2 and not world.signins(username=ALICE) and not cache_entries(world)
    assert {row["state"] for row in say(world, "status", "--all", code=5)} == {"signed out"}


def test_a_lost_laptop_is_cut_off_from_a_device_that_knows_another_role(world):
    tka(world, "login", SERVER)
    tka(world, "login", SERVER, *VIEW, node="desktop")

    (row,) = say(world, "logout", "rig", "--everywhere", node="desktop")

    assert row["ended"] == 2 and not world.signins(username=ALICE)


@pytest.mark.parametrize("flags, word", [([], "rig!view"), (["--context-name", "mine"], "mine")], ids=["CLUSTER!ROLE", "a name"])
def test_a_logout_of_a_context_with_a_role_ends_that_one_alone(world, flags, word):
    login_in_two_roles(world, "alice", *flags)

    (row,) = say(world, "logout", word)

    assert row["ended"] == 1 and [signin["spec"]["role"] for signin in world.signins(username=ALICE)] == ["cluster-admin"]
    assert {row["context"]: row["state"] for row in say(world, "status", "--all")} == {word: "signed out", "rig": "active"}


def test_a_logout_of_a_role_signs_out_whoever_was_granted_it_without_asking(world):
    """It is one session: kept, that context's next call would begin it anew."""
    for flags in ((), ("--role", "cluster-admin"), VIEW):
        tka(world, "login", SERVER, *flags)

    (row,) = say(world, "logout", "rig!cluster-admin", "--forget")

    assert (row["ended"], row["removed"]) == (1, 1)
    assert {row["context"]: row["state"] for row in say(world, "status", "--all")} == {"rig": "signed out", "rig!view": "active"}
    assert "not signed in" in world.run("alice", "kubectl", "--context", "rig", "get", "ns", code=None).stderr
    assert [signin["spec"]["role"] for signin in world.signins(username=ALICE)] == ["view"]


def test_forgetting_a_cluster_takes_out_its_context_with_a_role(world):
    login_in_two_roles(world)

    (row,) = say(world, "logout", "rig", "--forget")

    assert (row["ended"], row["removed"]) == (2, 1)
    assert not world.run("alice", "kubectl", "config", "get-contexts", "-o", "name").stdout


def test_logging_out_of_all_tells_of_each_and_fails_for_what_cannot_be_reached(world):
    with own_daemon(world, "tka-server", config_of(world, "tka-server", clusterInfo__name="second")) as daemon:
        daemon.await_status(200)
        tka(world, "login", SERVER)
        tka(world, "login", OWN_URL)
    said = tka(world, "logout", "--all", code=3)

    assert said.stdout == "Signed out of rig\n" and said.stderr.count("\n") == 1 and f":{OWN_PORT}" in said.stderr
    assert {row["state"] for row in say(world, "status", "--all", code=5)} == {"signed out"}


def test_refresh_extends_without_a_gap(world):
    tka(world, "login", SERVER)
    uid = world.signin(username=ALICE)["metadata"]["uid"]
    before = world.signin(username=ALICE)["spec"]["requested_at"]
    eventually("another second, by the server's clock too",
               lambda: time.strftime("%FT%TZ", time.gmtime(time.time() - 1)) > before)

    (row,) = say(world, "refresh")

    after = world.signin(username=ALICE)
    assert after["metadata"]["uid"] == uid and after["spec"]["requested_at"] > before and row["role"] == "cluster-admin"
    world.run("alice", "kubectl", "get", "namespaces")


@pytest.mark.parametrize("mode, entries", [("none", 0), ("file", 1)])
def test_refresh_keeps_the_token_where_the_login_said_and_nowhere_else(world, mode, entries):
    tka(world, "login", SERVER, "--cache", mode)
    before = cache_entries(world)

    tka(world, "refresh")

    assert cache_entries(world) == before and len(before) == entries


@pytest.mark.parametrize("mode, entries", [("none", 0), ("file", 1)])
def test_refresh_keeps_the_token_where_a_login_by_another_kubeconfig_has_it(world, mode, entries):
    other = world.home("alice") / "run/other.yaml"
    tka(world, "login", SERVER, "--cache", mode, "--kubeconfig", other)
    other.unlink()
    before = cache_entries(world)

    for word in ("rig", SERVER):
        assert [row["context"] for row in say(world, "refresh", word)] == ["rig"]

    assert cache_entries(world) == before and len(before) == entries


@pytest.mark.parametrize("before, code, words", [
    ([], 5, "no session"), ([["login", SERVER], ["logout"]], 5, "no session"),
    ([["login", SERVER, "--for", "10m"]], 2, "--for or --reason"),
], ids=["never logged in", "logged out", "limited on purpose"])
def test_what_cannot_be_refreshed_is_said_with_what_to_do(world, before, code, words):
    for argv in before:
        tka(world, *argv)

    said = one_line(tka(world, "refresh", *([] if before else [SERVER]), code=code))

    assert words in said and "login" in said


LIMITED = ["login", SERVER, *VIEW, "--for", "10m"]


def end_mark(world):
    """The one of a login --for, as if that were long ago."""
    (path,) = [path for path in (world.home("alice") / ".local/state/tka").glob("*.json")
               if path.name != "known.json" and json.loads(path.read_text())["once"]]
    path.write_text(json.dumps({**json.loads(path.read_text()), "until": 1}))


@pytest.mark.parametrize("over", [False, True], ids=["still there", "over"])
@pytest.mark.parametrize("logins", [[["login", SERVER], LIMITED], [LIMITED, ["login", SERVER]]], ids=["behind", "before"])
def test_a_session_limited_on_purpose_keeps_no_other_from_being_refreshed(world, logins, over):
    for argv in logins:
        tka(world, *argv)
    if over:
        end_mark(world)
    limited = world.signin(username=ALICE, role="view")["spec"]

    rows = [say(world, "refresh", "rig") for _ in range(2)]

    assert [[row["context"] for row in told] for told in rows] == [["rig"], ["rig"]]
    assert world.signin(username=ALICE, role="view")["spec"] == limited


def test_a_limited_session_that_is_over_is_not_begun_anew_by_a_refresh(world):
    tka(world, *LIMITED)
    end_mark(world)
    before = world.signin(username=ALICE)["spec"]

    said = one_line(tka(world, "refresh", "rig", code=2))

    assert "is over" in said and "--role view" in said and world.signin(username=ALICE)["spec"] == before


# --- status ---

def test_status_is_a_line_from_the_cache_alone(world):
    tka(world, "login", SERVER)
    requests = all_requests(world)

    said = tka(world, "status")

    assert re.fullmatch(r"rig  cluster-admin  active  \S+.*  runtime\n", said.stdout)
    assert re.fullmatch(r"rig\|cluster-admin\|(1h 0m|59m \d+s)\|alice@example.com\n",
                        tka(world, "status", "--format", "{cluster}|{role}|{left}|{user}").stdout)
    assert all_requests(world) == requests


def test_status_tells_the_sessions_of_two_clusters_apart(world):
    with own_daemon(world, "tka-server", config_of(world, "tka-server", clusterInfo__name="second")) as daemon:
        daemon.await_status(200)
        tka(world, "login", SERVER)
        tka(world, "login", OWN_URL, "--role", "view")
        rows = {row["context"]: row for row in say(world, "status", "--all")}
        listed = {row["name"]: row for row in say(world, "list")}

    assert set(rows) == {"rig", "second!view"} and rows["second!view"]["role"] == "view"
    assert {"rig", "second"} <= set(listed) and listed["second"]["contexts"] == ["second!view"]
    assert [row["context"] for row in say(world, "status")] == ["rig"]
    assert [row["context"] for row in say(world, "status", "second")] == ["second!view"]


def edit_entry(world, **fields):
    (path,) = (world.home("alice") / "run/tka").glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize("spoil, state", [
    (lambda world: tka(world, "logout"), "signed out"),
    (lambda world: edit_entry(world, expires=1, until=1), "ended"),
    (lambda world: edit_entry(world, addresses="100.64.9.9"), "of another node"),
    (lambda world: [path.unlink() for path in (world.home("alice") / "run/tka").glob("*.json")], "no token"),
], ids=["signed out", "ended", "of another node", "no token"])
def test_status_says_why_there_is_no_session(world, spoil, state):
    tka(world, "login", SERVER)
    spoil(world)

    said = tka(world, "status", code=5)

    assert state in said.stdout and said.stderr == ""


@pytest.mark.parametrize("argv, words", [
    ([], "none that login wrote"), (["nowhere"], '"nowhere"'), (["--all"], "not signed in"),
], ids=["another's context", "no such cluster", "nothing known"])
def test_status_without_anything_to_show_says_how_to_begin(world, argv, words):
    path = world.home("alice") / ".kube/config"
    path.parent.mkdir(exist_ok=True)
    path.write_text("current-context: minikube\n")

    assert words in one_line(tka(world, "status", *argv, code=5))
    said = tka(world, "status", *argv, "--format", "{cluster}", code=5)
    assert said.stdout == said.stderr == ""


@pytest.mark.parametrize("cache", ["runtime", "file", "keyring"])
def test_status_says_in_which_place_the_token_lies(world, keyring, cache):  # noqa: F811
    tka(world, "login", SERVER, "--cache", cache, env=keyring.env)

    assert say(world, "status", env=keyring.env)[0]["cache"] == cache


def test_status_does_not_wake_the_keyring(world, keyring):  # noqa: F811
    tka(world, "login", SERVER, "--cache", "keyring", env=keyring.env)

    said = say(world, "status", env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"})

    assert said[0]["state"] == "active" and said[0]["cache"] == "keyring"
    tka(world, "logout", env=keyring.env)
    assert say(world, "status", code=5)[0]["state"] == "signed out"


def test_status_inside_a_shell_is_about_its_session(world):
    said = tka(world, "exec", SERVER, "--role", "view", "--", "kubectl-tka", "status", "--format", "{context} {state}")

    assert said.stdout == "rig!view active\n" and say(world, "status", "--all", code=5) == []


# --- list ---

def test_list_finds_servers_by_their_tag_in_the_tailnet(world):
    rows = say(world, "list", env={"TKA_TAILSCALE_PORT": "8123"})

    assert {row["server"] for row in rows} == {SERVER, SERVER_TUN}
    assert {(row["name"], row["reachable"], row["role"]) for row in rows} == {("rig", True, "cluster-admin")}
    assert [row["source"] for row in rows if row["server"] == SERVER_TUN] == ["tailnet"]
    assert all(row["labels"] == {"environment": "rig"} and "session" not in row for row in rows)


def test_list_shows_role_and_session_of_each(world):
    tka(world, "login", SERVER, "--role", "view")

    row = next(row for row in say(world, "list") if row["server"] == SERVER)

    assert (row["source"], row["contexts"], row["session"]["role"]) == ("kubeconfig", ["rig!view"], "view")


def test_list_waits_for_all_that_hang_together_no_longer_than_2_s(world):
    tka(world, "login", SERVER)
    with contextlib.ExitStack() as stack:
        hanging = {f"http://tka:{port}": stack.enter_context(relay_at(world, "hub", ("127.0.0.1", port)))
                   for port in (8125, 8126, 8127)}
        for url, relay in hanging.items():
            tka(world, "login", url, "--context-name", url[-4:])
            stack.enter_context(relay.instead(".", HANG))
        began = time.monotonic()
        rows = say(world, "list")
        took = time.monotonic() - began

        said = tka(world, "list").stderr

    for url in hanging:
        assert re.search(f"^kubectl-tka: warning: rig: {url}: no answer", said, re.MULTILINE), said
    told = {row["server"]: row["reachable"] for row in rows if row["source"] != "tailnet"}
    assert told == {SERVER: True, **{url: False for url in hanging}}
    assert 1.9 < took < 5.5, "2 s, and what starting programs takes; one after the other they would take 6"


def test_list_without_a_tailscaled_says_so_and_shows_what_is_known(world):
    tka(world, "login", SERVER)

    said = tka(world, "list", "-o", "json", env={"TKA_TAILSCALE_SOCKET": "/nowhere"})

    assert [row["reachable"] for row in json.loads(said.stdout)] == [False] and "not searched" in said.stderr


def test_list_of_nothing_says_how_to_begin(world):
    said = tka(world, "list", "--server-tags", "tag:nobody", code=1)

    assert "login SERVER" in one_line(said)


# --- access ---

def test_access_shows_rules_sessions_and_what_a_login_would_get(world):
    with world.policy(alice=[rule("view", priority=1), rule("edit", "30m", 5), rule("view", "2h", 3)]):
        eventually("the new rules", lambda: len(world.ask("alice", "GET", "access").body["rules"]) == 3)
        said = tka(world, "access", SERVER)

    assert re.search(r"\[0\] +view +- +1h +1 +hidden", said.stdout) and re.search(r"\[1\] +edit .* wins", said.stdout)
    assert re.search(r"Role: +edit", said.stdout)


@pytest.mark.parametrize("node, code, words", [("carol", 4, "User not authorized"), ("ci", 2, "tagged")])
def test_access_of_who_gets_nothing_says_why(world, node, code, words):
    said = tka(world, "access", SERVER, node=node, code=code)

    assert words in said.stderr and said.stderr.count("\n") == 1


def test_no_control_character_of_a_server_reaches_the_terminal(world, false_server):  # noqa: F811
    hostile = "a\x1b[31m\x07\x7f\x9b1m"
    access = {"username": hostile, "status": 403, "refused": hostile, "capabilities": [hostile], "sessions": [
        {"name": hostile, "role": hostile, "until": hostile, "here": True, "ready": True}], "rules": [
        {"capability": hostile, "index": 0, "role": hostile, "verdict": "wins", "why": hostile, "unknown_keys": [hostile]}]}
    info = {"server_url": "https://api:6443", "insecure_skip_tls_verify": False, "labels": {hostile: hostile}, "name": hostile}
    with false_server.instead("access", reply(200, json.dumps(access))), \
            false_server.instead("cluster-info", reply(200, json.dumps(info))):
        for form in ("table", "json", "yaml", "name"):
            for argv in (["access", FALSE], ["list", "--server", FALSE], ["cluster-info", FALSE]):
                said = tka(world, *argv, "-o", form, code=None)
                assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", said.stdout + said.stderr), (form, argv)


# --- what goes wrong with whatever is asked ---

ASKING = [["login", FALSE], ["logout", FALSE], ["get", "login", FALSE], ["access", FALSE], ["cluster-info", FALSE],
          ["kubeconfig", FALSE], ["kubeconfig", FALSE, "--token"], ["refresh", FALSE]]
FAILURES = {
    "hangs up": (CLOSE, 3), "HTML": (reply(200, "<html>hello</html>", "text/html"), 2),
    "401": (reply(401, '{"message": "who?"}'), 5), "403": (reply(403, '{"message": "no", "advice": ["ask"]}'), 4),
    "429": (reply(429, '{"message": "slow down"}', Retry_After="1"), 3), "500": (reply(500, '{"message": "oh"}'), 1),
    "503": (reply(503, '{"message": "not now"}', Retry_After="1"), 3),
}


@pytest.mark.parametrize("argv", ASKING, ids=lambda argv: " ".join(argv).replace(FALSE, "SERVER"))
@pytest.mark.parametrize("answer, code", FAILURES.values(), ids=FAILURES)
def test_a_failure_of_the_server_is_one_line_and_its_exit_code(world, false_server, argv, answer, code):  # noqa: F811
    with false_server.instead(".", answer):
        said = one_line(tka(world, *argv, code=code))

    assert code != 4 or "no; ask" in said


@pytest.mark.parametrize("argv", ASKING, ids=lambda argv: " ".join(argv).replace(FALSE, "SERVER"))
@pytest.mark.parametrize("env, server, code, words", [
    ({}, "http://tka:9", 3, "tka:9"), ({}, "http://no-such-host:8123", 3, "no-such-host"), ({}, "http://carol:8123", 4, "carol"),
    ({"TKA_TAILSCALE_SOCKET": "/nowhere"}, SERVER, 3, "tailscaled"), ({"TKA_CONFIG": "/nowhere"}, SERVER, 2, "/nowhere"),
], ids=["nobody listens", "no such host", "no server's tag", "no tailscaled", "no config file"])
def test_a_server_that_cannot_be_asked_is_one_line_and_its_exit_code(world, argv, env, server, code, words):
    said = one_line(tka(world, *(word.replace(FALSE, server) for word in argv), code=code, env=env))

    assert words in said


# --- on a terminal ---

def test_a_wait_shows_what_for_and_how_long_and_leaves_nothing_behind(world, false_server):  # noqa: F811
    with false_server.instead("credential", HANG), Terminal(world, "alice", ["kubectl-tka", "login", FALSE]) as terminal:
        terminal.await_text(r"^[|/\\-] signing in to rig: waiting for the session \d+\.\d+s$")
        terminal.press("C-c")
    with false_server.instead("cluster-info", CLOSE, 3), \
            Terminal(world, "alice", ["kubectl-tka", "cluster-info", FALSE]) as terminal:
        terminal.await_text("kubectl-tka: ")
        assert "asking" not in terminal.screen()


@pytest.mark.parametrize("env, colours", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
                         ids=["as it is", "NO_COLOR", "a dumb terminal"])
def test_colour_is_for_terminals_that_want_it(world, env, colours):
    line = " ".join(f"{name}={value}" for name, value in env.items())
    argv = ["sh", "-c", f"env {line} kubectl-tka access {SERVER}; env {line} kubectl-tka login --rolle; echo done"]
    with Terminal(world, "alice", argv) as terminal:
        terminal.await_text("^done")
        painted = terminal.tmux("capture-pane", "-p", "-e", "-S", "-")

    assert ("\x1b[" in painted) is colours


def test_people_read_times_as_how_long_from_now(world):
    argv = ["sh", "-c", f"kubectl-tka login {SERVER}; kubectl-tka get login; kubectl-tka list -p 8123; echo done"]
    with Terminal(world, "alice", argv) as terminal:
        terminal.await_text("^done")
        assert len(re.findall(r"in (?:59m \d+s|1h 0m)", terminal.screen())) >= 3, terminal.screen()
