"""values.py - the chart's values.yaml, read with its comments: a table for people, a schema for Helm."""

import dataclasses
import json
import re

import yaml

DESCRIPTION = re.compile(r"^\s*# -- (.*)$")
CONTINUED = re.compile(r"^\s*# (.*)$")
KEY = re.compile(r"^( *)([A-Za-z][\w.-]*):")

NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
DURATION = r"^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"
# An authority and a path, as the daemons take them in a URL.
PLACE = r'(\[[0-9A-Fa-f:.]+\]|[^\s"\\@?#/:]+)(:[0-9]+)?(/[^\s"\\@?#]*)?'
CAPABILITY = {"pattern": r"^[^\s,]{1,253}$"}
PORT = {"minimum": 1, "maximum": 65535}
PULL = {"enum": ["Always", "IfNotPresent", "Never"]}
DIGEST = {"pattern": r"^(sha256:[0-9a-f]{64})?$"}

# What a default does not say of its key.
MORE = {
    "image.repository": {"minLength": 1}, "image.digest": DIGEST, "image.pullPolicy": PULL,
    "tailscale.image.repository": {"minLength": 1}, "tailscale.image.digest": DIGEST, "tailscale.image.pullPolicy": PULL,
    "tailscale.loginServer": {"pattern": r"^(https?://\S+)?$"},
    "tka.tailscale.hostname": {"pattern": NAME}, "tka.tailscale.port": PORT,
    "tka.tailscale.capName": {"type": ["string", "array"], "items": {"type": "string", **CAPABILITY}, "minItems": 1,
                              **CAPABILITY},
    "tka.tailscale.mode": {"enum": ["userspace", "tun"]},
    "tka.server.minPeriod": {"pattern": DURATION}, "tka.server.maxPeriod": {"pattern": DURATION},
    "tka.operator.namespace": {"pattern": NAME},
    "tka.operator.roles": {"minItems": 1, "items": {"type": "string", "pattern": r"^[A-Za-z0-9.:-]{1,63}$"}},
    "tka.api.retryAfterSeconds": {"minimum": 1, "maximum": 3600},
    "tka.clusterInfo.apiEndpoint": {"pattern": f"^(https://{PLACE})?$"},
    "tka.clusterInfo.labels": {"additionalProperties": {"type": "string"}},
    "tka.clusterInfo.configMapRef.namespace": {"pattern": NAME},
    "tka.otel.endpoint": {"pattern": f"^((https?://)?{PLACE})?$"},
    "tka.health.port": {"minimum": 1024, "maximum": 65535},
    "tka.log.level": {"enum": ["debug", "info", "warn", "error"]},
    "server.replicas": {"minimum": 0}, "operator.replicas": {"minimum": 0},
    "drain.timeoutSeconds": {"minimum": 10},
}
TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


@dataclasses.dataclass(frozen=True)
class Value:
    """One value that may be set."""

    path: str
    default: object
    words: str


def read(text):
    """Every documented value, in order. Refuses one that nothing is said of."""
    tree, above, words, found, skip = yaml.safe_load(text), [], "", [], None
    for line in text.splitlines():
        match = KEY.match(line)
        if match and (skip is None or len(match[1]) <= skip):
            depth, skip = len(match[1]) // 2, None
            above = [*above[:depth], match[2]]
            value = lookup(tree, above)
            if words:
                found.append(Value(".".join(above), value, words))
                skip = len(match[1])
            elif not isinstance(value, dict) or not value:
                raise ValueError(f"values.yaml says nothing of {'.'.join(above)}")
        words = next_words(line, words)
    return found


def next_words(line, words):
    """The description that is being read, after one more line."""
    begun, more = DESCRIPTION.match(line), CONTINUED.match(line)
    if begun:
        return begun[1]
    return f"{words} {more[1]}" if words and more else ""


def lookup(tree, path):
    for key in path:
        tree = tree[key]
    return tree


def table(values):
    """Rows of Markdown."""
    yield "| value | default | meaning |"
    yield "| --- | --- | --- |"
    for value in values:
        default = json.dumps(value.default) if value.default != "" else "none"
        yield f"| `{value.path}` | `{default}` | {value.words} |".replace("`none`", "none")


def schema(values, daemons):
    """Of values.yaml. daemons: the schemas of the configurations that tka becomes."""
    root = {"$schema": "https://json-schema.org/draft-07/schema#", "title": "Values of the chart tka", **folder()}
    root["properties"]["global"] = {"type": "object"}
    for value in values:
        at, path = root, value.path.split(".")
        for key in path[:-1]:
            at = at["properties"].setdefault(key, folder())
        at["properties"][path[-1]] = {"description": value.words, "type": TYPES[type(value.default)],
                                      **MORE.get(value.path, {})}
    unknown = set(MORE) - {value.path for value in values}
    if unknown:
        raise ValueError(f"no such value: {', '.join(sorted(unknown))}")
    for each in daemons:
        add_keys(root["properties"]["tka"], each)
    return root


def add_keys(at, daemon):
    """What a daemon knows beyond values.yaml may be set as well."""
    for key, each in daemon["properties"].items():
        if "properties" in each:
            add_keys(at["properties"].setdefault(key, folder()), each)
        else:
            at["properties"].setdefault(key, {word: each[word] for word in each if word != "default"})


def folder():
    return {"type": "object", "additionalProperties": False, "properties": {}}
