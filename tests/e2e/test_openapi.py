"""The live server against schema/openapi.yaml, by schemathesis: every operation, every check, over the tailnet."""

import pathlib

import clients
import rig as system
from own_daemon import URL, config_of, own_daemon

SETTINGS = pathlib.Path(__file__).parent / "schemathesis.toml"


def test_schemathesis_finds_nothing_with_all_its_checks(world):
    # Without a limit of requests: what a crowd is answered is tested elsewhere.
    config = config_of(world, "tka-server", api__requestsPerSecond=0)
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        said = world.run(
            "alice", "env", "-C", world.folder, *clients.obtain("schemathesis", system.progress()), "--config-file",
            SETTINGS, "run", URL + "/openapi.json", "--checks", "all", "--seed", "20260101", "--max-examples", "12", "--workers", "1",
            "--request-timeout", "60", "--continue-on-failure", code=None, seconds=420)

        assert said.returncode == 0, said.stdout[-12000:] + said.stderr[-2000:]
        assert not daemon.log_lines(level="error")
