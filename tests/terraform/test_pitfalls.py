"""Each pitfall of docs/terraform.md is avoided, and its test would tell if it came back."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pitfalls_of_google import PITFALLS, Pitfall
from terraforming import Google, Terraform, TerraformFailed

pytestmark = pytest.mark.needs_terraform
REFUSED: tuple[str, ...] = ()  # by Terraform itself, when they come back
PAGE = Path(__file__).parents[2] / "docs" / "terraform.md"


@pytest.fixture(scope="module")
def plan(root: Terraform, furnished: dict[str, Any]) -> dict[str, Any]:
    root.write(furnished)
    return root.plan()


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda one: one.name)
def test_a_pitfall_is_avoided(plan: dict[str, Any], pitfall: Pitfall) -> None:
    """As the plan of three pipelines shows."""
    assert pitfall.holds(plan)


def test_no_resource_holds_a_secrets_value(plan: dict[str, Any]) -> None:
    """Secrets are referred to by name and version; their values are in no plan and no state."""
    kinds = {one["type"] for one in plan["resource_changes"]}

    assert "google_secret_manager_secret_iam_member" in kinds
    assert "google_secret_manager_secret_version" not in kinds
    assert "hunter2" not in json.dumps(plan)


def test_a_pitfall_that_is_put_back_is_found(
    root: Terraform, furnished: dict[str, Any], sample: Callable[..., int], rng: random.Random
) -> None:
    """The claim fails, or Terraform itself refuses; so no test of a pitfall is empty."""
    root.write(furnished)
    drawn = rng.sample(PITFALLS, sample(full=len(PITFALLS), ci=2))

    unseen = [pitfall.name for pitfall in drawn if not _is_seen(root, pitfall)]

    assert unseen == []


def _is_seen(root: Terraform, pitfall: Pitfall) -> bool:
    """Put a pitfall back, and tell whether its claim fails, or Terraform where it is known to."""
    file = root.folder / pitfall.file
    before = file.read_text(encoding="utf-8")
    file.write_text(before.replace(pitfall.text, pitfall.put_back, 1), encoding="utf-8")
    try:
        return not pitfall.holds(root.plan())
    except TerraformFailed:
        return pitfall.name in REFUSED
    finally:
        file.write_text(before, encoding="utf-8")


def test_the_page_has_each_pitfall() -> None:
    """The table of docs/terraform.md names them all, and no other."""
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", PAGE.read_text(encoding="utf-8"), re.M)

    assert rows == [one.name for one in PITFALLS]


def test_every_text_that_would_come_back_is_there(cloud: Google, root: Terraform) -> None:
    """What is put back replaces something."""
    missing = [one.name for one in PITFALLS if one.text not in (root.folder / one.file).read_text(encoding="utf-8")]

    assert missing == []
