"""conftest.py - what every end-to-end test stands on: one rig, and words for what is done on it."""

import os
import pathlib
import re
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests/rig"), str(pathlib.Path(__file__).resolve().parent)]

import clients  # noqa: E402
import rig as system  # noqa: E402
from world import World  # noqa: E402

TOKEN = re.compile(rb"eyJ[A-Za-z0-9_-]{20,}\.")
CRASH = re.compile(rb"AddressSanitizer|runtime error:|LeakSanitizer|Assertion .* failed")


@pytest.fixture(scope="session")
def shared_world():
    """The rig that tests/e2e/run brought up."""
    folder = os.environ.get("TKA_E2E_DIR")
    if not folder:
        pytest.exit("run these tests with tests/e2e/run, which brings up their rig", returncode=2)
    return World(system.Rig(pathlib.Path(folder)))


@pytest.fixture
def world(shared_world):
    """The rig for one test, which finds nobody signed in and leaves it so."""
    shared_world.settle()
    pids = shared_world.daemon_pids()
    yield shared_world
    problems = shared_world.sign_everybody_out()
    if shared_world.restarted:
        shared_world.await_operator()
    else:
        problems += [f"{name} is not the process it was" for name, pid in pids.items()
                     if shared_world.daemon_pids().get(name) != pid]
    problems += shared_world.search_logs(TOKEN, "a token stands in")
    problems += shared_world.search_logs(CRASH, "a crash is told of in")
    assert not problems, "; ".join(problems)


@pytest.fixture(scope="session")
def obtain(request):
    """How a client's command line begins; made first if it has never been, with its progress shown."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def get(name):
        if name == "kubectl":
            return [name]
        with capture.global_and_fixture_disabled():
            return clients.obtain(name, lambda words: print(words, file=sys.stderr, flush=True))
    return get
