"""judge.py - whether what happened was as design promises. Pure: a history and notes in, words out."""

import base64
import calendar
import dataclasses
import json
import re
import time

FINALIZER = "tka.specht-labs.de/session"
END_SECONDS = 10       # no right is later than this after its end, while an operator works
KILLED_SECONDS = 25    # the same across a SIGKILL: of the operator, since it runs again
REFUSED_SECONDS = 12   # the API server believes in a token a while longer: 22 s in all
SLACK_SECONDS = 0.5    # from a change to our hearing of it
CLOCK_SECONDS = 0.1    # by which a daemon may be wrong about the API server's clock
UNITS = {"h": 3600, "m": 60, "s": 1}


@dataclasses.dataclass(frozen=True)
class Disturbance:
    """From `begun` to `over` the operator could not work; it has `grace` seconds from then on."""

    begun: float
    over: float
    grace: float


@dataclasses.dataclass
class Notes:
    """What was done to the system and what it answered."""

    disturbances: list = dataclasses.field(default_factory=list)
    touched: dict = dataclasses.field(default_factory=dict)  # signin uid -> when a hand was at it
    logouts: list = dataclasses.field(default_factory=list)  # (begun, answered, node, role or None)
    answers: list = dataclasses.field(default_factory=list)  # (at, node, role, until)
    tokens: list = dataclasses.field(default_factory=list)   # (at, token)
    gaps: list = dataclasses.field(default_factory=list)     # (from, to) without a full history

    def unseen(self, at):
        return any(begun - 1 <= at <= over + 1 for begun, over in self.gaps)


@dataclasses.dataclass
class Session:
    """One TkaSignin from its first to its last version, and the bindings that carry its uid."""

    uid: str
    versions: list = dataclasses.field(default_factory=list)
    accounts: dict = dataclasses.field(default_factory=dict)
    bindings: dict = dataclasses.field(default_factory=dict)

    @property
    def name(self):
        return self.versions[0].name


def seconds_of(period):
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([hms])", period))


def instant(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def ends_at(signin):
    spec = signin["spec"]
    return instant(spec["requested_at"]) + seconds_of(spec["validity_period"])


def deleted_at(signin):
    text = signin["metadata"].get("deletionTimestamp")
    return instant(text) if text else None


def account_of(token):
    """The uid of the ServiceAccount in a token."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["kubernetes.io"]["serviceaccount"]["uid"]


def sessions_in(events):
    """uid -> Session, of everything that names one."""
    found = {}
    for event in events:
        uid = event.uid if event.kind == "signin" else event.signin_uid
        session = found.setdefault(uid, Session(uid))
        if event.kind == "signin":
            session.versions.append(event)
        elif event.kind == "account":
            session.accounts.setdefault(event.uid, []).append(event)
        else:
            session.bindings.setdefault(event.uid, []).append(event)
    return found


def granted(session):
    """[(from, to)] during which the session holds, by the clock of the API server."""
    spans = []
    for version, following in zip(session.versions, [*session.versions[1:], None]):
        if version.gone or deleted_at(version.object) is not None:
            break
        end = ends_at(version.object)
        if following:
            gone = deleted_at(following.object)
            # a deletion is dated in whole seconds: it is not later than when it was heard of
            end = min(end, following.at if gone is None else max(gone, version.at))
        spans.append((version.at, end))
    return spans


def end_of(session):
    """When the last right of it should have ended, disturbances or not."""
    return max((end for _, end in granted(session)), default=session.versions[0].at)


def deadline(end, disturbances, seconds=END_SECONDS):
    """Until when what ended then has to be undone."""
    limit = end + seconds
    for each in sorted(disturbances, key=lambda one: one.begun):
        if each.begun <= limit and each.over + each.grace > limit:
            limit = each.over + each.grace
    return limit


def without_right(session, begun, over):
    """The parts of a binding's life during which its session did not hold."""
    at = begun
    for start, end in granted(session):
        if start > at:
            yield at, min(start, over)
        at = max(at, end)
    if at < over:
        yield at, over


def find_late(sessions, notes, now):
    """Rights that outlived their sessions."""
    for session in sessions.values():
        for events in [*session.bindings.values(), *session.accounts.values()]:
            over = events[-1].at if events[-1].gone else now
            for begun, until in without_right(session, events[0].at, over):
                limit = deadline(begun, notes.disturbances) + SLACK_SECONDS
                if until > limit:
                    yield (f"{session.name}: a {events[0].kind} was there {until - begun:.1f} s "
                           f"after the end, {until - limit:.1f} s too long")


def find_without_finalizer(sessions):
    """Rights beside no TkaSignin, or beside one that could vanish at once."""
    for session in sessions.values():
        held = [event for event in session.versions if not event.gone and FINALIZER in
                event.object["metadata"].get("finalizers", [])]
        lost = [event for event in session.versions if held and event.version > held[-1].version]
        for events in session.bindings.values():
            name = events[0].name
            if not held or (held[0].exact and held[0].version > events[0].version):
                yield f"{name}: bound before there was a finalizer"
            elif (lost and events[-1].exact and lost[0].exact
                  and (not events[-1].gone or events[-1].version > lost[0].version)):
                yield f"{name}: bound still when the finalizer was gone"


def was_asked_for(session, at, notes):
    """Whether somebody signed out or put a hand to it before it ended."""
    if session.uid in notes.touched:
        return True
    spec = session.versions[0].object["spec"]
    return any(begun - 1 <= at <= answered + 1 and node == spec["node"].split(".")[0]
               and role in (None, spec["role"]) for begun, answered, node, role in notes.logouts)


def find_early(sessions, notes):
    """Sessions that were ended before their time, and rights taken from sessions that held."""
    for session in sessions.values():
        for version, following in zip(session.versions, session.versions[1:]):
            gone = deleted_at(following.object)
            if (gone is None and not following.gone) or deleted_at(version.object) is not None:
                continue
            at = following.at if gone is None else min(gone + 1, following.at)  # or before that
            early = ends_at(version.object) - at
            if early > CLOCK_SECONDS and not was_asked_for(session, at, notes):
                yield f"{session.name}: ended {early:.1f} s early"
        if session.uid in notes.touched:
            continue
        for events in session.bindings.values():
            last = events[-1]
            holds = session.versions and [v for v in session.versions if v.version < last.version]
            if (last.gone and holds and not deleted_at(holds[-1].object)
                    and last.at < ends_at(holds[-1].object) - CLOCK_SECONDS):
                yield f"{last.name}: unbound {ends_at(holds[-1].object) - last.at:.1f} s early"


def find_untrue(sessions, notes):
    """Answers of success that nothing stands behind."""
    known = {(version.object["spec"]["node"].split(".")[0], version.object["spec"]["role"],
              ends_at(version.object))
             for session in sessions.values() for version in session.versions}
    for at, node, role, until in notes.answers:
        if (node, role, until) not in known and not notes.unseen(at):
            yield f"{node}: a session as {role} until {until} was promised, and never was"
    for at, token in notes.tokens:
        session = session_of(sessions, token)
        if notes.unseen(at):
            continue
        if session is None:
            yield f"a token for the account {account_of(token)}, which no session had"
        elif not any(instant(events[0].object["metadata"]["creationTimestamp"]) <= at
                     for events in session.bindings.values()):
            yield f"{session.name}: a token was given out before the binding was there"


def session_of(sessions, token):
    uid = account_of(token)
    return next((each for each in sessions.values() if uid in each.accounts), None)


def token_deadline(sessions, notes, token):
    """When a token must be refused at the latest; None for one of no session."""
    session = session_of(sessions, token)
    if session is None:
        return None
    return deadline(end_of(session), notes.disturbances) + REFUSED_SECONDS + SLACK_SECONDS


def judge(events, notes, now):
    """All that was not as promised, in words."""
    sessions = sessions_in(events)
    strangers = [f"{uid}: a {'/'.join(s.bindings and ['binding'] or ['account'])} of no session"
                 for uid, s in sessions.items() if not s.versions]
    sessions = {uid: each for uid, each in sessions.items() if each.versions}
    return [*strangers, *find_late(sessions, notes, now), *find_without_finalizer(sessions),
            *find_early(sessions, notes), *find_untrue(sessions, notes)]
