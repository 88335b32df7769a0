"""What the plugin does between two tokens: one request for many, repairs, failures told once, and its secrets kept."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import time

import pytest

from needed import missing
from relay import HANG, reply
from test_client import (EXEC_INFO, cache_entry, cache_entries, edit_entry, false_server,  # noqa: F401
                         marks, one_line, plugin, requests, stanza)
from world import GROUP, SERVER, eventually

FALSE_SERVER = "http://tka:8125"
# One client that runs its plugin that often in a row: what kubectl does.
CLIENT = ("sh", "-c", 'n=$1; shift; for i in $(seq "$n"); do "$@" || last=$?; done; exit ${last:-0}', "client")


def runs(world, times, code=0, context="rig", env=None, info=EXEC_INFO, change=list):
    return world.run("alice", *CLIENT, str(times), *change(stanza(world, "alice", context)), code=code,
                     env={"KUBERNETES_EXEC_INFO": json.dumps(info), **(env or {})})


def tokens(said):
    return [answer["status"]["token"] for answer in decode_all(said.stdout)]


def decode_all(text):
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def notes(world, suffix):
    return list((world.home("alice") / "run/tka").glob("*" + suffix))


# --- places ---

@pytest.mark.parametrize("mode, place", [("auto", "run/tka"), ("runtime", "run/tka"), ("file", ".cache/tka")])
def test_each_cache_lies_in_its_place_and_serves(world, mode, place):
    said = world.login("alice", SERVER, "--cache", mode)
    before = requests(world)

    hit = plugin(world)

    path = cache_entry(world)
    assert path.parent == world.home("alice") / place and path.stat().st_mode & 0o777 == 0o600
    assert hit.stderr == "" and requests(world) == before and "Token:" in said.stdout
    assert stanza(world)[stanza(world).index("--cache") + 1] == mode


def test_without_a_runtime_folder_auto_uses_the_cache_folder(world):
    env = {"XDG_RUNTIME_DIR": "/nowhere"}
    world.run("alice", "kubectl-tka", "login", SERVER, env=env)
    before = requests(world)

    assert plugin(world, env=env).stderr == "" and requests(world) == before
    assert cache_entry(world).parent == world.home("alice") / ".cache/tka"
    assert not pathlib.Path("/nowhere").exists()


def test_where_kubectl_keeps_its_cache_we_do_too(world):
    env = {"KUBECACHEDIR": str(world.home("alice") / "run/kubectl")}
    world.run("alice", "kubectl-tka", "login", SERVER, "--cache", "file", env=env)
    before = requests(world)

    assert plugin(world, env=env).stderr == "" and requests(world) == before
    assert len(list((world.home("alice") / "run/kubectl/tka").glob("*.json"))) == 1 and not cache_entries(world)
    world.run("alice", "rm", "-rf", world.home("alice") / "run/kubectl")


def test_strict_runtime_without_a_runtime_folder_says_so_at_login(world):
    said = world.run("alice", "kubectl-tka", "login", SERVER, "--cache", "runtime", env={"XDG_RUNTIME_DIR": ""})

    assert "XDG_RUNTIME_DIR" in said.stderr and not cache_entries(world)


@pytest.mark.parametrize("env", [{"HOME": "", "XDG_CACHE_HOME": "", "XDG_RUNTIME_DIR": ""},
                                 {"XDG_CACHE_HOME": "/proc/x", "XDG_RUNTIME_DIR": "/proc"}],
                         ids=["no home at all", "nowhere to write"])
def test_where_nothing_can_be_kept_every_call_asks_and_succeeds(world, env):
    world.login("alice")
    before = requests(world)

    assert [plugin(world, env=env).stderr for _ in range(2)] == ["", ""]
    assert requests(world) == before + 2


# --- one for many ---

def cold_calls(world, count, meanwhile=None, clients=True):
    """Calls side by side, each of a client of its own, or all of one."""
    line = world.rig.node_argv("alice", [*(CLIENT if clients else ()), *(["1"] if clients else []), *stanza(world)])
    env = {**world.rig.node_env("alice"), "KUBERNETES_EXEC_INFO": json.dumps(EXEC_INFO)}
    script = 'n=$1; shift; for i in $(seq "$n"); do "$@" & done; wait'
    started = time.monotonic()
    call = subprocess.Popen(["sh", "-c", script, "all", str(count), *line], env=env, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    if meanwhile:
        meanwhile()
    out, err = call.communicate(timeout=60)
    return decode_all(out), err, time.monotonic() - started


@pytest.mark.parametrize("clients", [True, False], ids=["of fifty clients", "of one client"])
def test_fifty_cold_calls_at_once_are_one_request(world, clients):
    world.login("alice")
    cache_entry(world).unlink()
    before = requests(world)

    found, said, seconds = cold_calls(world, 50, clients=clients)

    assert len(found) == 50 and len({each["status"]["token"] for each in found}) == 1 and said == ""
    assert requests(world) == before + 1 and seconds < 12


def lock_holder(world):
    """The pid of the process that holds a lock on the key's file."""
    for path in notes(world, ".lock"):
        inode = path.stat().st_ino
        for line in pathlib.Path("/proc/locks").read_text().splitlines():
            words = line.split()
            if "FLOCK" in words and "->" not in words and words[-3].endswith(f":{inode}"):
                return int(words[-4])
    return None


def test_when_the_one_that_asks_is_killed_another_asks(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    before = requests(world)

    with false_server.instead("POST .*credential", HANG, times=1) as met:
        def kill():
            holder = eventually("a request under way", lambda: met and lock_holder(world))
            os.kill(holder, signal.SIGKILL)
        found, _, seconds = cold_calls(world, 20, kill)

    assert len(found) == 19 and len({each["status"]["token"] for each in found}) == 1
    assert requests(world) == before + 1 and seconds < 12


def test_many_calls_at_once_of_a_server_that_hangs_are_one_attempt(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    with false_server.instead("POST .*credential", HANG) as met:
        found, said, seconds = cold_calls(world, 20)

    assert found == [] and said.count("kubectl-tka: ") == said.count("\n") == 20 and seconds < 12
    assert len(met) == 1


# --- failures ---

def test_five_runs_by_one_client_print_one_line_and_make_one_request(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    with false_server.instead("POST .*credential", reply(503, '{"message": "later"}')) as met:
        said = runs(world, 5, code=3)

    assert one_line(said) and "later" in said.stderr and len(met) == 1


def sign_out(world):
    world.login("alice", SERVER, "--use")
    world.run("alice", "kubectl-tka", "logout")


def let_a_limited_session_end(world):
    world.login("alice", SERVER, "--for", "10m", "--use")
    for path in (cache_entry(world), *marks(world)):
        edit_entry(path, expires=1, until=1)


@pytest.mark.parametrize("end", [sign_out, let_a_limited_session_end])
def test_who_is_signed_out_is_told_in_one_line_by_all_runs_of_one_client(world, end):
    end(world)

    assert "kubectl tka login" in one_line(runs(world, 5, code=5))
    assert world.run("alice", "kubectl", "get", "pods", code=1).stderr.count("kubectl tka login") == 1
    assert "kubectl tka login" in one_line(plugin(world, code=5))


def spoil_settings(text):
    def spoil(world):
        path = world.home("alice") / ".config/tka/config.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return {}
    return spoil


def take_the_second_program_away(world):
    alone = world.home("alice") / "run/alone"
    alone.mkdir(exist_ok=True)
    shutil.copy(world.rig.built_here() / "kubectl-tka", alone)
    return {"env": {"PATH": f"{alone}:{world.rig.node_env('alice')['PATH']}"}}


def speak_another_version(_world):
    return {"info": {**EXEC_INFO, "apiVersion": "client.authentication.k8s.io/v9"}}


@pytest.mark.parametrize("spoil, code, words", [
    (spoil_settings("tailscale: [not even"), 2, "config.yaml"), (spoil_settings("tailscael: {}\n"), 2, "tailscael"),
    (take_the_second_program_away, 1, "both executables"), (speak_another_version, 2, "v9"),
], ids=["settings that are no YAML", "a setting nobody knows", "no second program", "another version"])
def test_what_fails_before_anybody_is_asked_is_told_in_one_line_too(world, spoil, code, words):
    world.login("alice")
    cache_entry(world).unlink()

    assert words in one_line(runs(world, 5, code=code, **spoil(world)))


def mistype_a_flag(argv):
    return [*argv, "--rol", "view"]


def drop_the_server(argv):
    at = argv.index("--server")
    return [*argv[:at], *argv[at + 2:]]


@pytest.mark.parametrize("change, words", [(mistype_a_flag, "--rol"), (drop_the_server, "--server")])
def test_arguments_that_are_not_understood_are_told_in_one_line_too(world, change, words):
    world.login("alice")

    assert words in one_line(runs(world, 5, code=2, change=change))


def test_kubectl_itself_prints_one_line_of_ours_and_makes_one_request(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER, "--use")
    cache_entry(world).unlink()
    with false_server.instead("POST .*credential", reply(403, '{"message": "no rule for you"}')) as met:
        said = world.run("alice", "kubectl", "get", "pods", code=1)

    assert said.stderr.count("no rule for you") == 1 and len(met) == 1


def test_the_next_client_is_told_again_and_the_same_one_later_too(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    with false_server.instead("POST .*credential", reply(503, '{"message": "later"}')) as met:
        runs(world, 2, code=3)
        assert "later" in runs(world, 2, code=3).stderr
        slow = world.run("alice", "sh", "-c", '"$@"; sleep 2.2; "$@"', "client", *stanza(world), code=3)

    assert slow.stderr.count("later") == 2 and len(met) == 4


def test_a_failure_is_forgotten_when_the_server_is_back(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    with false_server.instead("POST .*credential", reply(503, '{"message": "later"}')):
        runs(world, 1, code=3)

    assert plugin(world).stderr == "" and not notes(world, ".failed")


def test_while_a_renewal_fails_the_old_token_serves_and_one_call_in_a_while_asks(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    edit_entry(cache_entry(world), period_seconds=360000)
    with false_server.instead("POST .*credential", HANG) as met:
        first = plugin(world)
        started = time.monotonic()
        second = plugin(world)
        seconds = time.monotonic() - started

    assert tokens(first) == tokens(second) and first.stderr == second.stderr == ""
    assert len(met) == 1 and seconds < 3, "an attempt takes 4 s"


def test_a_server_that_hangs_is_given_up_on_within_the_deadline(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    started = time.monotonic()
    with false_server.instead("POST .*credential", HANG):
        said = plugin(world, code=3)

    assert one_line(said) and time.monotonic() - started < 11.5


def test_what_the_quick_half_has_spent_of_the_deadline_is_not_spent_again(world, false_server):  # noqa: F811
    """Its timer goes through exec(2): one that has 3 s left stands for a cache that took 7."""
    world.login("alice", FALSE_SERVER)
    cache_entry(world).unlink()
    late = "import os, signal, sys; signal.setitimer(signal.ITIMER_REAL, 3); os.execvp(sys.argv[1], sys.argv[1:])"
    started = time.monotonic()
    with false_server.instead("POST .*credential", HANG):
        said = world.run("alice", "python3", "-c", late, *stanza(world), code=3)

    assert FALSE_SERVER in one_line(said) and time.monotonic() - started < 6


# --- a token that the API server refuses ---

def end_session(world):
    for item in world.signins(username="alice@example.com"):
        world.kube(GROUP + "/" + item["metadata"]["name"], "DELETE")
        world.await_gone(item["metadata"]["uid"])


@pytest.mark.parametrize("warm", [False, True], ids=["kubectl knows nothing yet", "kubectl knows the API"])
def test_after_a_session_was_ended_elsewhere_kubectl_gets_in_again(world, warm):
    """client-go answers a 401 with the plugin's next token only where it asks more than once."""
    world.login("alice", SERVER, "--use")
    world.run("alice", "rm", "-rf", world.home("alice") / ".kube/cache")
    if warm:
        world.run("alice", "kubectl", "get", "pods")
    old = json.loads(cache_entry(world).read_text())["token"]
    end_session(world)
    eventually("the token refused", lambda: world.whoami(old)[0] == 401, 25)
    before = requests(world)

    if warm:
        world.run("alice", "kubectl", "get", "pods", code=None)
    said = world.run("alice", "kubectl", "get", "pods")

    assert "No resources found" in said.stderr and requests(world) == before + 1
    assert json.loads(cache_entry(world).read_text())["token"] != old


def test_a_client_that_comes_again_for_its_token_gets_another_once_in_a_while(world):
    world.login("alice")
    before = requests(world)

    found = tokens(runs(world, 4))

    assert found[0] != found[1] == found[2] == found[3] and requests(world) == before + 1
    again = tokens(runs(world, 3))
    assert set(again) == {found[3]} and requests(world) == before + 1


def test_a_client_that_does_not_say_what_it_is_is_not_taken_for_refused(world):
    world.login("alice")
    before = requests(world)

    said = world.run("alice", *CLIENT, "3", *stanza(world), env={"KUBERNETES_EXEC_INFO": ""})

    assert len(set(tokens(said))) == 1 and requests(world) == before


def test_a_client_whose_refused_token_is_not_replaced_is_told_once(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    with false_server.instead("POST .*credential", reply(403, '{"message": "no rule for you"}')) as met:
        said = runs(world, 5, code=4)

    assert said.stderr.count("no rule for you") == said.stderr.count("\n") == len(met) == len(tokens(said)) == 1


def test_a_refused_token_is_not_asked_about_again_and_again_while_the_server_is_away(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    with false_server.instead("POST .*credential", reply(503, '{"message": "later"}')) as met:
        said = runs(world, 5)

    assert said.stderr == "" and len(met) == 1 and len(tokens(said)) == 5 and len(set(tokens(said))) == 1


def test_who_got_the_old_token_hears_of_the_failure_once_that_is_gone(world, false_server):  # noqa: F811
    world.login("alice", FALSE_SERVER)
    edit_entry(cache_entry(world), period_seconds=360000)
    script = '"$@" && rm "$ENTRY" && "$@"'
    with false_server.instead("POST .*credential", reply(503, '{"message": "later"}')):
        said = world.run("alice", "sh", "-c", script, "client", *stanza(world), code=3,
                         env={"ENTRY": str(cache_entry(world))})

    assert said.stderr.count("later") == 1 and len(tokens(said)) == 1


def test_clients_side_by_side_repair_once(world):
    world.login("alice")
    before = requests(world)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [tokens(said) for said in pool.map(lambda _: runs(world, 2), range(8))]

    assert all(len(each) == 2 for each in found) and requests(world) == before + 1


def test_a_session_that_is_not_renewed_is_not_repaired_into_another(world):
    world.login("alice", SERVER, "--for", "30m")
    before = requests(world)

    assert len(set(tokens(runs(world, 3)))) == 1 and requests(world) == before


# --- clocks and logout ---

@pytest.mark.parametrize("shift", [-3600, 3600], ids=["an hour slow", "an hour fast"])
def test_a_clock_that_is_wrong_is_judged_by_the_servers(world, shift):
    world.login("alice")
    entry = json.loads(cache_entry(world).read_text())
    now = int(time.time())
    # As it would stand in the cache of a machine whose clock shows now, but is so far off.
    edit_entry(cache_entry(world), clock_offset=-shift, expires=entry["expires"] - shift, until=entry["until"] - shift,
               fetched_at=now)
    before = requests(world)

    answer = json.loads(plugin(world).stdout)["status"]

    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry["expires"] - 30))
    assert requests(world) == before and answer["expirationTimestamp"] == end


def test_logout_holds_in_every_place(world):
    world.login("alice", SERVER, "--cache", "file")
    held, name = cache_entry(world).read_bytes(), cache_entry(world).name
    world.login("alice")
    world.run("alice", "kubectl-tka", "logout")
    assert not cache_entries(world)
    for place in (".cache/tka", "run/tka"):  # as somebody who kept a copy
        path = world.home("alice") / place / name
        path.write_bytes(held)
        path.chmod(0o600)
    before = requests(world)

    assert "kubectl tka login" in one_line(plugin(world, code=5)) and requests(world) == before
    world.run("alice", "rm", "-rf", world.home("alice") / ".local/state/tka")
    assert "eyJ" in plugin(world).stdout and requests(world) == before  # what the copy would have served


# --- a log for who wonders ---

def test_the_log_tells_what_was_done_and_holds_no_token(world, false_server):  # noqa: F811
    log = world.home("alice") / "run/tka.log"
    log.unlink(missing_ok=True)
    env = {"TKA_LOG": str(log)}
    world.login("alice", FALSE_SERVER)
    plugin(world, env=env)
    text = cache_entry(world).read_text()
    cache_entry(world).write_text(text[:text.index("eyJ") + 40])  # cut within the token
    plugin(world, env=env)
    cache_entry(world).unlink()
    with false_server.instead("POST .*credential", reply(503, '{"message": "later"}')):
        runs(world, 2, code=3, env=env)

    said = log.read_text()
    for words in ("rig: answered from the cache", "premature end of input", f"{FALSE_SERVER} gave a token for rig",
                  "the token is kept in a private file", "later", "told to this client already"):
        assert words in said, (words, said)
    assert "eyJ" not in said and log.stat().st_mode & 0o777 == 0o600
    log.unlink()


# --- secrets ---

@contextlib.contextmanager
def held_at_its_answer(world):
    """The plugin on a hit, stopped while it writes its answer: gives its process."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b" " * 4096)
    os.set_blocking(writing, True)
    env = {**world.rig.node_env("alice"), "KUBERNETES_EXEC_INFO": json.dumps(EXEC_INFO)}
    started = subprocess.Popen(world.rig.node_argv("alice", stanza(world)), env=env, stdout=writing,
                               stdin=subprocess.DEVNULL)
    os.close(writing)
    try:
        proc = pathlib.Path(f"/proc/{started.pid}")
        eventually("the plugin at its answer", lambda: proc.joinpath("exe").resolve().name == "kubectl-tka"
                   and proc.joinpath("wchan").exists() and " S " in proc.joinpath("stat").read_text())
        yield proc
    finally:
        started.kill()
        started.wait()
        os.close(reading)


def test_a_hit_maps_nothing_but_its_own_executable(world):
    world.login("alice")
    with held_at_its_answer(world) as proc:
        try:
            mapped = {line.split(maxsplit=5)[5] for line in proc.joinpath("maps").read_text().splitlines()
                      if len(line.split()) > 5}
        except PermissionError:
            missing("only root sees what a process maps that keeps secrets")
        executable = str(proc.joinpath("exe").resolve())

    files = {path for path in mapped if path.startswith("/")}
    assert files == {executable}, files
    assert "[vdso]" in mapped


def test_nothing_secret_stands_in_arguments_or_environment_and_no_core_is_left(world):
    world.login("alice")
    with held_at_its_answer(world) as proc:
        shown = proc.joinpath("cmdline").read_bytes()
        with contextlib.suppress(PermissionError):
            shown += proc.joinpath("environ").read_bytes()
        limits = proc.joinpath("limits").read_text()
        core = resource.prlimit(int(proc.name), resource.RLIMIT_CORE)

    assert b"eyJ" not in shown and core == (0, 0), limits


def test_no_file_but_the_cache_holds_a_token_and_none_is_open_to_others(world):
    world.login("alice")
    runs(world, 3)
    holders = set()
    for path in world.home("alice").rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
            if b"eyJ" in path.read_bytes():
                holders.add(path)
                assert path.stat().st_mode & 0o077 == 0
    assert holders == {cache_entry(world)}
    for path in (world.home("alice") / "run/tka").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
