"""schedule.py - one random schedule: people, accidents and clocks, as a seed has it."""

import concurrent.futures
import contextlib
import dataclasses
import fcntl
import http.client
import json
import random
import re
import threading
import time

import judge
from cluster import ETCD
from history import History
from host import ask
from place import ROLES, SERVER_PORT, Daemon, clear, sessions_of, work_of
from world import ACCOUNTS, BINDINGS, GROUP

API = "/api/v1alpha1/"
PEOPLE = {"alice": 2, "desktop": 2, "bob": 1, "aliceorg": 1}  # node -> how many roles
PERIOD_SECONDS = (2, 12)
JUMPS_SECONDS = (-86400, -3600, -61, -10, -2, 2, 10, 61, 3600, 86400)
EXPECTED = {0, 200, 202, 401, 404, 429, 503}
TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{20,}\.")
SHORT_GRACE, LONG_GRACE = 15, judge.KILLED_SECONDS
QUIET_SECONDS = 2
WATCH_SECONDS = 8  # the longest pause of a watch that failed, 5 s, and its answer
ALONE, PAIRS = ("server", "operator"), ("server", "operator", "standby")
TWO_OPERATORS = 0.5  # of the schedules have a second one, and either can be the one that works
OUTAGE_EVERY = 20  # seeds: in so many schedules in a row the API server is restarted at least once
ENDS = (0, 1, -9, -15)  # -15: SIGTERM came before it listened for it; 1: it cannot go on
REVIEW = ("/apis/authentication.k8s.io/v1/selfsubjectreviews",
          {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"})


@dataclasses.dataclass
class Verdict:
    """What came of a schedule."""

    seed: int
    problems: list
    counts: dict
    seconds: float
    trace: list

    def line(self):
        return json.dumps(dataclasses.asdict(self))


class Outages:
    """When the API server was away: all schedules that run beside each other share it."""

    def __init__(self, folder):
        self.file = folder / "outages"
        self.lock = folder / "outages.lock"

    @contextlib.contextmanager
    def one(self):
        with self.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            begun = time.time()
            try:
                yield
            finally:
                with self.file.open("a") as file:
                    file.write(f"{begun} {time.time()}\n")

    def all(self):
        with contextlib.suppress(OSError):
            with self.lock.open("w") as lock:  # one under way is waited for
                fcntl.flock(lock, fcntl.LOCK_SH)
                return [tuple(map(float, line.split())) for line in self.file.open()]
        return []


class Keeper:
    """Starts a daemon, and again when it ended, as a cluster does; notes when it was away."""

    def __init__(self, daemon, notes, say):
        self.daemon, self.notes, self.say = daemon, notes, say
        self.problems = []
        self.delay = 0.0
        self.ending = False
        daemon.start()
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def keep(self):
        while not self.ending:
            status = self.daemon.process.poll()
            if status is None:
                time.sleep(0.01)
                continue
            begun = time.time()
            if status not in ENDS:
                self.problems.append(f"tka-{self.daemon.name} ended with {status}")
            time.sleep(self.delay)
            self.daemon.start()
            self.say(f"{self.daemon.name} runs again, after {time.time() - begun:.1f} s")
            if self.daemon.name != "server":
                grace = SHORT_GRACE if status == 0 else LONG_GRACE
                self.notes.disturbances.append(judge.Disturbance(begun, time.time(), grace))

    def kill(self, delay):
        self.delay = delay
        self.daemon.process.kill()

    def restart(self, delay):
        self.delay = delay
        self.daemon.process.terminate()

    def end(self):
        self.ending = True
        self.thread.join(5)
        words = self.daemon.stop()
        return self.problems + ([words] if words else [])


class Schedule:
    """The steps of one seed, at one place of a rig."""

    def __init__(self, rig, slot, seed):
        self.rig, self.slot, self.seed = rig, slot, seed
        self.random = random.Random(seed)
        self.notes = judge.Notes()
        self.counts, self.trace, self.problems = {}, [], []
        self.begun = time.time()
        self.outages = Outages(rig.folder)
        self.pool = concurrent.futures.ThreadPoolExecutor(32)
        clear(rig, slot)
        self.history = History(rig, slot)
        names = PAIRS if self.random.random() < TWO_OPERATORS else ALONE
        self.daemons = {name: Daemon(rig, slot, name) for name in names}
        self.keepers = {}

    def say(self, words):
        self.trace.append(f"{time.time() - self.begun:7.2f} {words}")

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    # --- what people do ---

    def person(self):
        """(node, what is asked for): a role, perhaps in one namespace only."""
        node = self.random.choice(list(PEOPLE))
        view = ROLES[-1]
        wishes = [{"role": role} for role in ROLES[-PEOPLE[node]:]]
        wishes.append({"role": view, "namespaces": [work_of(self.slot)]})
        return node, self.random.choice(wishes)

    def later(self, what, *arguments):
        self.pool.submit(self.guard, what, *arguments)

    def guard(self, what, *arguments):
        try:
            what(*arguments)
        except Exception as err:  # a fault of the test itself must not pass for success
            self.problems.append(f"{what.__name__}: {type(err).__name__}: {err}")

    def ask(self, node, path, body):
        """(status, value) of one request to this place's server."""
        where = (self.rig.tailnet.address("tka"), SERVER_PORT + self.slot)
        status, text = 0, b""
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, text = ask(self.rig.host.http(node, where, timeout=15), API + path, "POST",
                               json.dumps(body))
        self.say(f"{node} {path} {body}: {status} {text[:90] if status not in (0, 200) else ''}")
        self.count(f"{path} {status}")
        if status not in EXPECTED and not self.is_of_an_outage(text):
            self.problems.append(f"{node} {path}: {status} {text[:300]}")
        return status, json.loads(text) if status in (200, 202) else None

    def is_of_an_outage(self, text):
        """An API server that just began knows no roles yet, and forbids what it will allow."""
        now = time.time()
        return b"is forbidden" in text and any(
            begun <= now < over + SHORT_GRACE for begun, over in self.outages.all())

    def login(self, node, wish, period):
        """When that ends; None when it did not work."""
        status, answer = self.ask(node, "login", {**wish, "period": f"{period}s"})
        if status != 202:
            return None
        until = judge.instant(answer["until"])
        self.notes.answers.append((time.time(), node, wish["role"], until))
        return until

    def credential(self, node, wish, period):
        status, answer = self.ask(node, "credential", {**wish, "period": f"{period}s"})
        if status == 200:
            self.notes.tokens.append((time.time(), answer["status"]["token"]))

    def logout(self, node, role):
        begun = time.time()
        self.ask(node, "logout", {"role": role} if role else {})
        self.notes.logouts.append((begun, time.time(), node, role))

    def step_login(self):
        self.later(self.login, *self.person(), self.random.randint(*PERIOD_SECONDS))

    def step_credential(self):
        self.later(self.credential, *self.person(), self.random.randint(*PERIOD_SECONDS))

    def step_logout(self):
        """Of somebody who is signed in, if anybody is."""
        node, wish = self.person()
        role, which = wish["role"], self.random.random()
        live = self.live()
        if live:
            spec = live[int(which * len(live))]["spec"]
            node, role = spec["node"].split(".")[0], spec["role"]
        self.later(self.logout, node, self.random.choice((role, None)))

    def step_again_at_the_end(self):
        """Somebody signs in, and again at the very moment at which that ends."""
        node, wish = self.person()
        how = self.random.choice((self.login, self.credential))
        first, second = self.random.randint(2, 4), self.random.randint(2, 6)
        self.later(self.sign_in_twice, node, wish, how, first, second,
                   self.random.uniform(-0.4, 0.4))

    def sign_in_twice(self, node, wish, how, first, second, off):
        until = self.login(node, wish, first)
        if until is None:
            return
        time.sleep(max(0, until + off - time.time()))
        self.count("again at the end")
        how(node, wish, second)

    # --- what hands do ---

    def live(self):
        return [each for each in self.history.left() if each.get("spec", {}).get("username")]

    def step_delete_session(self):
        for each in self.live()[:1]:
            self.notes.touched[each["metadata"]["uid"]] = time.time()
            self.delete(GROUP, each["metadata"]["name"])

    def step_delete_dependent(self):
        for each in self.live()[:1]:
            self.notes.touched[each["metadata"]["uid"]] = time.time()
            name = each["metadata"]["name"]
            if self.random.random() < 0.5:
                self.delete(ACCOUNTS, name)
            else:
                self.delete(self.bindings_of(each), f"{name}.{sessions_of(self.slot)}")

    def bindings_of(self, signin):
        if "namespaces" not in signin["spec"]:
            return BINDINGS
        return (BINDINGS.rsplit("/", 1)[0]
                + f"/namespaces/{signin['spec']['namespaces'][0]}/rolebindings")

    def delete(self, path, name):
        path = path.replace("/namespaces/tka/", f"/namespaces/{sessions_of(self.slot)}/")
        status, _ = self.rig.cluster.call(f"{path}/{name}", "DELETE")
        self.say(f"a hand deletes {path.rsplit('/', 1)[1]} {name}: {status}")
        self.count("deleted by hand")

    # --- what goes wrong ---

    def victim(self):
        """An operator, two times of three."""
        return self.random.choice((self.any_operator(), self.any_operator(), "server"))

    def any_operator(self):
        return self.random.choice([name for name in self.daemons if name != "server"])

    def disturb(self, seconds, grace):
        now = time.time()
        self.notes.disturbances.append(judge.Disturbance(now, now + seconds, grace))

    def step_clock(self):
        name = self.random.choice((self.any_operator(), "server"))
        jump = self.random.choice(JUMPS_SECONDS)
        self.daemons[name].set_clock(jump)
        self.say(f"the clock of the {name} is wrong by {jump} s")
        self.count("clock jumps")

    def step_kill_at_write(self):
        self.kill_at_write(self.victim())

    def kill_at_write(self, name):
        number, when = self.random.randint(1, 8), self.random.choice(("before", "after"))
        delay = self.random.choice((0, 0, 0.5, 3))

        def strike():
            self.say(f"{name} is killed {when} a write")
            self.count(f"{name} killed at a write")
            self.keepers[name].kill(delay)
        self.say(f"{name} is to be killed {when} its write {number} from now")
        self.daemons[name].proxy.aim_at(number, when, strike)

    def step_kill(self):
        name = self.victim()
        self.say(f"{name} is killed")
        self.count(f"{name} killed")
        self.keepers[name].kill(self.random.choice((0, 1, 4)))

    def step_restart(self):
        name = self.victim()
        self.say(f"{name} is told to end")
        self.count(f"{name} restarted")
        self.keepers[name].restart(self.random.choice((0, 2)))

    def step_lose_answer(self):
        name, number = self.victim(), self.random.randint(1, 6)
        self.say(f"the answer to write {number} of the {name} from now gets lost")

        def strike():
            self.say(f"{name} loses an answer")
            self.count("answers lost")
        self.daemons[name].proxy.aim_at(number, "after", strike)

    def step_cut(self):
        name = self.victim()
        self.say(f"all connections of the {name} are cut")
        self.count("cuts")
        self.daemons[name].proxy.cut()

    def step_hinder(self):
        name, how = self.victim(), self.random.choice(("refuse", "stall", "slow"))
        seconds, each = self.random.uniform(0.5, 4), self.random.uniform(0.05, 0.4)
        self.say(f"{name}: {how} for {seconds:.1f} s")
        self.count(how)
        if name != "server":
            self.disturb(seconds, SHORT_GRACE)
        more = (each,) if how == "slow" else ()
        getattr(self.daemons[name].proxy, how)(seconds, *more)

    def step_compact(self):
        """etcd forgets the past: lists under way and watches from before get 410."""
        status, text = self.ask_etcd("kv/range", {"key": "AA==", "limit": "1"})
        if status == 200:
            revision = json.loads(text)["header"]["revision"]
            status, text = self.ask_etcd("kv/compaction", {"revision": revision})
        self.say(f"etcd is compacted: {status}")
        self.count("compactions")

    def ask_etcd(self, path, body):
        return ask(self.rig.host.http("hub", ETCD), "/v3/" + path, "POST", json.dumps(body))

    def step_restart_api(self):
        """The new one's watch cache begins where the old one's ended: watches from before get 410."""
        kill, compact = self.random.random() < 0.5, self.random.random() < 0.7
        with self.outages.one(), self.rig.locked():
            self.say("the API server is restarted")
            self.rig.stop("apiserver", kill)
            if compact:
                self.step_compact()
            self.rig.start("apiserver")
        self.say("the API server is back")
        self.count("API server restarts")

    STEPS = {step_credential: 6, step_login: 4, step_again_at_the_end: 3, step_logout: 3,
             step_delete_session: 1, step_delete_dependent: 1, step_clock: 2,
             step_kill_at_write: 4, step_kill: 1, step_restart: 1, step_lose_answer: 2,
             step_cut: 1, step_hinder: 3, step_compact: 1, step_restart_api: 0.06}

    # --- from the beginning to the end ---

    def run(self, steps):
        try:
            for name in self.daemons:
                self.keepers[name] = Keeper(self.daemons[name], self.notes, self.say)
            for daemon in self.daemons.values():
                daemon.await_ready()
            self.say("ready")
            self.take_steps(steps)
            self.come_to_rest()
            self.await_the_end()
            self.refuse_tokens()
            self.look_at_gauges()
        except Exception as err:
            self.problems.append(f"{type(err).__name__}: {err}")
        finally:
            self.end()
        return self.verdict()

    def take_steps(self, count):
        choices = self.random.choices(list(self.STEPS), self.STEPS.values(), k=count)
        if self.seed % OUTAGE_EVERY == 0:
            choices[count // 2] = Schedule.step_restart_api
        pauses = [self.random.choice((0, 0.1, 0.5, 1, 2.5)) for _ in choices]
        for step, pause in zip(choices, pauses):
            step(self)
            time.sleep(pause)

    def come_to_rest(self):
        """No new accident from here on; those that happened have to be got over."""
        self.pool.shutdown(wait=True)
        for daemon in self.daemons.values():
            daemon.proxy.aim_at(0, "", None)
            daemon.set_clock(0)
        time.sleep(max(keeper.delay for keeper in self.keepers.values()) + 0.1)
        for daemon in self.daemons.values():
            daemon.await_ready()
        self.say("no more accidents")

    def known(self):
        """The notes, with the outages that any schedule caused; and the sessions so far."""
        shared = [judge.Disturbance(*each, LONG_GRACE) for each in self.outages.all()
                  if each[1] > self.begun]
        notes = dataclasses.replace(
            self.notes, disturbances=[*self.notes.disturbances, *shared],
            gaps=list(self.history.gaps))
        return notes, judge.sessions_in(self.history.events())

    def await_the_end(self):
        """A write that a daemon has given up can still arrive: so nothing must be left for a while, at every look.
        Time alone proves nothing: known() waits for an API server that another schedule restarts."""
        quiet_since = time.time()
        while True:
            time.sleep(0.1)
            if not self.history.left():
                if time.time() < quiet_since + QUIET_SECONDS:
                    continue
                self.say("nothing is left")
                return
            notes, sessions = self.known()
            ends = [judge.end_of(each) for each in sessions.values() if each.versions]
            quiet_since = time.time()
            if quiet_since > judge.deadline(max(ends, default=0), notes.disturbances) + 2:
                self.say(f"left over: {[each['metadata']['name'] for each in self.history.left()]}")
                return

    def refuse_tokens(self):
        left = [token for _, token in self.notes.tokens]
        while left:
            notes, sessions = self.known()
            for token in list(left):
                limit = judge.token_deadline(sessions, notes, token)
                asked = time.time()
                status, _ = self.review(token)
                if status == 401:
                    left.remove(token)
                elif limit is None or (status == 201 and asked > limit):
                    left.remove(token)
                    self.problems.append("a token was believed in for too long")
            time.sleep(0.5)
        self.say("no token is believed in")

    def review(self, token):
        connection = self.history.connect()
        return ask(connection, REVIEW[0], "POST", json.dumps(REVIEW[1]),
                   {"Authorization": "Bearer " + token, "Content-Type": "application/json"})

    def look_at_gauges(self):
        """Nobody is signed in: so say the operators' own numbers, those of the one that stands by too."""
        for name in set(self.daemons) - {"server"}:
            self.daemons[name].await_ready()
            deadline = time.monotonic() + WATCH_SECONDS
            while (wrong := self.wrong_gauges(name)) and time.monotonic() < deadline:
                time.sleep(0.1)
            self.problems += wrong

    def wrong_gauges(self, name):
        text = self.daemons[name].ask("/metrics")
        sums = {gauge: sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                           if re.match(gauge + r"[ {]", line))
                for gauge in ("tka_active_user_sessions", "tka_sessions_overdue")}
        return [f"{gauge} of the {name} is {value:g} when all is over"
                for gauge, value in sums.items() if value != 0]

    def end(self):
        for name, keeper in self.keepers.items():
            self.problems += keeper.end()
            if TOKEN.search((self.daemons[name].folder / "log").read_bytes()):
                self.problems.append(f"a token stands in the log of the {name}")
        for daemon in self.daemons.values():
            daemon.close()
        time.sleep(judge.SLACK_SECONDS)
        self.history.end()

    def verdict(self):
        notes, _ = self.known()
        events = self.history.events()
        problems = [*self.problems, *judge.judge(events, notes, time.time())]
        problems += [f"left over: {each['metadata']['name']}" for each in self.history.left()]
        counts = dict(self.counts, sessions=len({event.uid for event in events
                                                 if event.kind == "signin"}))
        trace = self.trace
        if problems:
            trace = trace + [self.describe(event) for event in events]
        return Verdict(self.seed, problems, counts, time.time() - self.begun, trace)

    def describe(self, event):
        metadata, spec = event.object["metadata"], event.object.get("spec", {})
        words = [f"{event.at - self.begun:7.2f}", str(event.version), event.kind,
                 "GONE" if event.gone else "", event.name, event.uid[:8]]
        if event.kind == "signin":
            words += [f"until {judge.ends_at(event.object) - self.begun:.2f}", spec["node"],
                      f"deleted {metadata.get('deletionTimestamp', 'no')}",
                      f"finalizers {metadata.get('finalizers', [])}",
                      f"status {event.object.get('status', {}).get('provisioned')}"]
        return " ".join(words)
