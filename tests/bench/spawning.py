"""spawning.py - two commands started in turns by tests/bench/spawn.c, as alice."""

from plugin import run


def in_pairs(rig, programs, counts, one, other, env=None):
    """([microseconds of one], [of the other]); counts: rounds, and those before that do not count."""
    rounds, warm_up = counts
    words = ["env", *[f"{name}={value}" for name, value in (env or {}).items()]]
    done = run(rig, *words, programs / "spawn", warm_up + rounds, *one, "--", *other)
    pairs = [tuple(map(int, line.split())) for line in done.stdout.splitlines()[warm_up:-1]]
    return [[nanoseconds / 1000 for nanoseconds in column] for column in zip(*pairs)]
