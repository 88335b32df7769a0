"""signins.py - TkaSignins that no login made: written with tka-server's own token, as it would write them."""

import contextlib
import hashlib
import json
import time

from world import GROUP, eventually

FINALIZER = "tka.specht-labs.de/session"
EVENTS = "/apis/events.k8s.io/v1/namespaces/tka/events"


def instant(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def name_of(login, role, node, namespaces):
    identity = "\0".join((login, role, node, ",".join(sorted(namespaces))))
    return f"tka-user-{login.split('@')[0]}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"


def signin(role="view", period="1h", namespaces=(), begun=0, name=None, login="alice@example.com", node="n-test"):
    """One that no server judges, as another one issued it. begun: seconds from now."""
    spec = {"username": login, "role": role, "node": node, "node_id": node, "issuer": "test",
            "validity_period": period, "requested_at": instant(time.time() + begun)}
    if namespaces:
        spec["namespaces"] = list(namespaces)
    return {"apiVersion": "tka.specht-labs.de/v1alpha1", "kind": "TkaSignin", "spec": spec,
            "metadata": {"name": name or name_of(login, role, node, namespaces), "namespace": "tka",
                         "finalizers": [FINALIZER]}}


def apply(world, body):
    """Signs in, or extends; gives the object as it is then."""
    token = (world.folder / "server/token").read_text().strip()
    path = f"{GROUP}/{body['metadata']['name']}?fieldManager=tka-server&force=true"
    with contextlib.closing(world.api_connection()) as connection:
        connection.request("PATCH", path, json.dumps(body), {"Authorization": f"Bearer {token}",
                                                             "Content-Type": "application/apply-patch+yaml"})
        answer = world.answer_of(connection.getresponse())
    assert answer.status in (200, 201), answer.text
    return answer.body


def merge(world, path, body):
    """What an administrator changes by hand."""
    with contextlib.closing(world.api_connection()) as connection:
        connection.request("PATCH", path, json.dumps(body), {"Authorization": f"Bearer {world.admin}",
                                                             "Content-Type": "application/merge-patch+json"})
        answer = world.answer_of(connection.getresponse())
    assert answer.status == 200, answer.text
    return answer.body


def read(world, body):
    """The object as it is now; None when it is gone."""
    status, value = world.kube(f"{GROUP}/{body['metadata']['name']}")
    return value if status == 200 else None


def ready_of(value):
    """(status, reason, message) of the condition Ready."""
    for each in (value or {}).get("status", {}).get("conditions", []):
        if each["type"] == "Ready":
            return each["status"], each["reason"], each["message"]
    return None, None, ""


def await_ready(world, body, reason="Provisioned", words="", seconds=15):
    """Waits for that condition and for its Event; gives the object."""
    def look():
        value = read(world, body)
        status, said, message = ready_of(value)
        fits = said == reason and words in message and (status == "True") == (reason == "Provisioned")
        return value if fits else None
    value = eventually(f"{body['metadata']['name']}: {reason}", look, seconds)
    await_event(world, value, reason)
    return value


def events(world, value):
    """The reasons of all Events about an object, in the order in which they happened."""
    found = [each for each in world.items(EVENTS) if each["regarding"].get("uid") == value["metadata"]["uid"]]
    return [each["reason"] for each in sorted(found, key=lambda each: each["eventTime"])]


def await_event(world, value, reason, seconds=10):
    eventually(f"the Event {reason}", lambda: reason in events(world, value), seconds)
