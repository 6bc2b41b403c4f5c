"""Counters that begin at zero, and the two stores."""

import os
from pathlib import Path

import pytest

from fake_cloud_storage import bucket, cloud_storage, proxy
from faulty_proxy import QUICK
from kit import Runs, settings_of
from pplns.stores import FileStore, Store
from pplns.stores.gcs import GcsStore
from store_faults import faulty
from store_faults.faulty import Bucket, Files, Objects

__all__ = ["bucket", "cloud_storage", "proxy"]

PLACES = ["file", pytest.param("gcs", marks=pytest.mark.needs_fake_gcs_server)]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    faulty.calls.clear()
    faulty.meanwhile.clear()


@pytest.fixture(params=PLACES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "file":
        return FileStore(tmp_path / "state")
    return GcsStore(f"gs://{request.getfixturevalue('bucket')}/state", data_patience=QUICK, lease_patience=QUICK)


@pytest.fixture
def objects(store: Store, request: pytest.FixtureRequest) -> Objects:
    if isinstance(store, FileStore):
        return Files(Path(store.folder))
    return Bucket(os.environ["STORAGE_EMULATOR_HOST"], request.getfixturevalue("bucket"), "state/")


@pytest.fixture
def runs(store: Store) -> Runs:
    return Runs(store, settings_of(faulty.ROOT))
