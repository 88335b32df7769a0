"""results.py - numbers: summed up, judged, written as JSON lines, shown as a table."""

import dataclasses
import json
import math
import os


@dataclasses.dataclass
class Result:
    """One number. Without a limit it is for information alone."""

    name: str
    value: float
    unit: str
    against: str = None
    limit: float = None
    least: float = None
    load: float = dataclasses.field(default_factory=lambda: os.getloadavg()[0])

    @property
    def ok(self):
        return ((self.limit is None or self.value <= self.limit)
                and (self.least is None or self.value >= self.least))

    def line(self):
        return json.dumps({"name": self.name, "value": self.value, "unit": self.unit,
                           "against": self.against, "limit": self.limit, "least": self.least,
                           "ok": self.ok})

    def row(self):
        bound = self.limit if self.least is None else self.least
        verdict = "" if bound is None else "ok" if self.ok else "TOO LITTLE" if self.least else "TOO MUCH"
        limit = "" if bound is None else f"{bound:g}"
        return (self.name, f"{self.value:g}", self.unit, limit, self.against or "", verdict,
                f"{self.load:.2f}")


def median(values):
    return quantile(values, 0.5)


def quantile(values, share):
    """The smallest of the values that at least this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def rounded(value):
    return float(f"{value:.4g}")


def compare(name, ours, theirs, against, limit, shares=(("median", 0.5), ("p99", 0.99))):
    """Results for two series of microseconds measured in turns; the limit is for the median."""
    for words, share in shares:
        mine, other = quantile(ours, share), quantile(theirs, share)
        yield Result(f"{name}, {words}", rounded(mine / 1000), "ms")
        yield Result(f"{against}, {words}", rounded(other / 1000), "ms")
        yield Result(f"{name}, ratio of the {words}s", rounded(mine / other), "ratio", against,
                     limit if words == "median" else None)


def table(results):
    rows = [("WHAT", "VALUE", "UNIT", "LIMIT", "AGAINST", "", "LOAD"),
            *(result.row() for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        cells = [cell.rjust(width) if i in (1, 3, 6) else cell.ljust(width)
                 for i, (cell, width) in enumerate(zip(row, widths))]
        yield "  ".join(cells).rstrip()


def write(path, results):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(result.line() + "\n" for result in results))
