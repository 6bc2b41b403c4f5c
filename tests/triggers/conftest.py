"""A pipeline with two schedules and a topic, and what its requests are recognised as."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

import pytest

from deliveries import NOW, request
from kit import AnyPipeline, settings_of
from pplns import PubSub, Schedule, logical_date, pipeline, step
from pplns.settings import Settings
from pplns.triggers.envelope import Delivery, recognise

Recognise = Callable[..., Delivery]


@step
def load(day: date, region: str) -> str:
    return f"{day} {region}"


@pipeline(
    triggers=[
        Schedule("0 6 * * *", timezone="America/New_York", params={"region": "us"}, name="us"),
        Schedule("0 6 * * *", timezone="Europe/Berlin", params={"region": "eu"}, name="eu"),
        PubSub("orders-landed", params={"region": "us"}),
    ]
)
def daily(day: date = logical_date(), region: str = "all") -> str:
    return load(day, region)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path, PPLNS_TIMEZONE="Europe/Paris")


@pytest.fixture
def recognised(settings: Settings) -> Recognise:
    """Recognise a body and headers as a request to `daily`, or to another pipeline, at NOW."""

    def call(
        body: object = b"",
        headers: Mapping[str, str] | None = None,
        *,
        of: AnyPipeline = daily,
        now: datetime = NOW,
    ) -> Delivery:
        return recognise(request(body, headers), pipeline=of, settings=settings, now=now)

    return call
