"""contents.py - what is in the image: our programs, the libraries they map, certificates, and papers."""

import pathlib
import subprocess
import tempfile

import debian
from tree import Entry, Tree

PROGRAMS = ("kubectl-tka", "kubectl-tka-remote", "tka-operator", "tka-server")
FOLDER_LINKS = {"/lib": "usr/lib", "/lib64": "usr/lib64", "/bin": "usr/bin"}
LINKS = {"/usr/bin/tka": "kubectl-tka", "/usr/lib/ssl/certs": "/etc/ssl/certs",
         "/etc/os-release": "../usr/lib/os-release"}
USER = 65532
CERTIFICATES = pathlib.Path("/usr/share/ca-certificates/mozilla")
TEXTS = {
    "/etc/passwd": f"root:x:0:0::/:/nologin\nnonroot:x:{USER}:{USER}::/:/nologin\n",
    "/etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def frame():
    """A tree with what every image has: who its processes are, and where names are looked up."""
    tree = Tree()
    for path, target in FOLDER_LINKS.items():
        tree.link(path, target)
    for path, text in TEXTS.items():
        tree.add(path, Entry(text.encode()))
    return tree


def stripped(program):
    """A program without symbols and debugging information, which say where it was compiled."""
    with tempfile.NamedTemporaryFile() as output:
        subprocess.run(["strip", "--strip-all", "--remove-section=.comment", "-o", output.name, str(program)],
                       check=True)
        return pathlib.Path(output.name).read_bytes()


def add_programs(tree, programs):
    """Our programs, and the libraries they map, under the names by which they ask for them."""
    libraries = {}
    for name in PROGRAMS:
        tree.add(f"/usr/bin/{name}", Entry(stripped(programs / name), 0o755))
        libraries.update(debian.libraries(programs / name))
    owners = debian.owners(libraries)
    for name, file in libraries.items():
        mode = 0o755 if "/ld-" in name else 0o644
        tree.add(name, Entry(pathlib.Path(file).read_bytes(), mode, package=owners[name]))


def add_certificates(tree):
    """The authorities of the package ca-certificates, without those this machine adds of its own."""
    files = sorted(CERTIFICATES.glob("*.crt"))
    if not files:
        raise LookupError(f"{CERTIFICATES} is empty: install ca-certificates")
    bundle = "".join(file.read_text() for file in files)
    owner = debian.owners([str(files[0])])[str(files[0])]
    tree.add("/etc/ssl/certs/ca-certificates.crt", Entry(bundle.encode(), package=owner))


def add_papers(tree, repository):
    """Licences of everything inside, and the package list that scanners of images read."""
    tree.add("/usr/share/doc/tka/copyright", Entry((repository / "LICENSE").read_bytes()))
    tree.add("/usr/lib/os-release", Entry(pathlib.Path("/usr/lib/os-release").read_bytes()))
    for name in sorted({entry.package for entry in tree.entries.values()} - {""}):
        found = debian.package(name)
        tree.add(f"/var/lib/dpkg/status.d/{name}", Entry(found.stanza.encode()))
        if found.copyright_path.exists():
            tree.add(str(found.copyright_path), Entry(found.copyright_path.read_bytes()))


def gather(programs, repository):
    """Everything, as a tree."""
    tree = frame()
    add_programs(tree, pathlib.Path(programs))
    for path, target in LINKS.items():
        tree.link(path, target)
    add_certificates(tree)
    add_papers(tree, repository)
    return tree
