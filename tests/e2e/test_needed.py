"""A test that cannot run is seen."""

import pytest

from needed import missing


def test_what_is_missing_passes_a_test_over_and_fails_it_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no moon"):
        missing("no moon")

    monkeypatch.setenv("CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no moon"):
        missing("no moon")
