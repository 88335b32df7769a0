"""installed.py - the programs as `make install` puts them, under every name they have."""

import pathlib
import subprocess

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Installed:
    """One installation below a folder."""

    def __init__(self, folder, env):
        self.folder = pathlib.Path(folder)
        self.usr = self.folder / "usr"
        self.env = env
        self.make("install")

    def make(self, verb):
        done = subprocess.run(["make", "-s", verb, f"DESTDIR={self.folder}", "PREFIX=/usr"], cwd=REPOSITORY,
                              env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def files(self):
        return sorted(str(path.relative_to(self.usr)) for path in self.usr.rglob("*") if not path.is_dir())

    def path(self, world, node="alice"):
        """PATH with the installation first."""
        return f"{self.usr}/bin:{world.rig.node_env(node)['PATH']}"
