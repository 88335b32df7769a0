"""GET access: who the server sees, every rule of the policy, which of them wins, and what is refused and why."""

import pytest

from tailnet import CAPABILITY
from world import eventually, rule


def access(world, node="alice"):
    answer = world.ask(node, "GET", "access")
    assert answer.status == 200, answer.text
    return answer.body


def await_rules(world, rules, node="alice"):
    """What access says once a new policy has reached the server's tailscaled."""
    def look():
        told = access(world, node)
        seen = [(row.get("role"), row.get("period")) for row in told["rules"]]
        return told if seen == [(one.get("role"), one.get("period")) for one in rules] else None
    return eventually(f"these rules: {rules}", look)


def test_access_says_who_asks_and_from_which_device(world):
    told = access(world)

    assert told["username"] == "alice@example.com" and told["capabilities"] == [CAPABILITY]
    assert told["node"] and told["node_id"] and told["user_id"]


def test_access_tells_every_rule_and_why_one_of_them_wins(world):
    rules = [rule("view", "30m", 1), rule("cluster-admin", "8h", 300), rule("edit", "1h", 200),
             rule("view", "1h", 50, colour="red"), {"groups": ["oncall"], "since": "may"},
             rule("nonesuch", "1h", 7), rule("view", "48h", 8, namespaces=["dev"])]
    with world.policy(alice=rules):
        told = await_rules(world, rules)

    verdicts = [row["verdict"] for row in told["rules"]]
    assert verdicts == ["hidden", "wins", "granted", "granted", "claim", "refused", "refused"]
    assert [row["index"] for row in told["rules"]] == list(range(len(rules)))
    assert told["rules"][3]["unknown_keys"] == ["colour"]
    assert (told["rules"][4]["groups"], told["rules"][4]["unknown_keys"]) == (["oncall"], ["since"])
    assert "nonesuch" in told["rules"][5]["why"] and "48h" in told["rules"][6]["why"]
    assert (told["role"], told["period"], told["status"]) == ("cluster-admin", "8h0m0s", 202)


@pytest.mark.parametrize("rules, status, words", [
    ([rule("view", priority=5), rule("edit", priority=5)], 400, "same priority"),
    ([rule("view"), {"role": "edit"}], 400, '"period" is missing'),
    ([rule("nonesuch")], 422, "nonesuch"),
    ([rule("view", "48h")], 422, "48h"),
], ids=["a priority twice", "an element without a period", "a role not handed out", "too long a period"])
def test_access_is_answered_where_a_login_is_refused_and_says_the_same(world, rules, status, words):
    with world.policy(alice=rules):
        told = await_rules(world, rules)
        login = world.ask("alice", "POST", "login")

    assert login.status == told["status"] == status
    assert words in told["refused"] and login.message == told["refused"]
    assert any(row["verdict"] == "refused" for row in told["rules"]) and "role" not in told


def test_a_person_without_a_rule_is_told_that_there_is_none(world):
    told = access(world, "carol")

    assert told["rules"] == [] and told["status"] == 403 and told["refused"] == "User not authorized"


def test_a_tagged_node_is_refused_also_there(world):
    assert world.ask("ci", "GET", "access").status == 400


def test_access_lists_the_persons_sessions_on_all_their_devices(world):
    for node in ("alice", "desktop"):
        world.credential(node)

    told = access(world)

    assert [row["here"] for row in told["sessions"]].count(True) == 1 and len(told["sessions"]) == 2
    assert all(row["ready"] and row["until"] for row in told["sessions"])


def test_asking_for_access_ends_what_is_no_longer_granted(world):
    world.credential("alice")
    with world.policy(bob=[rule("view")]):
        await_rules(world, [])

    eventually("the session withdrawn", lambda: not world.signins(username="alice@example.com"))
