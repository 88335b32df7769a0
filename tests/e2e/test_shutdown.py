"""SIGTERM in the middle of everything: whoever was answered is signed in, and whoever waits is told something."""

import contextlib
import http.client
import threading
import time

import pytest

from own_daemon import URL, config_of, own_daemon, wiping_env
from world import API, PEOPLE, eventually

PEOPLE_WITH_RULES = [node for node in PEOPLE if node in ("alice", "desktop", "bob", "aliceorg")]


class Crowd:
    """Threads that sign in and ask for tokens until nobody answers any more."""

    def __init__(self, world, nodes, each=3):
        self.world = world
        self.answers, self.cut = [], []
        self.threads = [threading.Thread(target=self.ask_on, args=(node, i), daemon=True)
                        for node in nodes for i in range(each)]
        for thread in self.threads:
            thread.start()

    def ask_on(self, node, i):
        path = API + ("login" if i % 2 else "credential")
        with contextlib.suppress(OSError):
            while True:
                connection = self.world.connection(node, URL)
                with contextlib.closing(connection):
                    self.ask_until_closed(node, connection, path)

    def ask_until_closed(self, node, connection, path):
        connection.connect()  # refused: the server is gone, and so are we
        closing = False
        while not closing:
            try:
                connection.request("POST", path)
                reply = connection.getresponse()
                closing = reply.getheader("Connection") == "close"
                self.answers.append((node, self.world.answer_of(reply)))
            except (http.client.HTTPException, ConnectionError) as err:
                self.cut.append((node, path, repr(err)))
                return

    def join(self):
        for thread in self.threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self.threads)


def test_a_server_that_is_told_to_stop_under_load_loses_no_login_that_it_answered(world):
    config = config_of(world, "tka-server", log__level="warn", api__requestsPerSecond=0)
    with own_daemon(world, "tka-server", config, env=wiping_env(world)) as daemon:
        daemon.await_status(200)
        crowd = Crowd(world, PEOPLE_WITH_RULES)
        eventually("it is busy", lambda: len(crowd.answers) > 60, 20)
        daemon.process.terminate()
        crowd.join()
        assert daemon.process.wait(12) == 0
    statuses = {answer.status for _, answer in crowd.answers}
    assert statuses <= {200, 202, 503}, statuses
    assert not crowd.cut, crowd.cut[:3]
    told = {(node, answer.body["role"] if answer.status == 202 else answer.body["session"]["role"])
            for node, answer in crowd.answers if answer.status < 300}
    assert told == {(item["spec"]["node"], item["spec"]["role"]) for item in world.signins()}


# Those that begin a session come last: when that is there, the server has read the others too.
WAITS = {
    "a status": ("desktop", "GET", "login", {202}),
    "a kubeconfig": ("desktop", "GET", "kubeconfig", {202}),
    "a logout": ("aliceorg", "POST", "logout", {200}),
    "a login": ("alice", "POST", "login", {202}),
    "a credential": ("bob", "POST", "credential", {503}),
}


def ask_to_wait(world, node, method, path):
    """The connection of a request that is sent."""
    connection = world.connection(node, URL, timeout=30)
    connection.request(method, API + path, headers={"Prefer": "wait=30"})
    return connection


@pytest.fixture
def told_to_stop(world):
    """What each of those that wait was answered by a server that was told to stop, and when."""
    config = config_of(world, "tka-server", log__level="warn")
    with own_daemon(world, "tka-server", config) as daemon, world.stopped("operator"):
        daemon.await_status(200)
        for node in ("desktop", "aliceorg"):
            assert world.ask(node, "POST", "login", url=URL).status == 202
        with contextlib.ExitStack() as stack:
            waiting = {name: stack.enter_context(contextlib.closing(ask_to_wait(world, *words[:3])))
                       for name, words in WAITS.items()}
            eventually("their sessions are begun", lambda: len(world.signins()) >= 4)
            began = time.monotonic()
            daemon.process.terminate()
            answers = {name: world.answer_of(connection.getresponse()) for name, connection in waiting.items()}
            assert daemon.process.wait(12) == 0
            yield answers, time.monotonic() - began


def test_whoever_waits_when_a_server_stops_is_told_so_in_order(told_to_stop):
    answers, seconds = told_to_stop

    for name, (_, _, _, statuses) in WAITS.items():
        assert answers[name].status in statuses, (name, answers[name].text)
        assert answers[name].headers.get("connection") == "close", name
        if answers[name].status == 503 or WAITS[name][1] == "GET":
            assert int(answers[name].headers["retry-after"]) >= 1, name
    assert seconds < 12


def test_a_server_that_is_told_twice_ends_without_waiting_and_in_order(world):
    config = config_of(world, "tka-server")
    with own_daemon(world, "tka-server", config, env=wiping_env(world)) as daemon, world.stopped("operator"):
        daemon.await_status(200)
        with contextlib.closing(world.connection("alice", URL)) as waiting:
            waiting.request("POST", API + "credential", headers={"Prefer": "wait=30"})
            eventually("the session is begun", world.signins)
            daemon.process.terminate()
            eventually("it drains", lambda: daemon.log_lines(msg="stopping"))
            daemon.process.terminate()
            assert daemon.process.wait(12) == 0


def test_a_second_replica_takes_over_without_a_session_lost(world):
    """One of two servers goes: its sessions are the other's, which every waiting client may ask."""
    config = config_of(world, "tka-server", log__level="warn")
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        mine = world.credential("alice", URL)
        eventually("the other knows", lambda: world.ask("alice", "GET", "login").status == 200)
        daemon.process.terminate()
        assert daemon.process.wait(12) == 0
    answer = world.ask("alice", "POST", "credential")

    assert answer.status == 200 and answer.body["session"]["until"] == mine["session"]["until"]
    assert len(world.signins()) == 1
