"""debian.py - what dpkg knows of a file on this machine: its package, and that package's papers."""

import dataclasses
import os
import pathlib
import re
import subprocess

known = {}  # name -> package
FIELDS = ("Package", "Version", "Architecture", "Source", "source:Upstream-Version", "Homepage", "Maintainer")


@dataclasses.dataclass(frozen=True)
class Package:
    """An installed binary package."""

    name: str
    version: str
    architecture: str
    source: str
    homepage: str
    maintainer: str

    @property
    def copyright_path(self):
        return pathlib.Path(f"/usr/share/doc/{self.name}/copyright")

    @property
    def stanza(self):
        """The package as scanners of images look for it."""
        rows = {"Package": self.name, "Status": "install ok installed", "Architecture": self.architecture,
                "Version": self.version, "Source": self.source, "Maintainer": self.maintainer}
        return "".join(f"{key}: {value}\n" for key, value in rows.items() if value)

    def licences(self):
        """The short names of the licences its copyright file declares; none where it is free text."""
        text = self.copyright_path.read_text(errors="replace") if self.copyright_path.exists() else ""
        if not text.startswith("Format:"):
            return []
        return sorted(set(re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)))


def ask(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    return done.stdout if done.returncode == 0 else ""


def names_of(path):
    """How dpkg may call a file: /lib and /usr/lib are one folder, and packages say either."""
    real = os.path.realpath(path)
    return dict.fromkeys((str(path), real, real.removeprefix("/usr")))


def owners(paths):
    """Path -> name of the package it belongs to, asked for all at once. Refuses a file that is nobody's: it could not
    be accounted for."""
    names = {name: path for path in paths for name in names_of(path)}
    done = subprocess.run(["dpkg-query", "--search", *names], capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    found = {}
    for line in done.stdout.splitlines():
        package_names, _, name = line.partition(": ")
        if name in names:
            found[names[name]] = package_names.split(",")[0]
    missing = sorted(set(map(str, paths)) - set(map(str, found)))
    if missing:
        raise LookupError(f"{', '.join(missing)}: in no Debian package")
    described = packages(sorted(set(found.values())))
    return {path: described[name].name for path, name in found.items()}


def packages(names):
    """Name, as asked for -> package."""
    form = "".join(f"${{{field}}}\\t" for field in FIELDS) + "\\n"
    rows = ask("dpkg-query", "--show", "--showformat", form, *names).splitlines()
    for row in rows:
        found = dict(zip(FIELDS, row.split("\t")))
        known[found["Package"]] = Package(found["Package"], found["Version"], found["Architecture"], found["Source"],
                                          found["Homepage"], found["Maintainer"])
    return {name: known[name.partition(":")[0]] for name in names}


def package(name):
    """One that owners() has named."""
    return known[name]


def architecture():
    return ask("dpkg", "--print-architecture").strip()


def libraries(program):
    """Name the program asks for -> file, for everything the loader would map. None when it is static."""
    done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    missing = re.search(r"^\s*(\S+) => not found$", done.stdout, re.MULTILINE)
    if missing:
        raise LookupError(f"{program} needs {missing[1]}, which is not here")
    found = re.findall(r"^\s*(?:(\S+) => )?(/\S+) \(0x", done.stdout, re.MULTILINE)
    return {path: os.path.realpath(path) for _, path in found}
