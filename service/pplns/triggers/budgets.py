"""How long one attempt may take: until its sender stops waiting, less the margin.

Pub/Sub waits 600 s for the answer to a push, Cloud Scheduler 1800 s, Cloud Run 3600 s, each as deployed."""

from typing import Literal

from pplns.settings import Settings

DeliveryKind = Literal["api", "schedule", "pubsub", "cloudevent", "continuation"]


def budget_of(kind: DeliveryKind, settings: Settings) -> float:
    """Return the seconds that an attempt may take, the margin subtracted.

    Of a time shorter than two margins half is left."""
    limit = settings.request_seconds
    if kind == "schedule":
        limit = min(limit, settings.schedule_seconds)
    elif kind != "api":  # Eventarc delivers by Pub/Sub too
        limit = min(limit, settings.push_seconds)
    return limit - min(settings.margin_seconds, limit / 2)
