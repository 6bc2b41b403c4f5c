"""Parameters of the environment: below what a trigger says, and never in a call of the API."""

import json
from datetime import UTC, datetime
from pathlib import Path

from kit import settings_of
from pplns import Schedule, pipeline, step
from pplns.triggers.envelope import recognise
from pplns.triggers.requests import Request

NOW = datetime(2026, 1, 31, 6, tzinfo=UTC)
SCHEDULED = {"x-cloudscheduler": "true", "x-cloudscheduler-jobname": "sales", "user-agent": "Google-Cloud-Scheduler"}


@step
def load(region: str, limit: int) -> int:
    return limit


@pipeline(triggers=[Schedule("0 6 * * *", params={"region": "us"})])
def sales(region: str, limit: int = 1):
    return load(region, limit)


def params_of(folder: Path, headers: dict[str, str], body: dict[str, object]) -> dict[str, object]:
    """Return the parameters of a request in an environment that has some."""
    settings = settings_of(folder).replace(params={"region": "eu", "limit": 5, "other": "x"})
    request = Request("POST", "/", headers, json.dumps(body).encode())
    return dict(recognise(request, pipeline=sales, settings=settings, now=NOW).params)


def test_a_schedule_lies_over_the_environment(tmp_path: Path):
    """And what its request sends over both; parameters of other pipelines stay away."""
    assert params_of(tmp_path, SCHEDULED, {}) == {"region": "us", "limit": 5}
    assert params_of(tmp_path, SCHEDULED, {"params": {"limit": 7}}) == {"region": "us", "limit": 7}


def test_a_call_of_the_api_has_what_it_sends(tmp_path: Path):
    """A person or a program says itself what it wants."""
    assert params_of(tmp_path, {}, {"params": {"region": "us"}}) == {"region": "us"}


def test_a_setting_holds_the_parameters_as_json(tmp_path: Path):
    """As deploying sets it."""
    settings = settings_of(tmp_path, PPLNS_PARAMS='{"region": "eu", "days": [1, 2]}')

    assert settings.params == {"region": "eu", "days": [1, 2]}
