"""The google provider, or what stands in for it; one stand-in of Google and one plan for what only looks at it."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deployable import full_environment, shop, variables
from terraforming import HOW_TO_GET, Google, Terraform, environment_on, find_provider, google

NO_TERRAFORM = "no terraform on this machine"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs Terraform, or the real provider, where there is none; looked at once."""
    has_terraform = shutil.which("terraform") is not None
    lacking = {
        "needs_terraform": "" if has_terraform else NO_TERRAFORM,
        "needs_google_provider": ("" if find_provider() else HOW_TO_GET) if has_terraform else NO_TERRAFORM,
    }
    for item in items:
        for marker, reason in lacking.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say so where Terraform ran without the real provider."""
    if shutil.which("terraform") is not None and not find_provider():
        terminalreporter.section("Terraform ran on a stand-in of the google provider")
        terminalreporter.write_line(f"tests/provider_stand_in.py knows fields and their types only; {HOW_TO_GET}")


@pytest.fixture(scope="session")
def provider() -> Iterator[Mapping[str, str]]:
    """The variables by which Terraform finds its provider: none for the real one."""
    if find_provider():
        yield {}
        return
    from provider_stand_in import stand_in_provider

    with stand_in_provider() as (_, environ):
        yield environ


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
def root(cloud: Google, provider: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terraform]:
    """The configuration, initialised."""
    folder: Path = tmp_path_factory.mktemp("terraform")
    with environment_on(cloud, folder, provider=provider) as made:
        yield made
