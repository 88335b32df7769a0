"""pages.py - the documentation as data: its headings, links, tables, and fenced blocks.

What a fence's info string says makes a block a part of the tests:

    ```sh runnable as=alice        typed by that user of the rig (as=admin: beside the API server)
    ```sh runnable as=bob fails    the same, and it must not work
    ```text output                 what the block before must have printed, line by line; … is anything
    ```json policy                 becomes the tailnet's policy; one that opens port 443 is tried at a tka-server on it
    ```yaml server                 keys of a tka-server that the tables after it are about; its port is 443 if it names none
"""

import dataclasses
import pathlib
import re
import shlex
import textwrap

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *(`{3,})(.*)$")
HEADING = re.compile(r"^#+ +(.*?) *$")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`[^`]*`")


@dataclasses.dataclass
class Block:
    """A fenced block. words: the info string after the language; options: those with a "="."""

    language: str
    words: list
    text: str
    section: str
    line: int

    @property
    def options(self):
        return dict(word.split("=", 1) for word in self.words if "=" in word)


@dataclasses.dataclass
class Table:
    """A table. rows: one dictionary each, by the words at the head of the columns."""

    rows: list
    section: str
    line: int


def pages():
    """Every page that people read, as paths."""
    found = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md")]
    for folder in ("docs", "deploy", "tests", "schema"):
        found += sorted((REPOSITORY / folder).rglob("*.md"))
    return found


def name_of(page):
    return str(page.relative_to(REPOSITORY))


def parse(page):
    """The blocks and tables of a page in their order."""
    return list(parse_lines(page.read_text().splitlines()))


def parse_lines(lines):
    section, at = "", 0
    while at < len(lines):
        fence, heading = FENCE.match(lines[at]), HEADING.match(lines[at])
        start = at
        if fence:
            at = end_of_block(lines, at, fence[1])
            language, *words = shlex.split(fence[2]) or [""]
            text = textwrap.dedent("\n".join(lines[start + 1:at]) + "\n")
            yield Block(language, words, text, section, start + 1)
        elif lines[at].startswith("|"):
            while at + 1 < len(lines) and lines[at + 1].startswith("|"):
                at += 1
            yield Table(rows_of(lines[start:at + 1]), section, start + 1)
        elif heading:
            section = heading[1]
        at += 1


def end_of_block(lines, start, fence):
    for at in range(start + 1, len(lines)):
        if lines[at].strip() == fence:
            return at
    raise AssertionError(f"the block that begins at line {start + 1} has no end")


def rows_of(lines):
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in lines]
    return [dict(zip(cells[0], row)) for row in cells[2:]]


def prose(page):
    """The page's text without its blocks and code."""
    kept, fence = [], None
    for line in page.read_text().splitlines():
        found = FENCE.match(line)
        if found and (fence is None or line.strip() == fence):
            fence = found[1] if fence is None else None
        elif fence is None:
            kept.append(CODE.sub("", line))
    return "\n".join(kept)


def links(page):
    """Where the links of a page lead, as they are written."""
    return LINK.findall(prose(page))


def anchors(page):
    """The names under which a page's headings can be linked to."""
    found, seen = set(), {}
    for line in page.read_text().splitlines():
        heading = HEADING.match(line)
        if heading:
            name = re.sub(r"[^\w\- ]", "", heading[1].lower()).replace(" ", "-")
            count = seen[name] = seen.get(name, -1) + 1
            found.add(f"{name}-{count}" if count else name)
    return found
