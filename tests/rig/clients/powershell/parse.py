"""parse.py - reads a PowerShell script and names what in it is none: PowerShell itself comes from no registry."""

import sys

import tree_sitter
import tree_sitter_powershell


def errors(node):
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        yield from errors(child)


def main():
    source = sys.stdin.buffer.read()
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
    found = list(errors(parser.parse(source).root_node))
    for node in found:
        line, column = node.start_point
        text = source[node.start_byte:node.end_byte].decode(errors="replace")
        print(f"line {line + 1}, column {column + 1}: {text}", file=sys.stderr)
    return 1 if found or not source else 0


if __name__ == "__main__":
    sys.exit(main())
