"""Time zones as JSON: an IANA zone by its key, a fixed offset by its seconds, pytz zones by their name."""

import sys
from datetime import timedelta, timezone, tzinfo
from typing import Any, cast

from pplns.codecs.libraries import pytz
from pplns.codecs.refusal import UnstorableError, full_name


def encode_zone(zone: tzinfo | None) -> dict[str, Any] | None:
    """Return a time zone as JSON.

    Raises: UnstorableError, for a zone that has no name to find it by."""
    if zone is None:
        return None
    if type(zone) is timezone:
        return _encode_fixed(zone)
    zoneinfo, library = sys.modules.get("zoneinfo"), type(zone).__module__.split(".")[0]
    key: str | None = getattr(zone, "key", None)
    if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo and key is not None:
        return {"key": key}
    if library == "pytz":
        return _encode_pytz(zone)
    raise UnstorableError(
        f"a time in the zone {zone!r} ({full_name(type(zone))})",
        'Use zoneinfo.ZoneInfo("America/New_York"), for example, or UTC.',
        expected="Zones that can be stored: ZoneInfo by key, datetime.timezone, pytz.",
    )


def decode_zone(encoded: dict[str, Any] | None) -> tzinfo | None:
    """Return the time zone of JSON.

    Raises: LookupError, for a zone that this system doesn't know."""
    if encoded is None:
        return None
    if "key" in encoded:
        from zoneinfo import ZoneInfo

        return ZoneInfo(encoded["key"])
    if "pytz" in encoded:
        return cast(tzinfo, pytz().timezone(encoded["pytz"]))
    offset = timedelta(seconds=encoded["seconds"], microseconds=encoded.get("microseconds", 0))
    if encoded.get("pytz_fixed"):
        return cast(tzinfo, pytz().FixedOffset(round(offset.total_seconds() / 60)))
    return timezone(offset, encoded["name"]) if "name" in encoded else timezone(offset)


def _encode_fixed(zone: timezone) -> dict[str, Any]:
    offset = zone.utcoffset(None)
    encoded: dict[str, Any] = {"seconds": offset.days * 86_400 + offset.seconds}
    if offset.microseconds:
        encoded["microseconds"] = offset.microseconds
    if zone.tzname(None) != timezone(offset).tzname(None):
        encoded["name"] = zone.tzname(None)
    return encoded


def _encode_pytz(zone: Any) -> dict[str, Any]:
    if zone.zone is not None:
        return {"pytz": zone.zone}
    return {"seconds": round(zone.utcoffset(None).total_seconds()), "pytz_fixed": True}
