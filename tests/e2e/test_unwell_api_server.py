"""tka-server with an API server that answers nonsense, refuses, or says nothing."""

import contextlib

import pytest

from own_daemon import URL
from relay import HANG, Late
from stand_in_kube_apiserver import ANSWERS, kube_status, through_stand_in
from stand_in_localapi import told
from world import ACCOUNTS, API, SERVER, SERVER_TUN, eventually, rule


@pytest.fixture(scope="module")
def behind_api(shared_world):
    """A server of our own whose API server says what a test wants it to."""
    with through_stand_in(shared_world, "tka-server", 7444) as both:
        yield both


# An answer that says that what was asked for is wrong, or that makes no sense at all.
OUR_MISTAKES = {"422", "HTML", "cut JSON", "an empty object", "no HTTP", "80 MB"}
KINDS = pytest.mark.parametrize("kind", ANSWERS)
WRITES = pytest.mark.parametrize("pattern", ["PATCH .*tkasignins/", "POST .*/token"], ids=["apply", "token"])


# What an API server may give in place of a token: of another version, or not quite itself.
NO_TOKEN = {
    "no status": told({"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1"}),
    "no token": told({"kind": "TokenRequest", "status": {"expirationTimestamp": "2999-01-01T00:00:00Z"}}),
    "an empty one": told({"kind": "TokenRequest", "status": {"token": "", "expirationTimestamp": "2999-01-01T00:00:00Z"}}),
    "null": told({"kind": "TokenRequest", "status": {"token": None}}),
    "no JWT": told({"kind": "TokenRequest", "status": {"token": "x.y", "expirationTimestamp": "2999-01-01T00:00:00Z"}}),
    "no such resource": kube_status(404, "NotFound", "the server could not find the requested resource"),
}


@pytest.mark.parametrize("answer", NO_TOKEN.values(), ids=NO_TOKEN)
def test_nobody_is_given_an_empty_token(world, behind_api, answer):
    api, _ = behind_api
    world.credential("alice", URL)
    with api.instead("POST .*/token", answer) as met:
        for method, path, accept in (("POST", "credential", "*/*"), ("GET", "kubeconfig", "application/json"),
                                     ("GET", "kubeconfig", "application/yaml")):
            refused = world.ask("alice", method, path, url=URL, headers={"Accept": accept}, timeout=25)
            assert met and refused.status in (500, 503) and refused.body.keys() <= {"message", "advice", "cause"}, refused
            met.clear()


@KINDS
@WRITES
def test_a_server_whose_write_is_answered_badly_recovers_or_refuses_in_words(world, behind_api, pattern, kind):
    api, daemon = behind_api
    with api.instead(pattern, ANSWERS[kind]) as met:
        refused = world.ask("alice", "POST", "credential", url=URL, timeout=25)
        assert met and refused.status >= 400, refused.text
    assert refused.message and "eyJ" not in refused.text
    assert refused.status == 503 or kind in OUR_MISTAKES and refused.status == 500, refused.text
    assert refused.status == 500 or refused.headers["retry-after"], refused.text
    assert daemon.is_alive()
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


@pytest.mark.parametrize("kind", ["409", "429", "500", "503", "hanging up"])
@WRITES
def test_a_server_gets_over_one_bad_answer(world, behind_api, pattern, kind):
    api, _ = behind_api
    with api.instead(pattern, ANSWERS[kind], times=1) as met:
        eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 10)
        assert met


def test_a_logout_whose_caller_hangs_up_ends_all_the_same(world, behind_api):
    api, _ = behind_api
    for role in ("view", "cluster-admin"):
        world.credential("alice", URL, role=role)
    with api.instead("DELETE .*tkasignins/", Late(0.5)) as met:
        with contextlib.closing(world.connection("alice", URL)) as connection:
            connection.request("POST", API + "logout", "{}", {"Content-Type": "application/json"})
            eventually("the first is being ended", lambda: met)
        eventually("both are ended", lambda: len(met) == 2)
    eventually("nobody is signed in", lambda: not world.signins())


def test_a_slow_api_server_does_not_keep_a_logout_from_its_end(world, behind_api):
    """One after the other they would take longer than there is."""
    api, _ = behind_api
    spaces = [f"space-{i}" for i in range(16)]
    with world.policy(carol=[rule("view", namespaces=spaces)]):
        for space in spaces:
            assert world.ask("carol", "POST", "login", {"namespaces": [space]}, url=URL).status == 202
        with api.instead("DELETE .*tkasignins/", Late(2)) as met:
            answer = world.ask("carol", "POST", "logout", url=URL, timeout=25)

        # One that the operator was just at is ended at the second try.
        assert answer.status == 200 and len(answer.body["sessions"]) == len(set(met)) == 16, answer.text
    eventually("nobody is signed in", lambda: not world.signins())


def test_a_logout_ends_the_others_when_one_session_cannot_be_ended(world, behind_api):
    api, _ = behind_api
    for role in ("view", "cluster-admin"):
        world.credential("alice", URL, role=role)
    first, _ = sorted(each["metadata"]["name"] for each in world.signins())
    with api.instead(f"DELETE .*{first}", ANSWERS["500"]) as met:
        answer = world.ask("alice", "POST", "logout", url=URL, timeout=25)

    assert met and answer.status == 503, answer.text
    eventually("the other is gone", lambda: [each["metadata"]["name"] for each in world.signins()] == [first])


def test_a_write_that_is_never_answered_ends_in_time(world, behind_api):
    api, _ = behind_api
    with api.instead("PATCH .*tkasignins/", HANG, times=1):
        answer = world.ask("alice", "POST", "credential", url=URL, timeout=25)

    assert answer.status in (200, 503), answer.text
    eventually("alice gets in", lambda: world.ask("alice", "POST", "credential", url=URL).status == 200, 20)


@WRITES
def test_a_slow_api_server_is_waited_for(world, behind_api, pattern):
    api, daemon = behind_api
    with api.instead(pattern, Late(2)):
        assert world.ask("alice", "POST", "credential", url=URL, timeout=25).status == 200
        assert daemon.probe("/livez")[0] == 200


def test_an_api_server_that_forgets_where_we_were_again_and_again_is_listed_anew(world, behind_api):
    """410 Gone at every watch, as after a compaction that never ends; logins go on meanwhile."""
    api, daemon = behind_api
    world.credential("alice")
    with api.instead("GET .*tkasignins.*watch=1", ANSWERS["410"], times=12) as met:
        api.cut()
        eventually("it has met four of them", lambda: len(met) >= 4, 30)
        assert daemon.probe("/livez")[0] == 200
        assert world.ask("alice", "POST", "credential", url=URL).status == 200
    lists = [line for line in api.seen if "watch=1" not in line and line.endswith("tkasignins?limit=500")]
    assert len(lists) < 20, "lists that follow one another without a pause"
    daemon.await_status(200, seconds=20)
    eventually("a session begun elsewhere is known", lambda: world.credential("bob") and
               world.ask("bob", "GET", "login", url=URL).status == 200)


@pytest.mark.parametrize("asked, passed_on", [("30", "30"), ("3600", "60")])
@WRITES
def test_too_many_requests_are_passed_on_with_the_time_to_wait(world, behind_api, pattern, asked, passed_on):
    """Longer than the server itself waits for the API server: it says so at once."""
    api, _ = behind_api
    with api.instead(pattern, kube_status(429, "TooManyRequests", "slow down", Retry_After=asked)):
        refused = world.ask("alice", "POST", "credential", url=URL, timeout=25)
    assert (refused.status, refused.headers["retry-after"]) == (503, passed_on), refused.text


# --- the real one ---

def test_an_api_server_that_is_killed_and_comes_back_costs_nobody_a_session(world):
    token = world.credential("alice")["status"]["token"]
    uid = world.signin()["metadata"]["uid"]
    statuses = set()
    with world.stopped("apiserver", kill=True):
        statuses.add(world.ask("alice", "POST", "credential", timeout=20).status)
        statuses.add(world.ask("bob", "POST", "login", timeout=20).status)
    eventually("alice gets in", lambda: statuses.add(ask_alice(world)) or 200 in statuses, 40)
    assert statuses <= {200, 202, 503}, statuses
    assert world.signin(username="alice@example.com")["metadata"]["uid"] == uid
    eventually("her token is good", lambda: world.whoami(token)[0] == 201)


def ask_alice(world):
    return world.ask("alice", "POST", "credential", timeout=20).status


def test_a_session_namespace_that_is_deleted_is_told_and_its_return_is_enough(world):
    assert not world.signins(), "with sessions in it, it would wait for an operator that has lost its rights there"
    world.run("admin", "kubectl", "delete", "namespace", "tka", "--timeout=120s", seconds=130)
    try:
        refused = world.ask("alice", "POST", "credential", timeout=25)
        assert refused.status == 503 and refused.headers["retry-after"], refused.text
    finally:
        world.rig.cluster.apply()
    eventually("alice gets in", lambda: ask_alice(world) == 200, 60)
    assert len(world.items(ACCOUNTS + "?labelSelector=tka.specht-labs.de%2Fsignin-uid")) == 1


def test_two_replicas_behind_two_nodes_are_one_server(world):
    """What one has begun the other goes on with: the same session, the same end, the same logout."""
    first = world.credential("alice", SERVER)
    eventually("the other knows", lambda: world.ask("alice", "GET", "login", url=SERVER_TUN).status == 200)
    second = world.credential("alice", SERVER_TUN)
    assert second["session"] == first["session"] and len(world.signins()) == 1

    with world.stopped("operator"):
        assert world.ask("bob", "POST", "login", url=SERVER).status == 202
        eventually("the other knows", lambda: world.ask("bob", "GET", "login", url=SERVER_TUN).status == 202)
    waiting = world.ask("bob", "GET", "login", url=SERVER_TUN, headers={"Prefer": "wait=20"}, timeout=30)
    assert waiting.status == 200, waiting.text

    assert world.ask("alice", "POST", "logout", url=SERVER_TUN).status == 200
    eventually("nor does the first know her", lambda: world.ask("alice", "GET", "login", url=SERVER).status == 401)
