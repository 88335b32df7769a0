"""The judge of the schedules notices what it is there to notice. Run before them."""

import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "rig")]

import judge  # noqa: E402
from history import Event  # noqa: E402

BEGUN = 1_700_000_000
PERIOD = 10
END = BEGUN + PERIOD


def text(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def signin(at, version, gone=False, deleted=None, finalizers=(judge.FINALIZER,), begun=BEGUN):
    metadata = {"uid": "s", "name": "tka-user-alice", "finalizers": list(finalizers)}
    if deleted is not None:
        metadata["deletionTimestamp"] = text(deleted)
    spec = {"username": "alice", "node": "laptop", "role": "view", "requested_at": text(begun),
            "validity_period": f"{PERIOD}s"}
    return Event(at, version, "signin", gone, {"metadata": metadata, "spec": spec})


def binding(at, version, gone=False):
    return Event(at, version, "binding", gone, {"metadata": {
        "uid": "b", "name": "tka-user-alice-binding", "creationTimestamp": text(BEGUN),
        "labels": {"tka.specht-labs.de/signin-uid": "s"}}})


def life(over=END + 0.2, unbound=None, deleted=END, lost=None):
    """A session as it should be, but for what the caller wants otherwise."""
    unbound = over + 0.1 if unbound is None else unbound
    return [signin(BEGUN, 1), binding(BEGUN + 0.1, 2), signin(over, 3, deleted=deleted),
            binding(unbound, 5 if lost is None else lost + 1, gone=True),
            signin(unbound + 0.1, 6 if lost is None else lost, gone=True, deleted=deleted)]


def verdict(events, **notes):
    return judge.judge(events, judge.Notes(**notes), END + 1000)


def test_a_session_as_it_should_be_is_in_order():
    assert verdict(life()) == []


def test_a_right_that_outlives_its_session_is_noticed():
    assert any("too long" in words for words in verdict(life(unbound=END + 12)))


def test_a_right_that_is_never_taken_away_is_noticed():
    assert any("too long" in words for words in verdict(life()[:3]))


def test_a_crash_of_the_operator_gives_it_more_time_and_not_more_than_that():
    crash = judge.Disturbance(END - 1, END + 1, judge.KILLED_SECONDS)
    assert verdict(life(unbound=END + 20), disturbances=[crash]) == []
    assert verdict(life(unbound=END + 30), disturbances=[crash]) != []


def test_a_crash_long_before_the_end_is_no_excuse():
    crash = judge.Disturbance(END - 100, END - 99, judge.KILLED_SECONDS)
    assert verdict(life(unbound=END + 12), disturbances=[crash]) != []


def test_a_session_that_is_ended_early_is_noticed():
    early = life(over=END - 3, deleted=END - 3)
    assert any("early" in words for words in verdict(early))


def test_a_logout_is_no_early_end():
    early = life(over=END - 3, deleted=END - 3)
    assert verdict(early, logouts=[(END - 4, END - 2, "laptop", None)]) == []
    assert verdict(early, logouts=[(END - 4, END - 2, "desktop", None)]) != []


def test_an_extended_session_that_is_ended_by_its_old_time_is_noticed():
    events = life()
    events.insert(2, signin(END - 1, 3, begun=BEGUN + 9))
    assert any("unbound" in words or "early" in words for words in verdict(
        [*events[:3], signin(END + 0.2, 4, deleted=END, begun=BEGUN + 9), *events[4:]]))


def test_a_binding_that_outlives_the_finalizer_is_noticed():
    assert any("finalizer was gone" in words for words in verdict(life(lost=5)))


def test_a_binding_before_the_finalizer_is_noticed():
    events = [signin(BEGUN, 1, finalizers=()), *life()[1:]]
    assert any("before there was a finalizer" in words for words in verdict(events))


def test_a_right_of_nobody_is_noticed():
    assert any("of no session" in words for words in verdict([binding(BEGUN, 2)]))


def test_a_promised_session_that_never_was_is_noticed():
    answers = [(BEGUN, "laptop", "view", END), (BEGUN, "laptop", "view", END + 5)]
    assert verdict(life(), answers=answers[:1]) == []
    assert any("never was" in words for words in verdict(life(), answers=answers))
