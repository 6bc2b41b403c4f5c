"""How long an attempt may take, by who asked for it."""

from pathlib import Path
from typing import get_args

import pytest

from kit import settings_of
from pplns.triggers.budgets import DeliveryKind, budget_of


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [("api", 3570.0), ("schedule", 1770.0), ("pubsub", 570.0), ("cloudevent", 570.0), ("continuation", 570.0)],
)
def test_each_sender_waits_its_time(tmp_path: Path, kind: DeliveryKind, seconds: float) -> None:
    """Cloud Run 3600 s, Scheduler 1800 s, Pub/Sub 600 s, less the margin of 30 s."""
    assert budget_of(kind, settings_of(tmp_path)) == seconds


@pytest.mark.parametrize("kind", get_args(DeliveryKind))
def test_no_budget_is_longer_than_a_request(tmp_path: Path, kind: DeliveryKind) -> None:
    """As the service is deployed; a margin takes at most half of a short one."""
    assert budget_of(kind, settings_of(tmp_path, CLOUD_RUN_TIMEOUT_SECONDS="40")) == 20.0
