"""Values that several APIs check the same way."""

import re
from decimal import Decimal

from pplns_deploy.emulator.refusals import invalid


def duration_s(text: str) -> Decimal:
    """Return the seconds of a duration such as `3.5s`; its form was checked before."""
    return Decimal(text.removesuffix("s"))


def require_id(what: str, name: str, pattern: re.Pattern[str], rule: str) -> None:
    """Refuse an id that doesn't match."""
    if not pattern.fullmatch(name):
        raise invalid(f"Violation in {what}: {name!r} is invalid: {rule}.")


def require_between(what: str, value: Decimal | int, *, least: int, most: int) -> None:
    """Refuse a number outside of a range."""
    if not least <= value <= most:
        raise invalid(f"{what}: {value} is out of range: it must be between {least} and {most}.")
