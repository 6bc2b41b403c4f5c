"""Ids: how a run id is derived, what a token is, how identities are digested.

A run id is safe as a file name on every system and sorts by the time that the run stands for."""

import os

from pplns.built_in import UTC, datetime, sha256
from pplns.errors import ParameterError
from pplns.model.names import is_device, shorten

MAX_RUN_ID_LENGTH = 100
VERSION_LENGTH = 16

_RUN_ID_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_IDENTITY_LENGTH = 16
_HEX = frozenset("0123456789abcdef")


def check_run_id(run_id: str) -> str:
    """Return a run id that a caller chose, if it can be one.

    Raises: ParameterError."""
    is_short = 0 < len(run_id) <= MAX_RUN_ID_LENGTH
    if is_short and run_id[0] != "-" and _RUN_ID_LETTERS.issuperset(run_id) and not is_device(run_id):
        return run_id
    raise ParameterError(
        f"The run id is {shorten(run_id)} ({len(run_id)} characters).",
        f"A run id has 1 to {MAX_RUN_ID_LENGTH} lower-case letters, digits and '-', begins with a letter or digit,"
        " and is no device name of Windows.",
        "Choose another one, such as 'orders-2013-01-31', or leave it out to get a new one.",
    )


def derive_run_id(pipeline: str, *, kind: str, key: str, logical_date: datetime) -> str:
    """Return the run id of a trigger: its logical time in UTC, a dash, 16 hex digits of its identity.

    The same trigger delivered twice gives the same id."""
    time = logical_date.astimezone(UTC)
    year = f"{time.year:04}"  # strftime doesn't fill %Y with zeros on every system
    return f"{year}{time:%m%dt%H%M%Sz}-{digest_fields(pipeline, kind, key)[:_IDENTITY_LENGTH]}"


def time_of_run_id(run_id: str) -> datetime | None:
    """Return the logical time (UTC, aware) in a derived run id, or None for an id that a person chose."""
    time, _, identity = run_id.partition("-")
    if not _is_identity(identity) or time[8:9] + time[15:] != "tz" or not (time[:8] + time[9:15]).isdecimal():
        return None
    try:
        return datetime.fromisoformat(time.upper())
    except ValueError:
        return None


def _is_identity(text: str) -> bool:
    return len(text) == _IDENTITY_LENGTH and _HEX.issuperset(text)


def digest_fields(*fields: str | bytes) -> str:
    """Return the SHA-256, in hex, of fields with their lengths before them, so that no two lists collide."""
    parts: list[bytes] = []
    for field in fields:
        data = field.encode("utf-8", "surrogatepass") if isinstance(field, str) else field
        parts += (len(data).to_bytes(8, "big"), data)
    return sha256(b"".join(parts)).hexdigest()


def new_token() -> str:
    """Return 16 random hex digits: the mark of one writer or one write."""
    return os.urandom(8).hex()  # as the secrets module does, without its imports
