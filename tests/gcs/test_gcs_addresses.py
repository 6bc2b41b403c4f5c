"""What may stand after `gs://`, and what is refused before anything is asked of Google."""

from pathlib import Path

import pytest

from pplns.errors import ConfigError
from pplns.stores import open_store
from pplns.stores.gcs.addresses import parse_address


@pytest.mark.parametrize(
    ("url", "bucket", "prefix", "shown"),
    [
        ("gs://orders", "orders", "", "gs://orders"),
        ("gs://orders/", "orders", "", "gs://orders"),
        ("gs://orders/state", "orders", "state/", "gs://orders/state"),
        ("gs://orders//state/prod/", "orders", "state/prod/", "gs://orders/state/prod"),
        ("gs://my_data.example.com/größe ≠ 1", "my_data.example.com", "größe ≠ 1/", None),
    ],
)
def test_a_bucket_with_or_without_a_prefix(url: str, bucket: str, prefix: str, shown: str | None) -> None:
    """Slashes at the ends make no difference, and the URL shown opens the same store."""
    address = parse_address(url)

    assert (address.bucket, address.prefix, address.url) == (bucket, prefix, shown or url)
    assert parse_address(address.url) == address


def test_names_are_quoted_in_paths() -> None:
    """Slashes, blanks and letters beyond ASCII in a name don't change which object is meant."""
    path = parse_address("gs://orders/größe").object_path("p/a b%2F+.json")

    assert path == "b/orders/o/gr%C3%B6%C3%9Fe%2Fp%2Fa%20b%252F%2B.json"


@pytest.mark.parametrize(
    "url",
    [
        "gs:", "gs:orders/state", "gs:/orders", "gs://", "gs:///state", "gs://Orders", "gs://ab", "gs://-orders",
        "gs://orders.", "gs://a..b", "gs://größe", "gs://or ders", "gs://user@orders", "gs://orders:80/x",
        "gs://" + "a" * 64, "gs://orders/a//b", "gs://orders/../x", "gs://orders/./x", "gs://orders/x?fsync=1",
        "gs://orders/a*", "gs://orders/a#1", "gs://orders/[a]", "gs://orders/a\nb", "gs://orders\\state",
        "gs://orders/a\\b", "gs://orders/" + "ü" * 201,
    ],
)  # fmt: skip
def test_a_malformed_url_is_refused(url: str, tmp_path: Path) -> None:
    """The error shows what was written, says what an address is, and gives one to write."""
    with pytest.raises(ConfigError) as caught:
        open_store(url, root=tmp_path)

    assert repr(url) in caught.value.met
    assert caught.value.remedy == "Write --store gs://my-bucket/pplns, for example."


def test_a_store_is_opened_by_its_url(tmp_path: Path) -> None:
    """Opening asks nothing of anyone: there needn't be a bucket, or credentials."""
    store = open_store("gs://orders/state/", root=tmp_path)

    assert store.url == "gs://orders/state"
    assert not store.shares_host
