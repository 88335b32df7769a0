"""A cluster set back to a backup of its etcd, by the commands of docs/restore.md: no session outlives its end,
a logout does not come undone, and people who were signed in get in again by themselves."""

import contextlib
import shutil

import pytest

import clients
from cluster import ETCD
from pages import REPOSITORY, parse
from world import GROUP, SERVER, claims, eventually, rule

STEPS = {block.options["step"]: block.text for block in parse(REPOSITORY / "docs/restore.md")
         if "step" in getattr(block, "options", {})}
SHORT_SECONDS = 5


@pytest.fixture
def tools(world, tmp_path):
    """A folder with etcdctl and etcdutl."""
    for name in ("etcdctl", "etcdutl"):
        (tmp_path / name).symlink_to(clients.obtain(name, world.rig.say)[0])
    return tmp_path


@pytest.fixture
def take(world, tools):
    """take(step): a command block of the page, typed beside etcd."""
    peer = f"http://{ETCD[0]}:{ETCD[1] + 1}"
    backup = world.folder / "backup"
    variables = {"ETCD": f"http://{ETCD[0]}:{ETCD[1]}", "BACKUP": str(backup), "NAME": "rig", "PEER": peer,
                 "DATA": str(world.folder / "etcd-restored")}
    backup.unlink(missing_ok=True)

    def run(step):
        env = {**variables, "PATH": f"{tools}:{world.rig.admin_env()['PATH']}"}
        return world.run("admin", "sh", "-euc", STEPS[step], env=env).stdout
    yield run
    backup.unlink(missing_ok=True)


@contextlib.contextmanager
def without_control_plane(world):
    """Neither API server nor etcd runs; both are started again."""
    for name in ("apiserver", "etcd"):
        world.rig.stop(name)
    try:
        yield
    finally:
        for name in ("etcd", "apiserver"):
            world.rig.start(name)


def restore(world, take):
    with without_control_plane(world):
        take("restore")
        shutil.rmtree(world.folder / "etcd")
        (world.folder / "etcd-restored").rename(world.folder / "etcd")


def sign_in(world, node):
    """A token, and the session's uid."""
    token = world.credential(node)["status"]["token"]
    name = claims(token)["sub"].rpartition(":")[2]
    return token, next(item["metadata"]["uid"] for item in world.signins() if item["metadata"]["name"] == name)


def is_accepted(world, token):
    return world.whoami(token)[0] == 201


def gets_in_again(world, node):
    """kubectl may have to show the plugin once that its token is refused."""
    return any(world.run(node, "kubectl", "get", "ns", code=None).returncode == 0 for _ in range(2))


def test_a_restored_cluster_keeps_no_session_past_its_end_and_lets_people_in_again(world, take):
    long, short = rule("view"), rule("view", period=f"{SHORT_SECONDS}s")
    with world.policy(alice=[long], bob=[short], carol=[long], aliceorg=[long]):
        world.login("alice", SERVER, "--use")
        kept, _ = sign_in(world, "alice")
        _, over = sign_in(world, "bob")
        logged_out, _ = sign_in(world, "carol")
        take("save")
        assert world.ask("carol", "POST", "logout").status == 200
        world.login("aliceorg", SERVER, "--use")
        later, _ = sign_in(world, "aliceorg")
        world.await_gone(over, SHORT_SECONDS + 10)

        restore(world, take)

        world.await_gone(over, 10)
        assert is_accepted(world, kept) and not is_accepted(world, later)
        assert is_accepted(world, logged_out), "the page says that a logout is forgotten; it was not"
        take("end")
        eventually("nobody is signed in", lambda: not world.items(GROUP) and not world.made_for(), 30)
        eventually("tokens of before are refused", lambda: not any(
            is_accepted(world, token) for token in (kept, logged_out)), 22)
        assert gets_in_again(world, "alice") and gets_in_again(world, "aliceorg")
        assert not world.signins(username="carol@example.com")
        assert "tka-user-alice" in take("look")
