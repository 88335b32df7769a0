"""The image that `make image` makes: what is in it and what is not, its papers, and that it comes out the same twice."""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tarfile

import pytest

import machine as machines
from conftest import REPOSITORY
from host import command
from needed import missing

LIMIT_BYTES = 25_000_000
PROGRAMS = ("tka-server", "tka-operator", "kubectl-tka")
REVISION = "0-of-the-tests"


def make_image(tree):
    command("make", "-j2", "-C", tree, f"VERSION={REVISION}", "SOURCE_DATE_EPOCH=1700000000", "OUT=build/image-test",
            "image", seconds=900)
    return tree / "build/image-test/image"


def copy_tree(target):
    """The files of the repository, as they are now, somewhere else."""
    target.mkdir(parents=True)
    names = subprocess.run(["git", "-C", REPOSITORY, "ls-files", "-co", "--exclude-standard", "-z"],
                           capture_output=True, check=True).stdout
    subprocess.run(["sh", "-c", 'tar -C "$0" --null -T - -c | tar -x -C "$1"', REPOSITORY, target],
                   input=names, check=True)
    return target


@pytest.fixture(scope="session")
def image():
    """The folder with the image of this tree."""
    return make_image(REPOSITORY)


@pytest.fixture(scope="session")
def blobs(image):
    """Every blob of the archive by digest, and what its manifest and config say."""
    with tarfile.open(image / "tka.tar") as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive.getmembers()}
    index = json.loads(files["index.json"])
    assert len(index["manifests"]) == 1
    for name, data in files.items():
        if name.startswith("blobs/sha256/"):
            assert hashlib.sha256(data).hexdigest() == name.rpartition("/")[2]
    manifest = json.loads(files["blobs/sha256/" + index["manifests"][0]["digest"][7:]])
    config = json.loads(files["blobs/sha256/" + manifest["config"]["digest"][7:]])
    return {"files": files, "index": index, "manifest": manifest, "config": config}


@pytest.fixture(scope="session")
def root(blobs, tmp_path_factory):
    """The image, unpacked."""
    folder = tmp_path_factory.mktemp("root")
    packed = blobs["files"]["blobs/sha256/" + blobs["manifest"]["layers"][0]["digest"][7:]]
    (folder / "layer").write_bytes(packed)
    with tarfile.open(folder / "layer") as layer:
        layer.extractall(folder / "files")
    return folder / "files"


def test_the_same_sources_in_another_folder_give_the_same_digest(image, tmp_path):
    other = make_image(copy_tree(tmp_path / "quite/another/place"))
    assert (image / "digest").read_text() == (other / "digest").read_text()
    assert (image / "tka.spdx.json").read_bytes() == (other / "tka.spdx.json").read_bytes()


def test_the_image_is_smaller_than_25_megabytes(blobs):
    size = sum(layer["size"] for layer in blobs["manifest"]["layers"])
    print(f"{size / 1e6:.1f} MB compressed")
    assert size < LIMIT_BYTES


def test_the_image_runs_as_a_numbered_user_who_is_not_root(blobs):
    assert blobs["config"]["config"]["User"] == "65532:65532"


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_program_starts_with_nothing_but_the_image(root, program):
    starts(root, program)


def starts(root, program):
    done = subprocess.run(["/usr/sbin/chroot", root, f"/usr/bin/{program}", "version"], capture_output=True, text=True,
                          check=False, env={"PATH": "/usr/bin", "HOME": "/"})
    assert done.returncode == 0, done.stderr
    assert REVISION in done.stdout


def test_the_network_half_of_the_client_finds_its_libraries(root):
    (loader,) = root.glob("usr/lib*/ld-*")
    said = command("/usr/sbin/chroot", root, "/" + loader.relative_to(root).as_posix(), "--list",
                   "/usr/bin/kubectl-tka-remote")
    assert "libcurl.so.4" in said and "not found" not in said


def test_there_are_no_programs_but_ours(root):
    loose = {path.relative_to(root).as_posix() for path in root.rglob("*")
             if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111}
    assert loose == {f"usr/bin/{name}" for name in (*PROGRAMS, "kubectl-tka-remote")} | {
        path.relative_to(root).as_posix() for path in root.glob("usr/lib*/ld-*")}


def test_nothing_in_the_image_is_writable_or_changes_who_runs_it(root, blobs):
    packed = blobs["files"]["blobs/sha256/" + blobs["manifest"]["layers"][0]["digest"][7:]]
    (root.parent / "again").write_bytes(packed)
    with tarfile.open(root.parent / "again") as layer:
        for member in layer.getmembers():
            assert (member.uid, member.gid) == (0, 0), member.name
            assert member.issym() or member.mode & 0o7022 == 0, member.name


def test_certificates_are_those_of_debian_and_none_of_this_machine(root):
    bundle = (root / "etc/ssl/certs/ca-certificates.crt").read_text()
    delivered = sum(path.read_text().count("BEGIN CERTIFICATE")
                    for path in pathlib.Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    assert bundle.count("BEGIN CERTIFICATE") == delivered > 100


def test_nothing_names_the_folder_it_was_built_in(root):
    for name in (*PROGRAMS, "kubectl-tka-remote"):
        assert str(REPOSITORY).encode() not in (root / "usr/bin" / name).read_bytes()


def test_the_sbom_is_valid_spdx(image, obtain, tmp_path):
    done = subprocess.run([*obtain("spdx"), "-i", image / "tka.spdx.json"], capture_output=True, text=True,
                          check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sbom_names_every_file_with_its_sum_and_the_package_it_is_from(image, root):
    papers = json.loads((image / "tka.spdx.json").read_text())
    named = {entry["fileName"][2:]: entry for entry in papers["files"]}
    there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and not path.is_symlink()}
    assert set(named) == there - {path for path in there if (root / path).parent.is_symlink()}
    for path, entry in named.items():
        sums = {row["algorithm"]: row["checksumValue"] for row in entry["checksums"]}
        assert sums["SHA256"] == hashlib.sha256((root / path).read_bytes()).hexdigest()
    packages = {entry["name"]: entry for entry in papers["packages"]}
    for name in ("libcurl4", "libc6", "libssl3", "libjansson4", "ca-certificates"):
        said = command("dpkg-query", "--show", "--showformat=${Version}", name)
        assert packages[name]["versionInfo"] == said
        assert packages[name]["externalRefs"][0]["referenceLocator"].startswith(f"pkg:deb/debian/{name}@")
    assert packages["tka"]["licenseDeclared"] == "Apache-2.0"


def test_a_dockerfile_build_copies_the_very_same_files(root, tmp_path):
    command(REPOSITORY / "deploy/image/build", "--programs", REPOSITORY / "build/image-test/bin",
            "--root", tmp_path / "root")
    for path in root.rglob("*"):
        other = tmp_path / "root" / path.relative_to(root)
        assert other.is_symlink() == path.is_symlink() and other.is_dir() == path.is_dir(), path
        if path.is_file() and not path.is_symlink():
            assert other.read_bytes() == path.read_bytes(), path
            assert other.stat().st_mode == path.stat().st_mode, path


# What debian:bookworm-slim does without, and goes on doing without.
SLIM = """path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
"""
MAKE_SLIM = ("find /usr/share/doc ! -type d ! -name copyright -delete; "
             "rm -rf /usr/share/man/* /usr/share/info/* /usr/share/locale/*")


@pytest.fixture
def slim(tmp_path, capsys):
    """A minimal Debian without what the slim image is without: no git, no compiler, no papers but copyright."""
    reason = machines.why_not()
    if reason:
        missing(reason)

    def say(words):
        with capsys.disabled():
            print(words, file=sys.stderr, flush=True)
    machine = machines.Machine(tmp_path / "slim", say, packages=())
    path = machine.path("/etc/dpkg/dpkg.cfg.d/docker")
    path.parent.mkdir(parents=True)
    path.write_text(SLIM)
    machine.run("sh", "-euc", MAKE_SLIM)
    return machine


def instructions():
    """(word, rest) of the Dockerfile up to its second stage."""
    text = (REPOSITORY / "deploy/Dockerfile").read_text().replace("\\\n", "")
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    stages = [at for at, (word, _) in enumerate(lines) if word == "FROM"]
    return lines[stages[0] + 1:stages[1]]


def shape(folder):
    """Path -> its mode, or where it leads. What is in a file depends on how new the machine's packages are."""
    return {path.relative_to(folder).as_posix(): str(path.readlink()) if path.is_symlink() else oct(path.stat().st_mode)
            for path in folder.rglob("*")}


def test_what_the_dockerfile_runs_gives_the_same_image_on_a_slim_debian(root, slim):
    where = "/"
    for word, rest in instructions():
        if word == "RUN":
            slim.run("sh", "-euc", f"cd {where}; {rest}", env={"VERSION": REVISION}, seconds=900)
        elif word == "WORKDIR":
            where = rest
        elif word == "COPY":
            assert rest == ". ."
            copy_tree(slim.path(where))
        else:
            assert (word, rest) == ("ARG", "VERSION=unknown")
    assert shape(slim.path("/image")) == shape(root)
    for program in PROGRAMS:
        starts(slim.path("/image"), program)


def test_the_dockerfile_installs_what_the_makefile_asks_for():
    dockerfile = (REPOSITORY / "deploy/Dockerfile").read_text()
    wanted = re.search(r"^PKGS +:= (.*)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)[1].split()
    installed = re.findall(r"\S+-dev\b", dockerfile)
    provided = {}
    for package in installed:
        listed = command("dpkg-query", "--listfiles", package)
        provided.update({pathlib.Path(path).stem: package for path in listed.split() if path.endswith(".pc")})
    assert set(wanted) <= set(provided), "the Dockerfile lacks a -dev package"
    assert re.search(r"^USER 65532:65532$", dockerfile, re.MULTILINE)
    assert re.search(r"^FROM scratch$", dockerfile, re.MULTILINE)
