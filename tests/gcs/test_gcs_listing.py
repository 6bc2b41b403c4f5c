"""Listings: page after page, and without what a console leaves in a bucket."""

import pytest

from faulty_proxy import FaultyProxy
from pplns.stores.gcs import GcsStore

pytestmark = pytest.mark.needs_fake_gcs_server


def test_a_long_listing_comes_page_by_page(
    store: GcsStore, proxy: FaultyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No name is left out or doubled at the edge of a page."""
    names = sorted(f"{number:03}.json" for number in range(25)) + [f"folder-{letter}/" for letter in "abc"]
    for name in names:
        store.create(f"p/{name}x" if name.endswith("/") else f"p/{name}", b"")
    monkeypatch.setattr("pplns.stores.gcs.store.PAGE_NAMES", 10)
    proxy.seen.clear()

    assert store.children("p/") == names

    assert proxy.counts()["list"] > 1


def test_the_mark_of_an_empty_folder_is_no_name(store: GcsStore) -> None:
    """The console creates an object named like the folder."""
    store.create("p/", b"")
    store.create("p/x", b"")

    assert store.children("p/") == ["x"]


def test_stores_of_one_bucket_dont_meet(store: GcsStore) -> None:
    """A prefix that begins like another one is another store; the bucket's own root sees both as folders."""
    beside = GcsStore(f"{store.url}-2")
    store.create("p/x", b"")
    beside.create("q/y", b"")

    assert store.children("") == ["p/"]
    assert beside.children("") == ["q/"]
    assert GcsStore(store.url.rpartition("/")[0]).children("") == ["state-2/", "state/"]
