"""needed.py - what becomes of a test whose surroundings are not there."""

import os

import pytest


def missing(reason):
    """Passes the test over, with the reason; in CI, where a test that nobody runs would look like a good one, it fails."""
    if os.environ.get("CI"):
        pytest.fail(f"CI is to have what this test needs: {reason}", pytrace=False)
    pytest.skip(reason)
