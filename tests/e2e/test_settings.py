"""kubectl tka config: settings, where they come from, and a file that keeps its comments."""

import fcntl
import json
import os
import stat

import pytest

from pages import REPOSITORY, Block, parse

FILE = ".config/tka/config.yaml"


def config(world, *words, code=0, env=None):
    """`kubectl tka config` without the variables that the rig sets."""
    return world.run("alice", "env", "-u", "TKA_TAILSCALE_SOCKET", "kubectl-tka", "config", *words, code=code, env=env)


def write(world, text):
    path = world.home("alice") / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def setting(world, key, *words, env=None):
    """What `config list` says of a key."""
    found = json.loads(config(world, "list", "-o", "json", *words, env=env).stdout)
    return next(item for item in found if item["key"] == key)


def test_each_value_is_told_with_where_it_comes_from(world):
    path = write(world, "# mine\ntailscale:\n  port: 8123\n")

    assert setting(world, "tailscale.hostname") == {"key": "tailscale.hostname", "value": "tka", "from": "default", "where": None}
    assert setting(world, "tailscale.port") == {"key": "tailscale.port", "value": 8123, "from": "file", "where": f"{path}:3"}
    assert setting(world, "tailscale.port", env={"TKA_TAILSCALE_PORT": "81"}) == {
        "key": "tailscale.port", "value": 81, "from": "environment", "where": "TKA_TAILSCALE_PORT"}
    assert setting(world, "tailscale.port", "--port", "82", env={"TKA_TAILSCALE_PORT": "81"}) == {
        "key": "tailscale.port", "value": 82, "from": "flag", "where": "--port"}
    assert setting(world, "--server", env={"TKA_SERVER": "http://x"})["where"] == "TKA_SERVER"


@pytest.mark.parametrize("words", [[], ["list"]], ids=" ".join)
def test_people_see_a_table(world, words):
    write(world, "cache: file\n")

    said = config(world, *words).stdout

    assert said.startswith("KEY ") and "null" not in said
    assert any(line.split()[:3] == ["cache", "file", "file"] and line.endswith("config.yaml:1") for line in said.splitlines())


def test_names_are_one_a_line(world):
    assert "tailscale.port\n" in config(world, "list", "-o", "name").stdout


@pytest.mark.parametrize("form, said", [("name", "tailscale.serverTags\n"), ("yaml", "- tag:tka\n- \"tag:tka-*\"\n"),
                                        ("table", "tag:tka,tag:tka-*\n")])
def test_one_value_is_shown_as_it_is_asked_for(world, form, said):
    assert config(world, "get", "tailscale.serverTags", "-o", form).stdout == said


def test_one_key_is_written_and_comments_stay(world):
    path = write(world, "# our tailnet\ntailscale:\n    hostname: tka # the server\n\n# cache\ncache: auto\n")
    path.chmod(0o644)

    config(world, "set", "tailscale.hostname", "tka-prod")
    config(world, "set", "tailscale.port", "8123")
    config(world, "set", "tailscale.serverTags", "tag:tka,tag:tka-prod")

    assert path.read_text() == ("# our tailnet\ntailscale:\n    hostname: tka-prod # the server\n    port: 8123\n"
                                "    serverTags: [\"tag:tka\",\"tag:tka-prod\"]\n\n# cache\ncache: auto\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert setting(world, "tailscale.serverTags")["value"] == ["tag:tka", "tag:tka-prod"]


def test_variables_and_flags_of_the_call_are_not_frozen_into_the_file(world):
    config(world, "set", "cache", "file", env={"TKA_TAILSCALE_PORT": "81", "TKA_SERVER": "http://x"})

    assert (world.home("alice") / FILE).read_text() == "cache: file\n"


def test_a_new_file_is_private_and_the_one_that_is_named_is_used(world):
    other = world.home("alice") / "other.yaml"

    config(world, "set", "cache", "none", "--config", other)
    config(world, "set", "cache", "file")

    assert other.read_text() == "cache: none\n"
    assert stat.S_IMODE(other.stat().st_mode) == 0o600
    assert config(world, "get", "cache").stdout == "file\n"
    assert config(world, "get", "cache", env={"TKA_CONFIG": str(other)}).stdout == "none\n"
    other.unlink()


@pytest.mark.parametrize("words, code, said", [
    (["get", "tailscale.prot"], 2, "tailscale.port"), (["set", "cachee", "file"], 2, "cache"), (["set", "cache", "cloud"], 2, "cloud"),
    (["set", "tailscale.socket", "run/s"], 2, "no absolute path"),
    (["set", "tailscale.port", "many"], 2, "many"), (["set", "tailscale.port", "0"], 2, "1 to 65535"),
    (["set", "output.quiet", "perhaps"], 2, "perhaps"), (["set", "cache"], 2, "which value"), (["set"], 2, "which key"),
    (["get"], 2, "which key"), (["get", "tailscale.tailnet"], 1, "no value"), (["set", "zzz", "1"], 2, "config list"),
    (["get", "operator.namespace"], 2, "means nothing"), (["path", "x"], 2, '"x"')], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_what_cannot_be_is_told_in_one_line(world, words, code, said):
    done = config(world, *words, code=code)

    assert said in done.stderr and done.stderr.count("\n") == 1 and done.stdout == ""
    assert not (world.home("alice") / FILE).exists()


def test_the_words_of_the_existing_client_do_the_same(world):
    world.run("alice", "kubectl-tka", "set", "config", "tailscale.port", "8123")

    assert world.run("alice", "kubectl-tka", "get", "config", "tailscale.port").stdout == "8123\n"


def test_in_the_file_of_the_daemons_what_is_not_for_the_client_is_passed_over_in_silence(world):
    (page,) = (item for item in parse(REPOSITORY / "docs/packages.md")
               if isinstance(item, Block) and "clusterInfo:" in item.text)
    shared = ("sh", "-ec", 'mount -t tmpfs etc /etc; mkdir /etc/tka; cat > /etc/tka/config.yaml; exec "$@"', "shared")
    argv = ("env", "-u", "TKA_TAILSCALE_SOCKET", "kubectl-tka", "config", "get", "tailscale.port")

    said = world.run("alice", *shared, *argv, text=page.text)

    assert (said.stdout, said.stderr) == ("8123\n", "")


def test_keys_of_the_existing_client_are_accepted_with_a_warning(world):
    path = write(world, "output:\n  theme: dark\n  long: true\n")

    said = config(world, "get", "cache")
    assert said.stdout == "auto\n" and said.stderr.count("\n") == 1
    assert "output.theme" in said.stderr and "output.long" in said.stderr

    assert "means nothing" in config(world, "set", "output.theme", "light").stderr
    assert "theme: light" in path.read_text()


# What `tka config tailscale.port 8123` of the existing client leaves: all its settings, keys in small letters, the value a text.
WRITTEN_BY_THE_EXISTING_CLIENT = """\
api:
    retryafterseconds: 1
clusterinfo:
    apiendpoint: ""
    cadata: ""
    configmapref:
        enabled: false
        keys:
            apiendpoint: apiEndpoint
            cadata: caData
            insecure: insecure
            kubeconfig: kubeconfig
        name: cluster-info
        namespace: kube-public
    insecureskiptlsverify: false
    labels: {}
debug: false
health:
    port: 8080
operator:
    clustername: tka-cluster
    contextprefix: tka-context-
    namespace: tka-dev
    userprefix: tka-user-
otel:
    endpoint: ""
    insecure: true
output:
    long: false
    markdownlint-fix: false
    quiet: "false"
    theme: tokyo-night
server:
    host: ""
    idletimeout: 2m0s
    readheadertimeout: 5s
    readtimeout: 10s
    writetimeout: 20s
tailscale:
    capname: specht-labs.de/cap/tka
    hostname: tka
    port: "8123"
    statedir: ""
    tailnet: ""
"""


def test_the_file_that_the_existing_client_writes_is_read_as_it_is(world):
    path = write(world, WRITTEN_BY_THE_EXISTING_CLIENT)
    line = 1 + WRITTEN_BY_THE_EXISTING_CLIENT.splitlines().index('    port: "8123"')

    assert setting(world, "tailscale.port") == {"key": "tailscale.port", "value": 8123, "from": "file", "where": f"{path}:{line}"}
    assert setting(world, "output.quiet")["value"] is False
    said = world.run("alice", "kubectl-tka", "get", "login", code=5)
    assert "login" in said.stderr.splitlines()[-1]
    assert said.stderr.count("without a meaning") == 1 and "tailscale.capname" in said.stderr and "clusterinfo" in said.stderr

    config(world, "set", "tailscale.port", "8124")
    assert path.read_text() == WRITTEN_BY_THE_EXISTING_CLIENT.replace('"8123"', "8124")


@pytest.mark.parametrize("env, words, url", [
    ({"TKA_TAILSCALE_TAILNET": "example.test"}, ["tka"], "https://tka.example.test:443"),
    ({"TKA_TAILSCALE_TAILNET": "example.test"}, ["-s", "tka:8123"], "http://tka.example.test:8123"),
    ({"TKA_TAILSCALE_TAILNET": "example.test"}, ["-s", "http://nobody:8123"], "http://nobody:8123"),
    ({"TKA_TAILSCALE_HOSTNAME": "http://127.0.0.1", "TKA_TAILSCALE_PORT": "8999"}, [], "http://127.0.0.1:8999"),
], ids=["tailnet", "tailnet and port", "a URL is whole", "a URL as hostname"])
def test_host_tailnet_and_port_make_the_server_that_is_asked(world, env, words, url):
    said = world.run("alice", "kubectl-tka", "cluster-info", *words, env=env, code=None)

    assert said.returncode in (3, 4)  # there is no such host, or none that is a server
    assert said.stderr.startswith(f"kubectl-tka: {url}: ") and said.stderr.count("\n") == 1


def test_a_host_of_the_tailnet_is_found_by_its_whole_name(world):
    env = {"TKA_TAILSCALE_TAILNET": "tailnet.test", "TKA_TAILSCALE_PORT": "8123"}

    assert "tka.tailnet.test" in world.run("alice", "kubectl-tka", "kubeconfig", "tka", env=env).stdout


def test_a_key_is_written_as_the_file_spells_it(world):
    path = write(world, "tailscale:\n  servertags: [tag:a]\n")

    config(world, "set", "tailscale.serverTags", "tag:b")

    assert path.read_text() == 'tailscale:\n  servertags: ["tag:b"]\n'
    assert setting(world, "tailscale.serverTags")["where"] == f"{path}:2"


def test_an_unknown_key_in_the_file_is_refused_with_the_nearest(world):
    write(world, "tailscale:\n  prot: 81\n")

    said = config(world, "list", code=2)

    assert "tailscale.port" in said.stderr and said.stderr.count("\n") == 1


def test_a_file_that_cannot_be_read_can_still_be_mended(world):
    path = write(world, "tailscale:\n  port: many\n")

    assert config(world, "path").stdout == f"{path}\n"
    assert config(world, "list", code=2).stdout == ""
    config(world, "set", "tailscale.port", "8123")
    assert config(world, "get", "tailscale.port").stdout == "8123\n"


def test_a_variable_that_wins_is_told_of(world):
    said = config(world, "set", "cache", "file", env={"TKA_CACHE": "none"})

    assert "TKA_CACHE" in said.stderr and (world.home("alice") / FILE).read_text() == "cache: file\n"


def test_flow_style_is_written_anew_and_said_so(world):
    path = write(world, "{tailscale: {port: 443}}\n")

    assert "written anew" in config(world, "set", "tailscale.port", "1").stderr
    assert path.read_text() == "tailscale:\n  port: 1\n"


def test_a_file_that_another_program_keeps_locked_is_left_alone(world):
    path = write(world, "cache: file\n")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(folder, fcntl.LOCK_EX)

    said = config(world, "set", "cache", "none", code=1)

    os.close(folder)
    assert "another program has been changing it" in said.stderr and said.stderr.count("\n") == 1
    assert path.read_text() == "cache: file\n"
    config(world, "set", "cache", "none")
    assert path.read_text() == "cache: none\n"
