"""The documentation is true: what it says to type works, what it says comes out does, and its links lead somewhere.

pages.py says how a page marks what is tried.
"""

import base64
import contextlib
import json
import re
import subprocess

import pytest
import yaml

import clients
from host import command
from own_daemon import change, config_of, own_daemon
from pages import REPOSITORY, Block, anchors, links, name_of, pages, parse
from rig import restore_policy
from tailnet import NODES, USERS
from test_tls import make_authority, put  # noqa: F401
from world import SERVER, eventually

NODE_OF = {**{USERS[name]: name for name in USERS}, "tag:ci": "ci"}
WHO = re.compile(r"(\S+)(?: as `(\S+)`)?")
GRANTED = re.compile(r"`(\S+)` for (\S+)(?: in (.+))?")
REFUSED = re.compile(r"(\d{3}): `(.*)`")
NOBODY = "no connection"


def is_tried(item):
    """Whether a block, or a table of people and answers, is part of the tests."""
    if isinstance(item, Block):
        return bool({"runnable", "policy", "server", "output"} & set(item.words))
    return "who signs in" in item.rows[0]


def stories():
    """What of each page is tried, in its order: a policy begins a story of its own."""
    for page in pages():
        story = []
        for item in filter(is_tried, parse(page)):
            if isinstance(item, Block) and "policy" in item.words and story:
                yield page, story
                story = []
            story.append(item)
        if story:
            yield page, story


STORIES = list(stories())


# --- one step of a story ---

def type_in(world, block):
    """The block's lines, typed by whom it says; what they print."""
    done = world.run(block.options["as"], "sh", "-euc", block.text, code=None, seconds=90)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == ("fails" in block.words), f"{done.returncode}: {said}"
    return said


def pattern_of(text):
    """What an output block stands for: "…" is anything in a line, or any lines."""
    lines = [r"(?:.*\n)*?" if line == "…" else r".*?".join(map(re.escape, line.rstrip().split("…"))) + " *\n"
             for line in text.splitlines()]
    return re.compile("".join(lines) + r"\s*")


def period_of(text):
    """1h30m and 1h30m0s are the same."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])", text))


def sign_in(world, who, url, authority, timeout):
    """The server's answer to that person, who may ask for a role; None where nobody answers."""
    login, role = WHO.fullmatch(who).groups()
    tls = authority.trusting() if url.startswith("https:") else None
    if tls:
        tls.check_hostname = False  # the certificate is for the long name
    with contextlib.suppress(OSError):
        return world.ask(NODE_OF[login], "POST", "credential", {"role": role} if role else {}, url=url, timeout=timeout,
                         tls=tls)
    return None


def check_answer(world, row, url, authority):
    expected = row["answer"]
    answer = sign_in(world, row["who signs in"], url, authority, timeout=4 if expected == NOBODY else 20)
    if expected == NOBODY:
        assert answer is None, answer.text
        return
    assert answer is not None, "nobody answers"
    refused = REFUSED.fullmatch(expected)
    if refused:
        assert answer.status == int(refused[1]) and refused[2] in answer.message, answer.text
        return
    role, period, namespaces = GRANTED.fullmatch(expected).groups()
    assert answer.status == 200, answer.text
    session = answer.body["session"]
    assert (session["role"], period_of(session["period"])) == (role, period_of(period)), answer.text
    login = row["who signs in"].split()[0]
    spec = world.signin(username=login, role=role)["spec"]
    assert spec.get("namespaces", []) == (namespaces.split(", ") if namespaces else [])


def tag_server(world, *tags):
    """Returns when the server's node has these tags, and the rules about them are in force."""
    tailnet = world.rig.tailnet

    def known():
        return tailnet.local("tka", "status?peers=false")[1]["Self"].get("Tags")
    if set(known()) != set(tags):
        tailnet.control("nodes", "tag", "-i", str(list(NODES).index("tka") + 1), "-t", ",".join(tags))
        eventually("the server has its tags", lambda: set(known()) == set(tags), 20)
        tailnet.set_policy((world.folder / "policy.json").read_text())


@contextlib.contextmanager
def server_with(world, authority, keys, tag=None):
    """A tka-server with these keys, over TLS on port 443 if they name no other, on a node that has the tag as well."""
    port = keys.get("tailscale", {}).get("port", 443)
    flat = {f"{section}__{key}": value for section, pairs in keys.items() for key, value in pairs.items()}
    flat["tailscale__port"] = port
    if port == 443:
        folder = world.folder / "certificate"
        put(folder, *authority.issue("ours"))
        flat["server__tls"] = {"certFile": str(folder / "chain"), "keyFile": str(folder / "key")}
    tag_server(world, "tag:tka", *([tag] if tag else []))
    try:
        with own_daemon(world, "tka-server", config_of(world, "tka-server", **flat)) as daemon:
            daemon.await_status(200)
            yield f"{'https' if port == 443 else 'http'}://tka:{port}"
    finally:
        tag_server(world, "tag:tka")


def servers_of(item):
    """What the server is told that a block stands for: a policy for port 443 is for one as it is by default."""
    if "server" in item.words:
        return [yaml.safe_load(item.text)]
    return [{}] if "policy" in item.words and '"443"' in item.text else []


def tell(world, story, authority):
    """Does what the page does, in its order, and compares."""
    said, url = "", SERVER
    with contextlib.ExitStack() as servers:
        for item in story:
            if not isinstance(item, Block):
                for row in item.rows:
                    check_answer(world, row, url, authority)
                continue
            if "policy" in item.words:
                world.rig.tailnet.set_policy(item.text)
            elif "output" in item.words:
                assert pattern_of(item.text).fullmatch(said), f"line {item.line}: {said}"
            elif "runnable" in item.words:
                said = type_in(world, item)
            for keys in servers_of(item):
                servers.close()
                url = servers.enter_context(server_with(world, authority, keys, item.options.get("tag")))


@contextlib.contextmanager
def cluster_roles_kept(world):
    """A page may create ClusterRoles; afterwards there are those of before."""
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    before = {item["metadata"]["name"] for item in world.items(path)}
    try:
        yield
    finally:
        for name in {item["metadata"]["name"] for item in world.items(path)} - before:
            world.kube(f"{path}/{name}", "DELETE")


@pytest.mark.parametrize("page, story", STORIES, ids=[f"{name_of(p)}:{s[0].line}" for p, s in STORIES])
def test_what_a_page_says_is_what_happens(world, authority, page, story):
    try:
        with cluster_roles_kept(world):
            tell(world, story, authority)
    finally:
        restore_policy(world.rig)


# --- without the rig ---

@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_of_a_page_leads_somewhere(page):
    dead = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    assert not dead, dead


def test_every_page_of_the_docs_is_reached_from_their_index():
    index = REPOSITORY / "docs/README.md"
    seen, left = {index}, [index]
    while left:
        page = left.pop()
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in seen:
                seen.add(target)
                left.append(target)
    missing = {page for page in pages() if page.is_relative_to(REPOSITORY / "docs")} - seen
    assert not missing, sorted(map(name_of, missing))


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_json_and_yaml_block_of_a_page_can_be_read(page):
    for item in parse(page):
        if isinstance(item, Block) and "policy" not in item.words:
            if item.language == "json":
                json.loads(item.text)
            if item.language == "yaml":
                list(yaml.safe_load_all(item.text))


def test_the_reference_is_what_the_programs_say_of_themselves():
    said = subprocess.run([REPOSITORY / "docs/write-reference", "-"], check=True, capture_output=True, text=True).stdout

    assert said == (REPOSITORY / "docs/reference.md").read_text(), "type docs/write-reference, and commit what it wrote"


def keys_of(program):
    """The keys of the configuration file that the reference gives a program."""
    tables = [item for item in parse(REPOSITORY / "docs/reference.md")
              if not isinstance(item, Block) and item.section == program]
    return {row["key"].strip("`") for table in tables for row in table.rows if row.get("key")}


def default_of(text):
    """A default as a page tells it, in the words of the program."""
    return re.sub(r"[`\[\] ]", "", text)


@pytest.mark.parametrize("program", ["tka-server", "tka-operator", "kubectl-tka"])
def test_a_program_s_page_has_its_keys_and_their_defaults(program):
    told, known = {}, {}
    for item in parse(REPOSITORY / f"docs/{program.removeprefix('tka-')}.md"):
        for row in [] if isinstance(item, Block) else item.rows:
            keys = re.findall(r"`([^`]+)`", row.get("key", ""))
            defaults = row.get("default", "").split(",") if len(keys) > 1 else [row.get("default", "")]
            told |= {key: default_of(default) for key, default in zip(keys, defaults) if not key.startswith("-")}
    for item in parse(REPOSITORY / "docs/reference.md"):
        if not isinstance(item, Block) and item.section == program:
            known |= {row["key"].strip("`"): default_of(row["default"]) for row in item.rows if row.get("key")}

    assert set(told) == set(known)
    assert [key for key in known if not told[key].startswith(known[key])] == []


CHECKS = {"tka-server": ("config", "check"), "tka-operator": ("config", "check"), "kubectl-tka": ("get", "login")}


@pytest.mark.parametrize("program", CHECKS)
def test_one_file_serves_all_three_programs(program, tmp_path):
    foreign = set().union(*map(keys_of, CHECKS)) - keys_of(program)
    assert len(foreign) > 2
    config = change({}, {key: "x" for key in foreign})
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))

    done = subprocess.run([REPOSITORY / "build/bin" / program, *CHECKS[program], "--config", path], check=False, text=True,
                          capture_output=True, env={"HOME": str(tmp_path), "TKA_TAILSCALE_SOCKET": "/nowhere"})

    assert "is no key" not in done.stderr, done.stderr


def with_a_ca(text, world):
    """A configuration whose CA is left to the reader, with that of the rig."""
    assert text.count("THE-CA-IN-BASE64") == 1
    return text.replace("THE-CA-IN-BASE64", base64.b64encode((world.rig.cluster.folder / "ca.crt").read_bytes()).decode())


def check_config(text, tmp_path, code=0):
    """What both daemons say of a configuration file."""
    path, said = tmp_path / "config.yaml", ""
    path.write_text(text)
    for program in ("tka-server", "tka-operator"):
        done = subprocess.run([REPOSITORY / "build/bin" / program, "config", "check", "--config", path], check=False,
                              text=True, capture_output=True, env={"TKA_HEALTH_ADDRESS": "127.0.0.3"})
        assert done.returncode == (code if program == "tka-server" else 0), done.stderr
        said += done.stderr
    return said


def test_the_values_of_getting_started_are_values_of_the_chart(shared_world, tmp_path):
    blocks = [item for item in parse(REPOSITORY / "docs/getting-started.md")
              if isinstance(item, Block) and "values" in item.words]
    assert blocks
    for block in blocks:
        argv = [*clients.obtain("helm", shared_world.rig.say), "template", "tka", REPOSITORY / "deploy/chart",
                "-n", "tka-system", "-f", tmp_path / "values.yaml"]
        (tmp_path / "values.yaml").write_text(with_a_ca(block.text, shared_world))

        rendered = command(*argv)

        assert "registry.example.com/tka" in rendered and "port: 8123" in rendered
        (config,) = [each for each in yaml.safe_load_all(rendered) if each and each["kind"] == "ConfigMap"]
        check_config(config["data"]["config.yaml"], tmp_path)
        (tmp_path / "values.yaml").write_text(block.text)
        assert "caData" in subprocess.run(argv, check=False, capture_output=True, text=True).stderr


def test_the_least_configuration_outside_the_cluster_is_enough(shared_world, tmp_path):
    (block,) = [item for item in parse(REPOSITORY / "docs/packages.md")
                if isinstance(item, Block) and item.language == "yaml"]

    check_config(with_a_ca(block.text, shared_world), tmp_path)

    assert "caData" in check_config(block.text, tmp_path, code=2)


def sources():
    """All C text, with literals that continue on the next line joined."""
    text = "".join(path.read_text() for folder in ("kubectl-tka", "server", "operator", "schema", "lib")
                   for path in (REPOSITORY / folder).rglob("*.c"))
    return re.sub(r'"\s*\n\s*"', "", text).replace('\\"', '"')


def test_every_message_that_the_troubleshooting_names_is_one_of_ours():
    policies = "".join(path.read_text() for path in (REPOSITORY / "deploy/policies").glob("*.yaml"))
    text, unknown = sources() + policies, []
    for item in parse(REPOSITORY / "docs/operations.md"):
        for row in [] if isinstance(item, Block) else item.rows:
            said = next((row[head] for head in row if head.endswith("says")), "")
            for message in re.findall(r"`([^`]+)`", said):
                unknown += [part for part in message.split("…") if part.strip(' "') and part not in text]
    assert not unknown, unknown


def test_every_proof_that_the_security_model_names_exists():
    known = {str(case["name"]) for case in yaml.safe_load((REPOSITORY / "tests/e2e/policy_cases.yaml").read_text())["cases"]}
    for path in (REPOSITORY / "tests/e2e").glob("test_*.py"):
        known |= {path.name, *re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    named = [name for item in parse(REPOSITORY / "docs/security.md") if not isinstance(item, Block)
             for row in item.rows for name in re.findall(r"`([^`]+)`", row.get("proved by", ""))]
    missing = [name for name in named if name not in known and not (REPOSITORY / name).exists()]
    assert len(named) > 20 and not missing, missing


def test_every_metric_that_a_page_names_is_one_of_ours():
    known, unknown = set(re.findall(r'"(tka_[a-z_]+)"', sources())), []
    for page in pages():
        named = set(re.findall(r"(?<![a-z_])(tka_[a-z_]+)", page.read_text()))
        unknown += [f"{name_of(page)}: {name}" for name in named - known]
    assert not unknown, unknown


@pytest.mark.parametrize("program", ["server", "operator"])
def test_every_metric_of_a_program_is_on_its_page(program):
    told = (REPOSITORY / f"docs/{program}.md").read_text()
    sources = [*(REPOSITORY / program).glob("*.c"), *(REPOSITORY / "lib/daemon").glob("*metrics*.c")]
    named = {name for path in sources for name in re.findall(r'"((?:tka|process)_[a-z_]+)"', path.read_text())}
    assert len(named) > 10 and [name for name in named if f"`{name}" not in told] == []


def alerts_of_the_chart():
    groups = yaml.safe_load((REPOSITORY / "deploy/chart/files/alerts.yaml").read_text())["groups"]
    return [(rule["alert"], " ".join(rule["expr"].split()), rule["for"]) for group in groups for rule in group["rules"]]


def test_the_alerts_of_the_docs_are_those_of_the_chart():
    told = [(row["alert"].strip("`"), row["when"].strip("`").replace("\\|", "|"), row["for"])
            for item in parse(REPOSITORY / "docs/operations.md") if not isinstance(item, Block)
            for row in item.rows if "alert" in row]

    assert told == alerts_of_the_chart()


def test_every_alert_of_the_chart_is_played_through():
    tests = yaml.safe_load((REPOSITORY / "tests/e2e/alerts_test.yaml").read_text())["tests"]
    rings = {case["alertname"]: bool(case["exp_alerts"]) for test in tests for case in test["alert_rule_test"]}
    assert [name for name, _, _ in alerts_of_the_chart() if not rings.get(name)] == []
