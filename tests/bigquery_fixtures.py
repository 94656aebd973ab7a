"""Fixtures, as a plugin: servers, empty or with a shop, through each of the two fronts."""

import pytest

from tests.bigquery_shop import Both, filled


@pytest.fixture(params=["in process", "over HTTP"])
def front(request):
    return request.param


@pytest.fixture
def make(front):
    made = []

    def one(**settings):
        made.append(Both(front, **settings))
        return made[-1]

    yield one
    for both in made:
        both.close()


@pytest.fixture
def both(make):
    return make()


@pytest.fixture
def shop(both):
    filled(both)
    return both
