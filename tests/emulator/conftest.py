"""A stand-in that serves all tests of this folder, empty at the beginning of each."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from google_stand_in import Google
from pplns_deploy.emulator import StandIn, serving


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip all where there are no discovery documents."""
    for item in items:
        if find_spec("googleapiclient") is None and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="the discovery documents come with google-api-python-client"))


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    """Return a stand-in that runs as long as the tests."""
    with serving() as made:
        yield made


@pytest.fixture
def google(stand_in: StandIn) -> Google:
    """Return the owner of an empty cloud."""
    found = Google(stand_in)
    found.control("reset")
    return found


@pytest.fixture
def furnished(google: Google) -> Google:
    """Return the owner of a cloud with an account, a topic and a bucket."""
    google.furnish()
    return google
