"""chart.py - the medians of a run as bars, in SVG."""

from html import escape

WIDTH, LABELS, BAR, GAP, NUMBERS = 900, 420, 18, 8, 90


def bars(results):
    """(name, milliseconds) of every median, each once."""
    found = {}
    for result in results:
        if result.unit == "ms" and result.name.endswith("median"):
            found.setdefault(result.name.removesuffix(", median"), result.value)
    return sorted(found.items(), key=lambda each: each[1])


def draw(results):
    rows = bars(results)
    most = max((value for _, value in rows), default=1) or 1
    height = GAP + (BAR + GAP) * len(rows)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for i, (name, value) in enumerate(rows):
        top, length = GAP + (BAR + GAP) * i, (WIDTH - LABELS - NUMBERS) * value / most
        ours = any(word in name for word in ("credential", "kubectl-tka", "sign-in"))
        lines += [f'<text x="{LABELS - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>',
                  f'<rect x="{LABELS}" y="{top}" width="{max(1, length):.1f}" height="{BAR}" '
                  f'fill="{"#2a6fbb" if ours else "#9aa5b1"}"/>',
                  f'<text x="{LABELS + length + 6:.1f}" y="{top + 13}">{value:g} ms</text>']
    return "\n".join([*lines, "</svg>", ""])
