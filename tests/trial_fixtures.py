"""Fixtures, as a plugin: a warehouse before the migration of forty steps, and a copy to try on."""

import pytest

from tests.trials import Base, Trial


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return Base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def trial(base, monkeypatch):
    with Trial(base, monkeypatch) as trial:
        yield trial
