"""A session is a person, as a role, from a device: what is one, what is another, how long it lasts."""

import contextlib

import pytest

from own_daemon import URL, config_of, own_daemon
from signins import merge
from tailnet import CAPABILITY
from world import SERVER, SERVER_TUN, claims, eventually, rule


def subject(credential):
    return claims(credential["status"]["token"])["sub"]


def test_people_with_the_same_local_part_have_sessions_of_their_own(world):
    one, other = world.credential("alice"), world.credential("aliceorg")

    assert subject(one) != subject(other)
    assert one["session"]["role"] == "cluster-admin" and other["session"]["role"] == "view"
    assert not world.may(other["status"]["token"], "delete", "namespaces")


def test_two_roles_of_one_person_are_separate_sessions(world):
    admin, viewer = world.credential("alice"), world.credential("alice", role="view")

    assert subject(admin) != subject(viewer)
    assert world.may(admin["status"]["token"], "delete", "namespaces")
    assert not world.may(viewer["status"]["token"], "delete", "namespaces")


def test_two_devices_of_one_person_are_separate_sessions(world):
    laptop, desktop = world.credential("alice"), world.credential("desktop")

    assert subject(laptop) != subject(desktop)


def test_logging_out_on_one_device_leaves_the_other(world):
    world.credential("alice")
    desktop = world.credential("desktop")

    answer = world.ask("alice", "POST", "logout")

    assert answer.status == 200 and len(answer.body["sessions"]) == 1
    assert [item["spec"]["node"] for item in world.signins()] == ["desktop"]
    assert world.whoami(desktop["status"]["token"])[0] == 201


def test_logging_out_of_one_role_leaves_the_other(world):
    world.credential("alice")
    world.credential("alice", role="view")

    world.ask("alice", "POST", "logout", {"role": "view"})

    assert [item["spec"]["role"] for item in world.signins()] == ["cluster-admin"]


def test_logging_out_everywhere_ends_every_session_of_that_login_and_no_other(world):
    for node in ("alice", "desktop", "aliceorg"):
        world.credential(node)

    answer = world.ask("alice", "POST", "logout", {"everywhere": True})

    assert answer.status == 200 and len(answer.body["sessions"]) == 2
    assert [item["spec"]["username"] for item in world.signins()] == ["alice@example.org"]


def test_a_role_change_in_the_policy_takes_effect_at_the_next_login(world):
    with world.policy(alice=[rule("cluster-admin")]):
        old = world.credential("alice")
        uid = world.signin()["metadata"]["uid"]
    with world.policy(alice=[rule("view")]):
        new = world.credential("alice")

        assert new["session"]["role"] == "view"
        assert not world.may(new["status"]["token"], "delete", "namespaces")
        world.await_gone(uid)
        eventually("the old token may nothing any more",
                   lambda: not world.may(old["status"]["token"], "delete", "namespaces"), 25)


def test_a_grant_withdrawn_ends_the_session_at_the_next_request(world):
    world.credential("bob")
    uid = world.signin()["metadata"]["uid"]
    with world.policy(alice=[rule("view")]):
        assert world.ask("bob", "GET", "login").status == 403
        world.await_gone(uid)


def test_a_grant_withdrawn_ends_the_session_without_a_request_too(world):
    world.credential("bob")
    uid = world.signin()["metadata"]["uid"]
    with world.policy(alice=[rule("view")]):
        world.await_gone(uid, 75)


def test_rules_that_cannot_be_ranked_end_nothing(world):
    world.credential("alice")
    with world.policy(alice=[rule("view", priority=5), rule("edit", priority=5)]):
        assert world.ask("alice", "GET", "login").status == 400
        assert len(world.signins()) == 1


def test_a_user_whose_grant_is_gone_can_still_log_out(world):
    world.credential("bob")
    with world.policy(alice=[rule("view")]):
        assert world.ask("bob", "POST", "logout").status in (200, 404)
        eventually("bob is out", lambda: not world.signins(username="bob@example.com"))


def test_logging_in_again_extends_the_session_without_a_gap(world):
    first = world.credential("alice")
    before = world.signin()
    eventually("a second has passed", lambda: world.ask("alice", "POST", "login").status == 202 and
               world.signin()["status"].get("valid_until") > before["status"]["valid_until"])

    after = world.signin()
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert world.whoami(first["status"]["token"])[0] == 201


def test_asking_for_less_time_never_shortens_a_session(world):
    world.credential("alice")
    before = world.signin()["status"]["valid_until"]

    world.credential("alice", period="5m")

    assert world.signin()["status"]["valid_until"] >= before


def test_a_grant_that_became_shorter_shortens_the_session(world):
    world.credential("bob")
    before = world.signin()["status"]["valid_until"]
    with world.policy(bob=[rule("view", period="10m")]):
        world.credential("bob")
        eventually("the session is shorter", lambda: world.signin()["status"]["valid_until"] < before)


def test_a_session_of_servers_with_another_capability_is_extended_and_stays_theirs_to_judge(world):
    """What a change of tailscale.capName leaves: docs/server.md says what becomes of it."""
    config = config_of(world, "tka-server", tailscale__capName=[CAPABILITY, "other.example/cap/tka"])
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        world.credential("bob", URL)
    before = world.signin()
    assert before["spec"]["issuer"].endswith("other.example/cap/tka")

    extended = eventually("a second has passed", lambda: world.ask("bob", "POST", "login").status == 202 and [
        item for item in world.signins() if item["spec"]["requested_at"] > before["spec"]["requested_at"]])
    assert extended[0]["metadata"]["uid"] == before["metadata"]["uid"]
    assert extended[0]["spec"]["issuer"] == before["spec"]["issuer"]
    with world.policy(bob=[]):
        assert world.ask("bob", "GET", "login").status == 403
        assert not world.signin()["metadata"].get("deletionTimestamp"), "nobody withdraws it"
    uid = before["metadata"]["uid"]
    assert world.ask("bob", "POST", "logout").status == 200
    world.await_gone(uid)
    world.credential("bob")
    assert world.signin()["spec"]["issuer"] != before["spec"]["issuer"], "what begins anew is ours"


def test_two_servers_share_sessions(world):
    world.credential("alice", SERVER)
    eventually("the other knows", lambda: world.ask("alice", "GET", "login", url=SERVER_TUN).status == 200)

    answer = world.ask("alice", "POST", "logout", url=SERVER_TUN)

    assert answer.status == 200
    eventually("nor does the first know her", lambda: world.ask("alice", "GET", "login", url=SERVER).status == 401)


def test_a_namespaced_rule_binds_in_its_namespaces_alone(world):
    with world.policy(bob=[rule("edit", namespaces=["default"])]):
        token = world.credential("bob")["status"]["token"]

        assert world.kube("/api/v1/namespaces/default/configmaps", token=token)[0] == 200
        assert world.kube("/api/v1/namespaces/kube-system/configmaps", token=token)[0] == 403
        assert not any("clusterrolebindings" in name for name in world.made_for())


P4 = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/tka-p4-tokens"


def give_p4(world, **expressions):
    """Other expressions to variables of P4; the variables as they were."""
    variables = world.kube(P4)[1]["spec"]["variables"]
    others = [{**each, "expression": expressions.get(each["name"], each["expression"])} for each in variables]
    merge(world, P4, {"spec": {"variables": others}})
    return variables


@contextlib.contextmanager
def p4_with(world, **expressions):
    variables = give_p4(world, **expressions)
    try:
        yield
    finally:
        merge(world, P4, {"spec": {"variables": variables}})
        eventually("bob let in again", lambda: world.ask("bob", "POST", "credential", {}).status == 200, 20)


@pytest.fixture
def five_minutes(world):
    """P4 as it is where tka.server.maxPeriod is 5m, known to the API server."""
    with p4_with(world, maxPeriod="duration('5m')"):
        eventually("an hour refused", lambda: world.ask("bob", "POST", "credential", {}).status != 200, 20)
        yield


def test_sessions_shorter_than_the_shortest_token_get_one(world, five_minutes):
    with world.policy(alice=[rule("view", "5m")]):
        assert world.credential("alice")


def refusal(world):
    """What somebody is told, as soon as P4 is in force as it is now."""
    answer = world.ask("bob", "POST", "credential", {})
    return answer if answer.status != 200 else None


def test_an_api_server_whose_audience_p4_does_not_list_lets_nobody_in_until_it_does(world):
    with p4_with(world, audiences="['https://issuer.example.com']"):
        answer = eventually("bob is refused", lambda: refusal(world), 20)
        assert answer.status == 500, answer.text
        assert "Session tokens are for the API server and for no other audience" in answer.message, answer.text

        give_p4(world, audiences="['https://issuer.example.com', 'https://kubernetes.default.svc']")

        eventually("bob let in", lambda: refusal(world) is None, 20)
        assert world.credential("bob")["status"]["token"]
