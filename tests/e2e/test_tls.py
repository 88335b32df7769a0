"""TLS on the tailnet's listener: from files and from tailscaled, exchanged while it runs, and nothing weak."""

import contextlib
import http.client
import json
import os
import ssl
import subprocess

import pytest

import clients
import rig as system
from own_daemon import config_of, own_daemon
from relay import reply
from stand_in_localapi import StandInLocalApi, told
from world import API, eventually

PORT, NAME = 8443, "tka.tailnet.test"


class Authority:
    """A CA, and what it signs."""

    def __init__(self, folder):
        self.folder = folder
        self.openssl("req", "-x509", *self.curve(), "-days", "30", "-subj", "/CN=ours", "-keyout", "ca.key",
                     "-out", "ca.crt")

    @staticmethod
    def curve():
        return "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"

    def openssl(self, *argv):
        subprocess.run(["openssl", *argv], cwd=self.folder, check=True, capture_output=True)

    def issue(self, name, days=30):
        """(chain, key) for NAME; name is what tells it from others."""
        (self.folder / "names").write_text(f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n")
        self.openssl("req", "-new", *self.curve(), "-subj", f"/CN={name}", "-keyout", "it.key", "-out", "it.csr")
        self.openssl("x509", "-req", "-in", "it.csr", "-days", str(days), "-CA", "ca.crt", "-CAkey", "ca.key",
                     "-CAcreateserial", "-extfile", "names", "-out", "it.crt")
        return (self.folder / "it.crt").read_text(), (self.folder / "it.key").read_text()

    def trusting(self):
        return ssl.create_default_context(cafile=str(self.folder / "ca.crt"))


@pytest.fixture(scope="module", name="authority")
def make_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def put(folder, chain, key):
    """As certificates are renewed: a new file in place of the old one."""
    folder.mkdir(exist_ok=True)
    for name, text in (("key", key), ("chain", chain)):
        (folder / f"{name}.new").write_text(text)
        (folder / f"{name}.new").rename(folder / name)


@contextlib.contextmanager
def tls_server(world, folder, **changes):
    config = config_of(world, "tka-server", tailscale__port=PORT, server__tls__certFile=str(folder / "chain"),
                       server__tls__keyFile=str(folder / "key"), **changes)
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        yield daemon


def shake_hands(world, tls, port=PORT):
    stream = world.rig.host.connect("alice", (world.rig.tailnet.address("tka"), port), 15)
    return tls.wrap_socket(stream, server_hostname=NAME)


def shown(world, authority, port=PORT):
    """The common name of the certificate that a newcomer is shown."""
    with shake_hands(world, authority.trusting(), port) as stream:
        return dict(pair[0] for pair in stream.getpeercert()["subject"])["commonName"]


class Kept(http.client.HTTPConnection):
    """One connection that stays."""

    def __init__(self, stream):
        super().__init__(NAME)
        self.sock = stream

    def status(self, path="cluster-info"):
        self.request("GET", API + path)
        answer = self.getresponse()
        answer.read()
        return answer.status


def test_a_real_client_gets_an_answer_over_tls_and_none_without_it(world, authority):
    folder = world.folder / "certificate"
    put(folder, *authority.issue("first"))
    with tls_server(world, folder):
        url = f"https://{NAME}:{PORT}{API}cluster-info"
        where = f"{NAME}:{PORT}:{world.rig.tailnet.address('tka')}"
        said = world.run("alice", "curl", "-sS", "--cacert", authority.folder / "ca.crt", "--resolve", where, url)
        plain = world.run("alice", "curl", "-sS", "--resolve", where, url.replace("https", "http"), code=None)

    assert json.loads(said.stdout)["server_url"]
    assert plain.returncode != 0 and "server_url" not in plain.stdout


def test_a_new_certificate_is_shown_to_newcomers_while_who_is_connected_stays(world, authority):
    folder = world.folder / "certificate"
    put(folder, *authority.issue("first"))
    with tls_server(world, folder) as daemon:
        kept = Kept(shake_hands(world, authority.trusting()))
        assert kept.status() == 200
        put(folder, *authority.issue("second"))

        eventually("the second certificate", lambda: shown(world, authority) == "second")

        assert kept.status() == 200
        kept.close()
        assert daemon.log_lines(msg="certificate loaded")


@pytest.mark.parametrize("spoil", ["cut", "another key", "over"])
def test_a_certificate_that_cannot_be_used_is_named_and_the_old_one_stays(world, authority, spoil):
    folder = world.folder / "certificate"
    put(folder, *authority.issue("good"))
    chain, key = authority.issue("bad", days=-1 if spoil == "over" else 30)
    with tls_server(world, folder) as daemon:
        put(folder, chain[:200] if spoil == "cut" else chain, authority.issue("other")[1]
            if spoil == "another key" else key)

        eventually("a warning", lambda: daemon.log_lines(level="warn", msg="the certificate, trying again"))

        assert shown(world, authority) == "good"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_a_certificate_that_could_not_be_read_is_tried_again_though_its_files_look_the_same(world, authority):
    """As one that is written while it is read, within one tick of the clock."""
    folder = world.folder / "certificate"
    put(folder, *authority.issue("first"))
    chain, key = authority.issue("second")
    with tls_server(world, folder) as daemon:
        put(folder, "-" * len(chain), key)
        eventually("a warning", lambda: daemon.log_lines(level="warn", msg="the certificate, trying again"))
        written_ns = (folder / "chain").stat().st_mtime_ns

        with (folder / "chain").open("r+") as file:
            file.write(chain)
        os.utime(folder / "chain", ns=(written_ns, written_ns))

        eventually("the second certificate", lambda: shown(world, authority) == "second")


def test_tls_older_than_1_2_is_refused(world, authority):
    folder = world.folder / "certificate"
    put(folder, *authority.issue("first"))
    old = authority.trusting()
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with tls_server(world, folder):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            shake_hands(world, old)
        with shake_hands(world, authority.trusting()) as stream:
            assert stream.version() == "TLSv1.3"


def scan(world, authority):
    """What sslyze finds, and what it says."""
    report = world.folder / "sslyze.json"
    said = world.run(
        "alice", *clients.obtain("sslyze", system.progress()), "--mozilla_config=intermediate", "--compression",
        "--heartbleed", "--openssl_ccs", "--fallback", "--reneg", "--robot", "--elliptic_curves", f"--json_out={report}",
        f"--certinfo_ca_file={authority.folder / 'ca.crt'}", f"{NAME}:{PORT}{{{world.rig.tailnet.address('tka')}}}",
        code=None, seconds=120)
    return json.loads(report.read_text())["server_scan_results"][0]["scan_result"], said.stdout


def test_sslyze_finds_what_mozilla_recommends_and_nothing_weak(world, authority):
    folder = world.folder / "certificate"
    put(folder, *authority.issue("first"))
    with tls_server(world, folder):
        results, said = scan(world, authority)

    def found(name):
        assert results[name]["status"] == "COMPLETED", results[name]
        return results[name]["result"]
    # Its list of roots does not have our CA; everything else it compares is as it should be.
    faults = [line.strip() for line in said.split("COMPLIANCE")[1].splitlines() if line.strip().startswith("* ")]
    assert [fault for fault in faults if "certificate_path_validation" not in fault] == []
    assert not any(found(f"{version}_cipher_suites")["accepted_cipher_suites"]
                   for version in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"))
    suites = [one["cipher_suite"]["name"] for version in ("tls_1_2", "tls_1_3")
              for one in found(f"{version}_cipher_suites")["accepted_cipher_suites"]]
    assert suites and all("GCM" in name or "CHACHA20" in name for name in suites), suites
    assert not found("heartbleed")["is_vulnerable_to_heartbleed"]
    assert not found("openssl_ccs_injection")["is_vulnerable_to_ccs_injection"]
    assert not found("tls_compression")["supports_compression"]
    assert not found("session_renegotiation")["is_vulnerable_to_client_renegotiation_dos"]
    assert found("tls_fallback_scsv")["supports_fallback_scsv"]


def with_certificates(world, stand_in, pair):
    """What a tailscaled with certificates would say beyond what the rig's says."""
    socket = world.rig.tailnet.socket("tka")
    status = json.loads(world.run("admin", "curl", "-sS", "--unix-socket", socket,
                                  "http://local-tailscaled.sock/localapi/v0/status?peers=false").stdout)
    stack = contextlib.ExitStack()
    stack.enter_context(stand_in.instead(r"^GET \S*/status\?peers=false", told({**status, "CertDomains": [NAME]})))
    stack.enter_context(stand_in.instead(rf"^GET \S*/cert/{NAME}\?type=pair", pair))
    return stack


def asking_tailscaled(world, stand_in):
    config = config_of(world, "tka-server", tailscale__port=443, tailscale__socket=str(stand_in.path))
    return own_daemon(world, "tka-server", config)


@pytest.fixture(name="stand_in")
def make_stand_in(world):
    stand_in = StandInLocalApi(world.folder / "certifying" / "s", world.rig.tailnet.socket("tka"))
    yield stand_in
    stand_in.stop()


def test_port_443_shows_the_certificate_that_tailscaled_has(world, authority, stand_in):
    chain, key = authority.issue("tailscaled's")
    pair = reply(200, key + chain, "text/plain")
    with with_certificates(world, stand_in, pair), asking_tailscaled(world, stand_in) as daemon:
        daemon.await_status(200)

        assert shown(world, authority, 443) == "tailscaled's"
        assert key not in daemon.log()


@pytest.mark.parametrize("answer, words", [
    (reply(403, "cert access denied", "text/plain"), "TS_PERMIT_CERT_UID"),
    (reply(500, "acme: rate limited", "text/plain"), "rate limited"),
    (reply(200, "nonsense", "text/plain"), "no PEM certificate"),
], ids=["not permitted", "it has none", "nonsense"])
def test_a_tailscaled_that_gives_no_certificate_is_named_in_readyz(world, stand_in, answer, words):
    with with_certificates(world, stand_in, answer), asking_tailscaled(world, stand_in) as daemon:
        daemon.await_status(503, words)

        assert any(words in line["error"] for line in daemon.log_lines(level="error"))


def test_a_tailnet_without_certificates_is_said_at_start(world, stand_in):
    with asking_tailscaled(world, stand_in) as daemon:
        daemon.await_status(503, "gives out no certificates")

        assert any("server.tls.certFile" in line["error"] for line in daemon.log_lines(level="error"))
