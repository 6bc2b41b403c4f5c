"""The google provider, or why it is skipped; one stand-in and one plan for what only looks at it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployable import full_environment, shop, variables
from terraforming import HOW_TO_GET, Google, Terraform, environment_on, find_provider, google


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs the provider where there is none; looked at once."""
    reason = _missing()
    for item in items:
        if reason and item.get_closest_marker("needs_google_provider"):
            item.add_marker(pytest.mark.skip(reason=reason))


def _missing() -> str:
    if shutil.which("terraform") is None:
        return "no terraform on this machine"
    return "" if find_provider() else HOW_TO_GET


@pytest.fixture(scope="module")
def cloud() -> Iterator[Google]:
    """A stand-in of Google's APIs, empty but for a bucket for Terraform's state."""
    with google() as found:
        yield found


@pytest.fixture(scope="module")
def furnished(cloud: Google) -> dict[str, Any]:
    """Variables of three pipelines that use everything; what they need of others is there."""
    channel = cloud.furnish()
    return variables(shop(3), full_environment(notification_channels=(channel,)))


@pytest.fixture(scope="module")
def root(cloud: Google, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The configuration, initialised."""
    folder: Path = tmp_path_factory.mktemp("terraform")
    with environment_on(cloud, folder) as made:
        yield made
