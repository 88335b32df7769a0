"""tka-server and tka-operator: bad flags, bad configuration, and a world around them that is not well."""

import os
import shutil
import socket

import pytest
import yaml

from cluster import SERVER as API_SERVER
from host import HUB_ADDRESS
from own_daemon import HEALTH, URL, VERBS, change, config_of, kubeconfig_for, own_daemon
from relay import CLOSE, HANG, reply
from stand_in_kube_apiserver import SERVER as STAND_IN, kube_status, stand_in_kube_apiserver
from stand_in_localapi import NONSENSE, stand_in_localapi, told
from world import GROUP, eventually

BOTH = pytest.mark.parametrize("program", VERBS)
SIGNINS = "tkasignins"


def attempt(world, program, *argv, env=None, code=(1, 2)):
    """A start that must fail at once: one line on stderr, which is returned."""
    said = world.run("admin", world.rig.built_here() / program, *argv, code=None, seconds=10, env=env)
    assert said.returncode in code and said.stdout == "", said
    assert said.stderr.count("\n") == 1 and said.stderr.startswith(program + ": "), said.stderr
    return said.stderr


def attempt_config(world, program, text):
    """The same with a configuration file of that text."""
    path = world.folder / "attempt.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    try:
        return attempt(world, program, VERBS[program], "--config", path)
    finally:
        path.unlink()


# --- flags ---

@BOTH
@pytest.mark.parametrize("argv, words", [
    ([], ""), (["frobnicate"], "frobnicate"), (["VERB", "--frobnicate"], "--frobnicate"),
    (["VERB", "--health-prot", "1"], "--health-port"), (["VERB", "--health-port"], "--health-port"),
    (["VERB", "--health-port", "0"], '"0"'), (["VERB", "--health-port", "65536"], "65536"),
    (["VERB", "--health-port", "http"], '"http"'), (["VERB", "--log-level", "loud"], '"loud"'),
    (["VERB", "--max-period", "1 day"], "1 day"), (["VERB", "word"], '"word"'), (["version", "word"], '"word"'),
], ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None)
def test_wrong_usage_of_a_daemon_is_one_line_and_exit_2(world, program, argv, words):
    argv = [VERBS[program] if word == "VERB" else word for word in argv]

    assert words in attempt(world, program, *argv, code=(2,))


@BOTH
@pytest.mark.parametrize("argv", [["--help"], ["VERB", "--help"], ["version"]], ids=" ".join)
def test_help_and_version_of_a_daemon_need_nothing(world, program, argv):
    argv = [VERBS[program] if word == "VERB" else word for word in argv]

    said = world.run("lan", program, *argv)

    assert program in said.stdout and said.stderr == ""


# --- configuration ---

@BOTH
@pytest.mark.parametrize("text, words", [
    ("log: {level: [", "line 1"), ("log:\n  level: info\n  level: warn\n", "twice"), ("- a list", "keys and values"),
    ("log: loud", "log"), ("lgo: {level: info}", "lgo"), ("log: {levle: info}", "level"),
    ("log: {level: loud}", "log.level"), ("log: {level: 5}", "log.level"), ("health: {port: 0}", "health.port"),
    ("health: {port: 1.5}", "health.port"), ("health: {address: 300.1.1.1}", "health.address"),
    ("operator: {roles: {a: b}}", "operator.roles"), ("operator: {namespace: Not_A_Name}", "operator.namespace"),
    ("server: {maxPeriod: forever}", "server.maxPeriod"), ("server: {maxPeriod: -1h}", "server.maxPeriod"),
    ("server: {minPeriod: 2h, maxPeriod: 1h}", "Period"),
    (b"\xff\xfe\x00", "attempt.yaml"), ("x: &a [*a]", "attempt.yaml"), ("a: " + "[" * 100000, "attempt.yaml"),
    ("x" * (2 << 20), "larger"),
], ids=["malformed", "a key twice", "a list", "a section that is a text", "unknown section", "unknown key",
        "no level", "a number for a level", "port 0", "half a port", "no address", "roles that are no list",
        "no namespace's name", "no duration", "a negative duration", "minimum above maximum", "binary", "a loop",
        "100000 deep", "2 MB"])
def test_a_bad_configuration_is_named_in_one_line(world, program, text, words):
    said = attempt_config(world, program, text)

    assert words in said


@BOTH
@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), os.mkfifo],
                         ids=["missing", "a folder", "a pipe"])
def test_a_configuration_that_cannot_be_read_is_named(world, program, make):
    path = world.folder / "unreadable.yaml"
    make(path)
    try:
        assert "unreadable.yaml" in attempt(world, program, VERBS[program], "--config", path)
    finally:
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("changes, words", [
    ({"operator__namespace": "tka-system"}, "tka-system"),
    ({"operator__roles": []}, "operator.roles"),
    ({"tailscale__port": 443}, "443"),
    ({"tailscale__port": 0}, "tailscale.port"),
    ({"tailscale__mode": "bridge"}, "userspace"),
    ({"tailscale__capName": "https://x"}, "tailscale.capName"),
    ({"tailscale__capName": []}, "tailscale.capName"),
    ({"clusterInfo__apiEndpoint": None}, "clusterInfo.apiEndpoint"),
    ({"clusterInfo__apiEndpoint": "http://10.77.0.1:6443"}, "clusterInfo.apiEndpoint"),
    ({"clusterInfo__caData": "not base64"}, "clusterInfo.caData"),
    ({"clusterInfo__caData": "bm8gUEVN"}, "clusterInfo.caData"),
    ({"health__address": "127.0.0.1"}, "health.address"),
    ({"health__address": "0.0.0.0"}, "health.address"),
    ({"health__address": "::"}, "health.address"),
    ({"health__port": 8080}, "8080"),
    ({"tailscale__port": 8123}, "8123"),
    ({"kubernetes__kubeconfig": "/nowhere/kubeconfig"}, "/nowhere/kubeconfig"),
], ids=["sessions beside the programs", "no role", "443", "port 0", "no mode", "a URL for a capability",
        "no capability", "no API server", "an API server in plain HTTP", "a CA that is no base64",
        "a CA that is no PEM", "health where the tailnet is", "health everywhere", "health everywhere in IPv6",
        "a health port in use", "a port in use", "no kubeconfig"])
def test_a_server_that_would_be_unsafe_or_useless_does_not_start(world, changes, words):
    said = attempt_config(world, "tka-server", yaml.safe_dump(config_of(world, "tka-server", **changes)))

    assert words in said


@pytest.mark.parametrize("changes, words", [
    ({"operator__namespace": "tka-system"}, "tka-system"),
    ({"operator__roles": []}, "operator.roles"),
    ({"health__address": "0.0.0.0"}, "health.address"),
    ({"health__address": "127.0.0.1", "health__port": 8081}, "8081"),
    ({"kubernetes__kubeconfig": "/nowhere/kubeconfig"}, "/nowhere/kubeconfig"),
], ids=["sessions beside the programs", "no role", "health everywhere", "a health port in use", "no kubeconfig"])
def test_an_operator_that_would_be_unsafe_or_useless_does_not_start(world, changes, words):
    said = attempt_config(world, "tka-operator", yaml.safe_dump(config_of(world, "tka-operator", **changes)))

    assert words in said


@BOTH
@pytest.mark.parametrize("change_it, words", [
    (lambda value: "{", "line"),
    (lambda value: change(value, {"current-context": "other"}), "other"),
    (lambda value: change(value, {"current-context": None}), "current-context"),
    (lambda value: {**value, "clusters": []}, "rig"),
    (lambda value: {**value, "clusters": [{"name": "rig", "cluster": {"server": "http://10.77.0.1:6443"}}]}, "https"),
    (lambda value: {**value, "clusters": [{"name": "rig", "cluster": {
        "server": API_SERVER, "certificate-authority": "/nowhere/ca.crt"}}]}, "/nowhere/ca.crt"),
    (lambda value: {**value, "users": [{"name": "rig", "user": {"tokenFile": "/nowhere/token"}}]}, "/nowhere/token"),
    (lambda value: {**value, "users": [{"name": "rig", "user": {"exec": {"command": "true"}}}]}, "exec"),
], ids=["malformed", "no such context", "no context", "no cluster", "plain HTTP", "no CA file", "no token file",
        "an exec plugin"])
def test_a_bad_kubeconfig_is_named_in_one_line(world, program, change_it, words):
    folder = world.folder / "bad-kubeconfig"
    path = kubeconfig_for(world, program, API_SERVER, folder)
    value = change_it(yaml.safe_load((folder / "kubeconfig").read_text()))
    (folder / "kubeconfig").write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    config = config_of(world, program, kubernetes__kubeconfig=path)

    said = attempt_config(world, program, yaml.safe_dump(config))

    shutil.rmtree(folder)
    assert words in said


@BOTH
def test_a_flag_wins_over_the_environment_and_that_over_the_file(world, program):
    config = config_of(world, program, log__level="loud")
    path = world.folder / "precedence.yaml"
    path.write_text(yaml.safe_dump(config))
    argv = [VERBS[program], "--config", path]

    in_file = attempt(world, program, *argv)
    in_environment = attempt(world, program, *argv, env={"TKA_LOG_LEVEL": "louder"})
    in_flag = attempt(world, program, *argv, "--log-level", "loudest", env={"TKA_LOG_LEVEL": "louder"})

    path.unlink()
    assert '"loud"' in in_file and '"louder"' in in_environment and '"loudest"' in in_flag


# --- things that are not there yet ---

@BOTH
def test_a_daemon_started_before_the_api_server_waits_for_it_and_says_so(world, program):
    folder = world.folder / "through-stand-in"
    config = config_of(world, program, kubernetes__kubeconfig=kubeconfig_for(world, program, STAND_IN, folder))
    with own_daemon(world, program, config) as daemon:
        said = daemon.await_status(503, "10.77.0.1")
        assert daemon.probe("/livez")[0] == 200, said
        with stand_in_kube_apiserver(world):
            daemon.await_status(200, seconds=45)
    shutil.rmtree(folder)


@BOTH
@pytest.mark.parametrize("answer", [reply(404, "404 page not found\n", "text/plain"),
                                    kube_status(404, "NotFound", "the server could not find the requested resource")],
                         ids=["as text", "as a Status"])
def test_a_missing_or_older_crd_is_told_and_its_coming_noticed(world, program, answer):
    folder = world.folder / "through-stand-in"
    config = config_of(world, program, kubernetes__kubeconfig=kubeconfig_for(world, program, STAND_IN, folder))
    with stand_in_kube_apiserver(world) as api, own_daemon(world, program, config) as daemon:
        with api.instead(SIGNINS, answer):
            eventually("it has asked", lambda: any(SIGNINS in line for line in api.seen))
            assert "404" in daemon.await_status(503) or "tkasignins" in daemon.await_status(503).lower()
        daemon.await_status(200, seconds=45)
    shutil.rmtree(folder)


def test_a_server_started_before_tailscaled_waits_for_it_and_says_so(world):
    (world.folder / "localapi").mkdir(exist_ok=True)
    config = config_of(world, "tka-server", tailscale__socket=str(world.folder / "localapi/s"), tailscale__mode="auto")
    with own_daemon(world, "tka-server", config) as daemon:
        said = daemon.await_status(503, "tailscaled")
        assert "localapi/s" in said or "socket" in said or "tailscaled" in said
        assert daemon.probe("/livez")[0] == 200
        with stand_in_localapi(world, "tka"):
            daemon.await_status(200, seconds=30)
            assert world.ask("alice", "POST", "credential", url=URL).status == 200


def test_a_server_in_auto_mode_does_not_listen_where_the_tailnet_would_reach_its_health(world):
    config = config_of(world, "tka-server", tailscale__mode="auto", health__address="127.0.0.1")

    said = attempt_config(world, "tka-server", yaml.safe_dump(config)).splitlines()

    assert "health.address" in said[-1]


# --- a tailscaled that is not well ---

@pytest.fixture(scope="module")
def behind_localapi(shared_world):
    """A server of our own whose tailscaled says what a test wants it to."""
    (shared_world.folder / "localapi").mkdir(exist_ok=True)
    with stand_in_localapi(shared_world, "tka") as api:
        config = config_of(shared_world, "tka-server", tailscale__socket=str(api.path))
        with own_daemon(shared_world, "tka-server", config) as daemon:
            daemon.await_status(200)
            yield api, daemon


@pytest.mark.parametrize("answer", [*NONSENSE.values(), CLOSE], ids=[*NONSENSE, "hanging up"])
def test_a_whois_that_cannot_be_read_lets_nobody_in(world, behind_localapi, answer):
    api, daemon = behind_localapi
    with api.instead("/whois", answer):
        refused = world.ask("alice", "POST", "credential", url=URL)

    assert refused.status == 503 and refused.message and refused.headers["retry-after"], refused.text
    assert not world.signins() and daemon.is_alive()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


def test_a_whois_that_never_comes_is_given_up_on(world, behind_localapi):
    api, _ = behind_localapi
    with api.instead("/whois", HANG, times=1):
        refused = world.ask("alice", "POST", "credential", url=URL, timeout=15)

    assert refused.status == 503 and not world.signins()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


def whois_of(world, node, **changes):
    """What tailscaled says of a person's node, changed. Keys of changes: Section__Key."""
    value = world.rig.tailnet.whois("tka", world.rig.tailnet.address(node))
    return told(change(value, {path.replace("__", "."): each for path, each in changes.items()}))


@pytest.mark.parametrize("changes, status, words", [
    ({"Node__Expired": True}, 403, "expired"),
    ({"Node__Tags": ["tag:ci"]}, 400, "tagged nodes not (yet) supported"),
    ({"CapMap": None}, 403, "User not authorized"),
    ({"CapMap": {}}, 403, "User not authorized"),
    ({"CapMap": {"specht-labs.de/cap/tka": None}}, 403, "User not authorized"),
    ({"CapMap": {"specht-labs.de/cap/tka": "cluster-admin"}}, 400, "specht-labs.de/cap/tka"),
    ({"CapMap": {"specht-labs.de/cap/tka": {"role": "cluster-admin"}}}, 400, "specht-labs.de/cap/tka"),
    ({"CapMap": "everything"}, 503, "CapMap"),
    ({"UserProfile__LoginName": ""}, 503, "LoginName"),
    ({"UserProfile__LoginName": None}, 503, "LoginName"),
    ({"UserProfile": None}, 503, "UserProfile"),
    ({"Node__StableID": ""}, 503, "StableID"),
    ({"Node": None}, 503, "Node"),
], ids=["an expired node", "a tag", "no capabilities", "empty capabilities", "a capability that is null",
        "a capability that is a text", "a capability that is an object", "capabilities that are a text",
        "an empty login", "no login", "no profile", "an empty node id", "no node"])
def test_what_whois_says_of_a_caller_is_taken_at_its_word_or_not_at_all(world, behind_localapi, changes, status, words):
    api, _ = behind_localapi
    with api.instead("/whois", whois_of(world, "alice", **changes)):
        refused = world.ask("alice", "POST", "credential", url=URL)

    assert (refused.status, words in refused.text) == (status, True), refused.text
    assert not world.signins()


def test_a_login_name_is_used_whole_and_never_reaches_a_name_it_should_not(world, behind_localapi):
    api, _ = behind_localapi
    login = "../../alice@example.com\n{\"audit\": true}"
    with api.instead("/whois", whois_of(world, "alice", UserProfile__LoginName=login)):
        answer = world.ask("alice", "POST", "login", url=URL)

    for signin in world.signins():
        assert signin["metadata"]["name"].startswith("tka-user-") and "/" not in signin["metadata"]["name"]
    assert answer.status in (202, 400, 403, 503), answer.text


@pytest.mark.parametrize("state", ["NeedsLogin", "Stopped", "Starting", "NoState"])
def test_while_tailscaled_is_not_running_nobody_gets_in(world, behind_localapi, state):
    api, daemon = behind_localapi
    status = world.rig.tailnet.local("tka", "status")[1]
    with api.instead("/status", told(change(status, {"BackendState": state}))), \
            api.instead("/whois", reply(404, "no match for IP:port\n", "text/plain")):
        daemon.await_status(503, state)
        refused = world.ask("alice", "POST", "credential", url=URL)
        assert refused.status == 503 and refused.headers["retry-after"], refused.text
    daemon.await_status(200)


# --- an API server that is not well ---

@pytest.fixture(scope="module")
def behind_api(shared_world):
    """A server of our own whose API server says what a test wants it to."""
    folder = shared_world.folder / "through-stand-in"
    with stand_in_kube_apiserver(shared_world) as api:
        config = config_of(shared_world, "tka-server",
                           kubernetes__kubeconfig=kubeconfig_for(shared_world, "tka-server", STAND_IN, folder))
        with own_daemon(shared_world, "tka-server", config) as daemon:
            daemon.await_status(200)
            yield api, daemon
    shutil.rmtree(folder)


HTML = reply(200, "<html>a proxy of somebody's</html>", "text/html")
API_ANSWERS = {
    "HTML": HTML,
    "HTML 502": reply(502, "<html>bad gateway</html>", "text/html"),
    "cut JSON": reply(200, '{"kind": "Tka'),
    "an empty object": reply(200, "{}"),
    "401": kube_status(401, "Unauthorized", "Unauthorized"),
    "403": kube_status(403, "Forbidden", "forbidden: no"),
    "404": kube_status(404, "NotFound", "not found"),
    "409": kube_status(409, "Conflict", "the object has been modified"),
    "410": kube_status(410, "Expired", "too old resource version"),
    "422": kube_status(422, "Invalid", "denied request: no"),
    "429": kube_status(429, "TooManyRequests", "slow down", Retry_After="1"),
    "500": kube_status(500, "InternalError", "etcdserver: leader changed"),
    "503": kube_status(503, "ServiceUnavailable", "not now"),
    "hanging up": CLOSE,
    "no HTTP": b"\x15\x03\x01 garbage\r\n\r\n",
    "80 MB": None,  # made where it is used
}
ANSWERS = pytest.mark.parametrize("kind", API_ANSWERS)
WRITES = pytest.mark.parametrize("pattern", ["PATCH .*tkasignins/", "POST .*/token"], ids=["apply", "token"])


def bytes_of(kind):
    return API_ANSWERS[kind] or reply(200, '{"x": "' + "x" * (80 << 20) + '"}')


@ANSWERS
@WRITES
def test_a_server_whose_write_is_answered_badly_recovers_or_refuses_in_words(world, behind_api, pattern, kind):
    api, daemon = behind_api
    with api.instead(pattern, bytes_of(kind)) as met:
        refused = world.ask("alice", "POST", "credential", url=URL, timeout=25)
        assert met and refused.status >= 400, refused.text
    assert refused.message and "eyJ" not in refused.text and "<html" not in refused.message
    assert refused.status in (500, 502, 503), refused.text
    assert daemon.is_alive()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


@pytest.mark.parametrize("kind", ["409", "429", "500", "503", "hanging up"])
@WRITES
def test_a_server_gets_over_one_bad_answer(world, behind_api, pattern, kind):
    api, _ = behind_api
    with api.instead(pattern, bytes_of(kind), times=1) as met:
        eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 10)
        assert met


def test_a_write_that_is_never_answered_ends_in_time(world, behind_api):
    api, _ = behind_api
    with api.instead("PATCH .*tkasignins/", HANG, times=1):
        answer = world.ask("alice", "POST", "credential", url=URL, timeout=25)

    assert answer.status in (200, 503), answer.text
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


@pytest.mark.parametrize("kind", ["HTML", "401", "403", "404", "410", "429", "500", "hanging up", "cut JSON"])
def test_a_watch_that_is_answered_badly_is_begun_again(world, behind_api, kind):
    api, daemon = behind_api
    with api.instead(f"GET .*{SIGNINS}", bytes_of(kind), times=2) as met:
        api.cut()
        eventually("the watch was begun again", lambda: len(met) == 2, 20)
    daemon.await_status(200, seconds=20)
    world.credential("alice")
    eventually("the session is known", lambda: world.ask("alice", "GET", "login", url=URL).status == 200, 15)


@pytest.fixture(scope="module")
def operator_behind_api(shared_world):
    """The only operator there is, and its API server says what a test wants it to."""
    folder = shared_world.folder / "operator-through-stand-in"
    shared_world.settle()
    with shared_world.stopped("operator"), stand_in_kube_apiserver(shared_world, 7445) as api:
        at = f"https://{HUB_ADDRESS}:7445"
        config = config_of(shared_world, "tka-operator", health__port=HEALTH[1] + 1,
                           kubernetes__kubeconfig=kubeconfig_for(shared_world, "tka-operator", at, folder))
        with own_daemon(shared_world, "tka-operator", config) as daemon:
            daemon.await_status(200)
            yield api, daemon
    shutil.rmtree(folder)


@ANSWERS
@pytest.mark.parametrize("pattern", ["POST .*serviceaccounts", "POST .*clusterrolebindings", "PATCH .*/status"],
                         ids=["account", "binding", "status"])
def test_an_operator_whose_write_is_answered_badly_tries_again(world, operator_behind_api, pattern, kind):
    api, daemon = operator_behind_api
    with api.instead(pattern, bytes_of(kind), times=1) as met:
        world.ask("alice", "POST", "login")
        eventually("it was told so", lambda: met, 10)
    answer = world.ask("alice", "GET", "login", headers={"Prefer": "wait=15"}, timeout=20)
    assert answer.status == 200, (answer.text, daemon.log()[-2000:])
    assert daemon.is_alive() and len(world.made_for()) == 2


@pytest.mark.parametrize("kind", ["HTML", "401", "403", "409", "429", "500", "hanging up"])
@pytest.mark.parametrize("pattern", ["DELETE .*clusterrolebindings", "DELETE .*serviceaccounts", "PATCH .*tkasignins/"],
                         ids=["binding", "account", "finalizer"])
def test_an_operator_whose_teardown_is_answered_badly_tries_again(world, operator_behind_api, pattern, kind):
    api, daemon = operator_behind_api
    world.credential("alice")
    uid = world.signin()["metadata"]["uid"]
    with api.instead(pattern, bytes_of(kind), times=1) as met:
        world.run("admin", "kubectl", "delete", "signin", "-n", "tka", "--all", "--wait=false")
        eventually("it was told so", lambda: met, 10)
        world.await_gone(uid, 25)
    assert daemon.is_alive()


@pytest.mark.parametrize("kind", ["HTML", "401", "403", "404", "410", "429", "500", "hanging up", "cut JSON"])
@pytest.mark.parametrize("what", [SIGNINS, "serviceaccounts", "clusterrolebindings"])
def test_an_operator_whose_watch_is_answered_badly_begins_it_again(world, operator_behind_api, what, kind):
    api, daemon = operator_behind_api
    with api.instead(f"GET .*{what}", bytes_of(kind), times=2) as met:
        api.cut()
        eventually("the watch was begun again", lambda: len(met) >= 1, 20)
    assert world.ask("alice", "POST", "credential", timeout=20).status == 200, daemon.log()[-2000:]
    daemon.await_status(200, seconds=30)


# --- in the cluster ---

IN_POD = ("mount -t tmpfs none /run && mkdir -p /run/secrets/kubernetes.io/serviceaccount && "
          "mount --bind \"$1\" /run/secrets/kubernetes.io/serviceaccount && shift && exec \"$@\"")


def pod_environment(world, folder):
    return {"PATH": world.rig.admin_env()["PATH"], "HOME": str(folder),
            "KUBERNETES_SERVICE_HOST": HUB_ADDRESS, "KUBERNETES_SERVICE_PORT": "6443"}


@BOTH
def test_in_a_pod_a_daemon_needs_no_kubeconfig(world, program):
    account = world.folder / program.removeprefix("tka-")
    config = config_of(world, program, kubernetes__kubeconfig=None, kubernetes__namespace=None)
    with own_daemon(world, program, config, wrap=["sh", "-c", IN_POD, "pod", account],
                    env=pod_environment(world, account)) as daemon:
        daemon.await_status(200, seconds=20)
        assert daemon.log_lines(release_namespace="tka-system") or program == "tka-operator"
        if program == "tka-server":
            assert world.ask("alice", "POST", "credential", url=URL).status == 200


@BOTH
def test_in_a_pod_sessions_beside_the_programs_are_refused_too(world, program):
    account = world.folder / program.removeprefix("tka-")
    config = config_of(world, program, kubernetes__kubeconfig=None, kubernetes__namespace=None,
                       operator__namespace="tka-system")
    path = world.folder / "pod.yaml"
    path.write_text(yaml.safe_dump(config))
    env = pod_environment(world, account)

    said = world.run("admin", "env", "-i", *(f"{key}={value}" for key, value in env.items()),
                     "sh", "-c", IN_POD, "pod", account, world.rig.built_here() / program, VERBS[program],
                     "--config", path, code=None, seconds=10)

    path.unlink()
    assert said.returncode in (1, 2) and "tka-system" in said.stderr


@BOTH
def test_without_a_kubeconfig_and_outside_of_a_pod_a_daemon_says_what_is_missing(world, program):
    config = config_of(world, program, kubernetes__kubeconfig=None)
    path = world.folder / "nowhere.yaml"
    path.write_text(yaml.safe_dump(config))

    said = world.run("admin", "env", "-i", "HOME=/nowhere", world.rig.built_here() / program, VERBS[program],
                     "--config", path, code=None, seconds=10)

    path.unlink()
    assert said.returncode in (1, 2) and said.stderr.count("\n") == 1 and "kubeconfig" in said.stderr, said


def test_nothing_of_the_daemons_listens_where_the_lan_is(world):
    """The rig's server in userspace mode, its health and the operator's, as the LAN would reach them."""
    for port in (8123, 8080, 8081):
        with world.rig.host.inside(world.rig.host.namespace("lan")):
            stream = socket.socket()
        with stream:
            stream.settimeout(2)
            if port == 8080:
                continue  # that is the rig's control plane
            assert stream.connect_ex((HUB_ADDRESS, port)) != 0, port


def test_the_collection_that_is_watched_is_the_session_namespace_alone(world):
    assert GROUP.endswith("/namespaces/tka/tkasignins")
    for name in ("tka-server", "tka-operator"):
        refused = world.run("admin", "kubectl", "auth", "can-i", "list", "secrets", "-n", "tka",
                            f"--as=system:serviceaccount:tka-system:{name}", code=1)
        assert "no" in refused.stdout
