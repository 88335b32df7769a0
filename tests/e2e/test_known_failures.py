"""Ways in which servers of this kind have gone wrong before, one test each; those of sessions, limits and logs stand with these."""

import concurrent.futures

import yaml

from own_daemon import URL, config_of, own_daemon
from world import GROUP, eventually, events, rule

ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def test_sixteen_first_logins_at_once_all_succeed(world):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: world.ask("alice", "POST", "login"), range(16)))

    assert [answer.status for answer in answers] == [202] * 16, [answer.text for answer in answers]
    assert len(world.signins(username="alice@example.com")) == 1


def test_no_token_is_minted_for_a_session_that_is_over(world):
    with world.policy(alice=[rule("view", "3s")]):
        eventually("the rule", lambda: world.ask("alice", "GET", "access").body.get("period") == "3s")
        world.ask("alice", "POST", "login", headers={"Prefer": "wait=10"})

        answer = eventually("the end", lambda: (got := world.ask("alice", "GET", "kubeconfig")).status != 200 and got)

    assert answer.status == 401 and "token" not in answer.text


def test_a_kubeconfig_is_never_given_for_a_role_that_the_rules_no_longer_grant(world):
    world.credential("alice")
    with world.policy(alice=[rule("view")]):
        eventually("the rule", lambda: world.ask("alice", "GET", "access").body.get("role") == "view")

        assert world.ask("alice", "GET", "kubeconfig").status == 401
        assert world.ask("alice", "GET", "kubeconfig?role=cluster-admin").status == 403


def test_what_others_wrote_on_a_session_is_kept_when_it_is_extended(world):
    world.credential("alice")
    name = world.signin()["metadata"]["name"]
    item = world.kube(f"{GROUP}/{name}")[1]
    item["metadata"].setdefault("annotations", {})["example.com/ticket"] = "42"
    assert world.kube(f"{GROUP}/{name}", "PUT", item)[0] == 200

    world.ask("alice", "POST", "login")

    assert world.signin()["metadata"]["annotations"]["example.com/ticket"] == "42"


def test_a_listed_role_that_does_not_exist_is_refused_and_nothing_is_written(world):
    _, role = world.kube(f"{ROLES}/edit")
    assert world.kube(f"{ROLES}/edit", "DELETE")[0] == 200
    try:
        with world.policy(alice=[rule("edit")]):
            eventually("the rule", lambda: world.ask("alice", "GET", "access").body.get("role") == "edit")
            answer = world.ask("alice", "POST", "login")
        assert answer.status == 422 and '"edit"' in answer.message, answer.text
        assert not world.signins()
    finally:
        for key in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
            role["metadata"].pop(key, None)
        assert world.kube(ROLES, "POST", role)[0] == 201


def test_an_empty_role_is_refused_naming_the_element(world):
    with world.policy(alice=[rule("")]):
        answer = eventually("a refusal", lambda: (got := world.ask("alice", "POST", "login")).status == 400 and got)

    assert "[0]" in answer.message and '"role" is empty' in answer.message


def test_a_cluster_whose_certificate_nobody_checks_gives_a_kubeconfig_that_kubectl_takes(world):
    config = config_of(world, "tka-server", clusterInfo__insecureSkipTLSVerify=True)
    assert config["clusterInfo"]["caData"]
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)
        world.credential("alice", URL)
        answer = world.ask("alice", "GET", "kubeconfig", headers={"Accept": "application/yaml"}, url=URL)

    [entry] = yaml.safe_load(answer.text)["clusters"]
    assert entry["cluster"]["insecure-skip-tls-verify"] is True
    assert "certificate-authority-data" not in entry["cluster"]
    path = world.home("alice") / "insecure"
    path.write_text(answer.text)
    done = world.run("alice", "kubectl", f"--kubeconfig={path}", "get", "ns", "-o", "name")
    path.unlink()
    assert "namespace/tka" in done.stdout


def test_the_version_of_the_api_server_is_never_asked(world):
    world.credential("alice")
    world.ask("alice", "GET", "kubeconfig")

    lines = events((world.folder / "audit.log").read_text(errors="replace"))  # but for one that is being written
    ours = [line for line in lines if line["user"].get("username") == "system:serviceaccount:tka-system:tka-server"]
    assert ours and not [line["requestURI"] for line in ours if line["requestURI"].startswith("/version")]


def test_debug_tells_more_and_nothing_of_the_configuration(world):
    config = config_of(world, "tka-server", debug=True, clusterInfo__labels={"secret": "not-for-the-log"})
    with own_daemon(world, "tka-server", config) as daemon:
        daemon.await_status(200)

        assert daemon.log_lines(level="debug")
        assert "not-for-the-log" not in daemon.log() and config["clusterInfo"]["caData"][:60] not in daemon.log()


def test_a_request_that_cannot_be_read_is_counted_as_well(world):
    def count():
        return world.metric('tka_login_attempts_total{role="none",outcome="invalid"}')
    before = count()
    world.ask("alice", "POST", "login", "{")

    assert count() == before + 1
