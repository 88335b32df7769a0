"""stopwatch.py - how long something takes, on a machine that others use as well."""

import threading
import time

STEP_SECONDS = 0.05
USUAL_SECONDS = 0.02  # what a machine that is well may be late by


class Stopwatch:
    """From its making on. What lasts at least so long is measured by seconds(); what lasts at most so long by
    busy_seconds(), in which the time does not count that the machine let even this program stand still."""

    def __init__(self):
        self.ended = threading.Event()
        self.stalled = 0.0
        self.begun = time.monotonic()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def watch(self):
        while not self.ended.is_set():
            before = time.monotonic()
            time.sleep(STEP_SECONDS)
            late = time.monotonic() - before - STEP_SECONDS
            self.stalled += late if late > USUAL_SECONDS else 0

    def seconds(self):
        return time.monotonic() - self.begun

    def busy_seconds(self):
        return self.seconds() - self.stalled
