"""Packages, archives and make install: each put onto a clean Debian and used there, the units by a systemd that runs."""

import contextlib
import hashlib
import http.server
import os
import re
import shutil
import subprocess
import threading

import pytest
import yaml

import clients
import machine as machines
from cluster import RELEASE, SERVER as API_SERVER
from host import command
from needed import missing
from own_daemon import change
from pages import REPOSITORY, parse
from world import SERVER, SERVER_TUN, eventually

BUILT = REPOSITORY / "build/packages"
DEBS = ("kubectl-tka", "tka-server", "tka-operator")
UNITS = ("tka-server", "tka-operator")
EXPOSURE_TENTHS = 20  # what systemd-analyze security calls OK, with room to 10.0


def make(*words, folder=REPOSITORY):
    """make, as somebody types it; without what a make around these tests has set."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "-C", folder, *words], env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def sums(pattern, folder=BUILT):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(pattern)}


def only(pattern):
    found = list(BUILT.glob(pattern))
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(scope="session", autouse=True)
def possible():
    """Comes before all that takes long."""
    reason = machines.why_not()
    if reason:
        missing(reason)


@pytest.fixture(scope="session")
def built():
    """Everything that make deb and make dist make."""
    make("deb", "dist")
    return BUILT


@pytest.fixture(scope="session")
def spot(shared_world):
    """spot(name): a folder for a new machine."""
    folder = shared_world.folder / "machines"
    shutil.rmtree(folder, ignore_errors=True)
    yield lambda name: folder / name
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def with_debs(shared_world, built, spot):
    """A machine in the network of a server's node, with the three packages installed by apt."""
    node = shared_world.rig.host.namespace("tkatun")
    plain = machines.Machine(spot("debs"), shared_world.rig.say)
    plain.run("apt-get", "update", "-q")
    before = files_of(plain)
    names = [f"/debs/{only(name + '_*.deb').name}" for name in DEBS]
    plain.run("apt-get", "install", "-y", "--no-install-recommends", *names, binds={built: "/debs"}, seconds=300)
    inside = machines.Machine(spot("debs"), shared_world.rig.say, node)
    inside.before = before
    return inside


def copy(machine, other):
    """What is on one machine onto another."""
    command("cp", "-a", machine.folder / "upper", other.folder, seconds=120)


def files_of(machine):
    return set(machine.run("sh", "-c", "find / -xdev -not -path '/var/*' -not -path '/debs*' | sort").stdout.splitlines())


def as_alice(world, spot_of_machine):
    """That machine on alice's device: her tailnet, her kubectl; how to run something there."""
    machine = machines.Machine(spot_of_machine, world.rig.say, world.rig.host.namespace("alice"))
    binds = {world.folder / "hosts": "/etc/hosts", world.rig.tailnet.socket("alice"): "/run/tailscale/tailscaled.sock",
             (world.folder / "bin/kubectl").resolve(): "/usr/local/bin/kubectl"}

    def run(*argv, path=None, home="/root", **more):
        env = {"HOME": home, **({"PATH": f"{path}:{machines.SYSTEM_PATH}"} if path else {})}
        return machine.run(*argv, env=env, binds=binds, **more)
    return run


def use(run, **more):
    """What people do first; and what a shell does for them."""
    assert "login" in run("kubectl-tka", "--help", **more).stdout
    assert run("tka", "version", **more).stdout.startswith("kubectl-tka ")
    assert "login" in run("kubectl_complete-tka", "lo", **more).stdout.split()
    assert "Signed in to rig" in run("kubectl", "tka", "login", SERVER, "--use", **more).stdout
    assert "namespace/tka" in run("kubectl", "get", "ns", "-o", "name", **more).stdout.splitlines()
    run("kubectl", "tka", "logout", **more)


# --- Debian packages ---

def test_the_same_commit_gives_the_same_packages(built):
    before = sums("*.deb")

    make("deb")

    assert len(before) == len(DEBS) and sums("*.deb") == before


def test_lintian_finds_nothing_but_what_is_overridden_with_a_reason(built):
    said = command("lintian", "--allow-root", "--pedantic", "--display-info", "--fail-on", "error,warning,info,pedantic",
                   *BUILT.glob("*.deb"), seconds=120)

    assert said.strip() == ""
    for path in REPOSITORY.glob("deploy/packages/*/lintian-overrides"):
        lines = path.read_text().splitlines()
        assert all(above.startswith("#") for above, line in zip(lines, lines[1:]) if not line.startswith("#")), path


def test_a_person_signs_in_with_the_package_that_apt_installed(world, with_debs):
    use(as_alice(world, with_debs.folder))


@pytest.mark.parametrize("page", ["kubectl-tka(1)", "tka(1)", "tka-config(5)", "tka-server(8)", "tka-operator(8)"])
def test_a_man_page_of_the_packages_is_found(with_debs, page):
    name, section = page.rstrip(")").split("(")

    found = with_debs.run("man", "-w", section, name).stdout.strip()

    assert found.endswith(f"/{name}.{section}.gz") or found.endswith("/kubectl-tka.1.gz"), found


def test_the_shells_find_the_completions_of_the_packages(with_debs):
    script = "source /usr/share/bash-completion/bash_completion; _completion_loader tka; complete -p tka"

    assert with_debs.run("bash", "-c", script).stdout.startswith("complete ")
    for path in ("/usr/share/zsh/vendor-completions/_tka", "/usr/share/fish/vendor_completions.d/tka.fish"):
        assert with_debs.run("test", "-s", path).returncode == 0


@pytest.mark.parametrize("unit", UNITS)
def test_the_units_are_sound_and_leave_little_open(with_debs, unit):
    said = with_debs.run("systemd-analyze", "verify", f"{unit}.service")
    assert said.stderr + said.stdout == ""

    with_debs.run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_TENTHS}",
                  f"/usr/lib/systemd/system/{unit}.service")


def test_removing_the_packages_leaves_nothing(shared_world, built, with_debs, spot):
    other = machines.Machine(spot("removed"), shared_world.rig.say)
    copy(with_debs, other)
    other.run("systemctl", "enable", *UNITS)
    assert other.run("systemctl", "is-enabled", *UNITS).stdout.split() == ["enabled", "enabled"]

    other.run("apt-get", "purge", "-y", "--autoremove", *DEBS)

    left = {path for path in files_of(other) - with_debs.before if "tka" in path.lower() and not path.startswith("/root/")}
    assert not left, sorted(left)


# --- the archive, krew, make install ---

def test_a_person_signs_in_with_the_archive_unpacked_below_a_home(world, built, spot):
    archive = only("kubectl-tka-*.tar.gz")
    bare = machines.Machine(spot("archive"), world.rig.say)
    assert "libcurl" not in bare.run("ldconfig", "-p").stdout
    bare.run("sh", "-euc", "mkdir -p ~/.local && tar -xzf /a.tar.gz -C ~/.local --strip-components=1",
             binds={archive: "/a.tar.gz"})

    use(as_alice(world, bare.folder), path="/root/.local/bin")

    loaded = bare.run("ldd", "/root/.local/bin/kubectl-tka-remote").stdout
    foreign = [line for line in loaded.splitlines() if "=> /" in line and "/lib/kubectl-tka/" not in line]
    assert "not found" not in loaded
    assert all(re.match(r"\s*(libc|libm|libresolv)\.so", line) for line in foreign), foreign


def test_the_archive_names_the_licence_of_every_library_in_it(built):
    names = command("tar", "-tzf", only("kubectl-tka-*.tar.gz")).splitlines()
    libraries = [name for name in names if "/lib/kubectl-tka/" in name and not name.endswith("/")]
    licences = [name for name in names if "/licenses/" in name and not name.endswith(("/", "VERSIONS"))]

    # Some packages hold two libraries.
    assert len(libraries) >= len(licences) > 0.8 * len(libraries)


def test_the_source_archive_gives_the_same_packages_in_another_folder(built, tmp_path):
    if command("git", "-C", REPOSITORY, "status", "--porcelain"):
        missing("the archive is of the commit, and there are changes that are not committed")
    command("tar", "-xzf", only("tka-*.tar.gz"), "-C", tmp_path)
    (folder,) = tmp_path.iterdir()
    assert not (folder / ".git").exists()

    make("-j2", "deb", folder=folder)

    assert sums("*.deb", folder / "build/packages") == sums("*.deb"), "objects of older flags here? try make clean"


@contextlib.contextmanager
def served(folder):
    """The folder over HTTP, at the URL given."""
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def krew(world, tmp_path):
    """The environment in which kubectl has krew."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/kubectl-krew").symlink_to(clients.obtain("krew", world.rig.say)[0])
    (tmp_path / "bin/kubectl").symlink_to((world.folder / "bin/kubectl").resolve())
    root = tmp_path / "krew"
    return {"PATH": f"{root}/bin:{tmp_path}/bin:{machines.SYSTEM_PATH}", "KREW_ROOT": str(root), "HOME": str(tmp_path)}


def test_krew_accepts_the_manifest_and_installs_what_it_names(world, built, krew, tmp_path):
    with served(BUILT) as url:
        manifest = tmp_path / "tka.yaml"
        manifest.write_text(re.sub(r"uri: \S+/", f"uri: {url}/", (BUILT / "tka.yaml").read_text()))

        command(*clients.obtain("krew-validator", world.rig.say), "-manifest", manifest, env=krew)
        command("kubectl", "krew", "install", f"--manifest={manifest}", env=krew)

    assert command("kubectl", "tka", "version", env=krew).startswith("kubectl-tka ")
    said = subprocess.run(["kubectl", "tka", "login", "http://tka:1"], env={**krew, "TKA_TAILSCALE_SOCKET": "/nowhere"},
                          check=False, capture_output=True, text=True)
    assert said.returncode == 3 and "tailscaled" in said.stderr, said


def test_a_person_signs_in_with_what_make_install_installed_and_uninstall_leaves_nothing(world, built, with_debs, spot):
    own = machines.Machine(spot("installed"), world.rig.say)
    # What the packages depend on, without them.
    copy(with_debs, own)
    own.run("dpkg", "--purge", *DEBS)
    before = files_of(own)

    make("install", f"DESTDIR={own.folder}/upper", "PREFIX=/usr/local")
    use(as_alice(world, own.folder))
    unit = own.path("/usr/local/lib/systemd/system/tka-server.service").read_text()
    assert "ExecStart=/usr/local/sbin/tka-server serve" in unit
    own.run("systemd-analyze", "verify", "/usr/local/lib/systemd/system/tka-server.service")
    make("uninstall", f"DESTDIR={own.folder}/upper", "PREFIX=/usr/local")

    left = {path for path in files_of(own) - before if not own.run("test", "-d", path, code=None).returncode == 0}
    assert not {path for path in left if path.startswith("/usr")}, sorted(left)


# --- the units, run ---

def sign(world, folder, subject, extensions):
    """A key, and a certificate of the rig's CA: folder/key and folder/crt."""
    at = world.rig.cluster.folder
    command("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject,
            "-keyout", folder / "key", "-out", folder / "csr")
    (folder / "use").write_text(extensions)
    command("openssl", "x509", "-req", "-in", folder / "csr", "-days", "1", "-CA", at / "ca.crt", "-CAkey", at / "ca.key",
            "-CAcreateserial", "-extfile", folder / "use", "-out", folder / "crt")


def make_kubeconfig(world, program, folder):
    """What docs/packages.md has an administrator make: a certificate in the name of the program's account."""
    at = world.rig.cluster.folder
    sign(world, folder, f"/CN=system:serviceaccount:{RELEASE}:{program}", "extendedKeyUsage=clientAuth\n")
    command("sh", "-euc", STEPS["kubeconfig"], env={
        "PATH": f"{world.folder}/bin:{machines.SYSTEM_PATH}", "API_SERVER": API_SERVER, "CA": str(at / "ca.crt"),
        "CERTIFICATE": str(folder / "crt"), "KEY": str(folder / "key"), "FILE": str(folder / f"{program}.kubeconfig"),
        "HOME": str(folder)})
    return folder / f"{program}.kubeconfig"


STEPS = {block.options["step"]: block.text for block in parse(REPOSITORY / "docs/packages.md")
         if "step" in getattr(block, "options", {})}


def configure(world, machine, folder):
    """The files that docs/packages.md names."""
    config = world.rig.daemons.server_config("server-tun", "tkatun", "tun")
    config = change(config, {"health": None, "tailscale.socket": None, "kubernetes.kubeconfig": None})
    etc = machine.path("/etc/tka")
    etc.mkdir(exist_ok=True)
    shutil.rmtree(machine.path("/etc/systemd/system/tka-server.service.d"), ignore_errors=True)
    (etc / "config.yaml").write_text(yaml.safe_dump({key: value for key, value in config.items() if key != "health"}))
    for program in UNITS:
        kubeconfig = make_kubeconfig(world, program, folder)
        target = etc / f"{program.removeprefix('tka-')}.kubeconfig"
        target.touch(0o600)
        target.write_text(kubeconfig.read_text())


def configure_tls(world, machine, folder):
    """Port 443, by the file that docs/packages.md shows."""
    sign(world, folder, "/CN=tka", f"subjectAltName=IP:{world.rig.tailnet.address('tkatun')}\n")
    for name in ("crt", "key"):
        target = machine.path(f"/etc/tka/tls.{name}")
        target.touch(0o600)
        target.write_text((folder / name).read_text())
    drop_in = machine.path("/etc/systemd/system/tka-server.service.d/tls.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text(STEPS["tls"])
    config = machine.path("/etc/tka/config.yaml")
    config.write_text(yaml.safe_dump(change(yaml.safe_load(config.read_text()), {"tailscale.port": 443})))


@pytest.fixture
def host(request, world, with_debs, tmp_path):
    """The machine with systemd running, in the place of the rig's second server and of its operator."""
    configure(world, with_debs, tmp_path)
    for prepare in getattr(request, "param", ()):
        prepare(world, with_debs, tmp_path)
    with contextlib.ExitStack() as stack:
        for name in ("server-tun", "operator"):
            stack.enter_context(world.stopped(name))
        binds = {world.rig.tailnet.socket("tkatun"): "/run/tailscale/tailscaled.sock"}
        yield stack.enter_context(with_debs.booted(binds))


def journal(host, unit):
    return host.run("journalctl", "-u", unit, "-o", "cat", "--no-pager").stdout


def main_pid(host, unit):
    return int(host.run("systemctl", "show", "-P", "MainPID", unit).stdout)


def start(host, unit):
    """Starts a unit, unless it runs, and waits until it is ready."""
    host.run("systemctl", "start", unit)
    port, address = {"tka-server": (8080, "127.0.0.2"), "tka-operator": (8081, "127.0.0.1")}[unit]

    def is_ready():
        line = f"exec 3<>/dev/tcp/{address}/{port} && printf 'GET /readyz HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' >&3 && head -1 <&3"
        return " 200 " in host.run("bash", "-c", line, code=None).stdout
    try:
        eventually(f"{unit} is ready", is_ready, 20)
    except Exception as err:
        raise AssertionError(f"{err}: {journal(host, unit)[-3000:]}") from err


def status_of(host, pid):
    text = host.run("cat", f"/proc/{pid}/status").stdout
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))


def test_people_sign_in_at_a_server_that_systemd_runs_outside_the_cluster(world, host):
    for unit in UNITS:
        start(host, unit)

    world.login("alice", SERVER_TUN, "--use")
    assert "namespace/tka" in world.run("alice", "kubectl", "get", "ns", "-o", "name").stdout.splitlines()

    for unit, capabilities in (("tka-server", "0000000000000400"), ("tka-operator", "0000000000000000")):
        status = status_of(host, main_pid(host, unit))
        assert status["Uid"].split()[0] != "0" and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        assert status["CapBnd"] == status["CapEff"] == capabilities
        assert "eyJ" not in journal(host, unit) and "PRIVATE KEY" not in journal(host, unit)
    first = main_pid(host, "tka-server")
    host.run("sh", "-c", f"kill -KILL {first}")
    eventually("systemd started it again", lambda: main_pid(host, "tka-server") not in (0, first), 15)
    start(host, "tka-server")
    assert world.ask("alice", "GET", "login", url=SERVER_TUN).status == 200
    assert world.run("alice", "kubectl", "tka", "logout").returncode == 0
    for unit in UNITS:
        host.run("systemctl", "stop", unit)
        assert host.run("systemctl", "show", "-P", "Result", unit).stdout.strip() == "success", journal(host, unit)


def test_a_unit_with_a_wrong_configuration_says_so_once_and_is_not_started_again(world, host):
    host.run("sh", "-c", "sed -i 's/^tailscale:/tailscael:/' /etc/tka/config.yaml")

    host.run("systemctl", "start", "tka-server", code=None)

    eventually("it has given up", lambda: host.run("systemctl", "is-failed", "tka-server", code=None).returncode == 0)
    assert host.run("systemctl", "show", "-P", "NRestarts", "tka-server").stdout.strip() == "0"
    assert "tailscael" in journal(host, "tka-server")


@pytest.mark.parametrize("host", [(configure_tls,)], indirect=True, ids=["port 443"])
def test_the_unit_serves_tls_on_port_443_with_files_that_root_alone_may_read(world, host):
    start(host, "tka-server")

    connection = world.rig.host.http("alice", (world.rig.tailnet.address("tkatun"), 443), world.tls)
    with contextlib.closing(connection):
        connection.request("GET", "/api/v1alpha1/login")
        assert world.answer_of(connection.getresponse()).status == 401
    host.run("systemctl", "stop", "tka-server")
