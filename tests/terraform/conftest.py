"""One stand-in of Google and one plan for what only looks at it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployable import full_environment, shop, variables
from terraforming import Google, Terraform, environment_on, google


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
