"""What is kept of a request is bounded, and can be stored."""

import json
from typing import Any

import pytest

from deliveries import envelope
from pplns.triggers.details import MAX_DATA_BYTES, kept_attributes, kept_data


def test_data_up_to_the_limit_is_kept_whole() -> None:
    """64 KiB of JSON come back as the value."""
    value = "x" * (MAX_DATA_BYTES - 2)

    assert kept_data(json.dumps(value).encode()) == {"data": value}


@pytest.mark.parametrize("text", ["x" * 70_000, "é" * 40_000, "x" + "é" * 40_000, "€" * 30_000, "𝄞" * 20_000])
def test_longer_text_is_cut_between_characters(text: str) -> None:
    """The beginning is kept, and how long it was."""
    kept = kept_data(text.encode())

    assert text.startswith(kept["data"])
    assert MAX_DATA_BYTES - 4 < len(kept["data"].encode()) <= MAX_DATA_BYTES
    assert kept["data_bytes"] == len(text.encode())


def test_longer_bytes_are_cut() -> None:
    """As base64."""
    kept = kept_data(b"\xff" * 70_000)

    assert len(kept["data_base64"]) == 4 * ((MAX_DATA_BYTES + 2) // 3)
    assert kept["data_bytes"] == 70_000


def test_attributes_are_bounded() -> None:
    """A hundred of them, names and values cut."""
    kept = kept_attributes({f"{number:03}" + "n" * 300: "v" * 2000 for number in range(150)})

    assert len(kept) == 100
    assert {(len(name), len(value)) for name, value in kept.items()} == {(256, 1024)}


def test_a_huge_id_is_replaced_by_its_digest(recognised: Any) -> None:
    """A key is stored; two long ids that differ at their end stay two."""
    first = recognised(envelope(messageId="9" * 5000 + "1")).origin.trigger
    second = recognised(envelope(messageId="9" * 5000 + "2")).origin.trigger

    assert first.key != second.key
    assert max(len(first.key), len(first.details["message_id"])) <= 1024
