"""A bucket, and a store that reaches it through a connection that a test can spoil."""

import pytest

from fake_cloud_storage import bucket, cloud_storage, proxy
from faulty_proxy import QUICK, FaultyProxy
from pplns.stores.gcs import GcsStore

__all__ = ["bucket", "cloud_storage", "proxy"]


@pytest.fixture
def store(bucket: str, proxy: FaultyProxy) -> GcsStore:
    """Return a store behind the proxy, which loses patience within seconds."""
    return GcsStore(f"gs://{bucket}/state", data_patience=QUICK, lease_patience=QUICK)


@pytest.fixture
def other(bucket: str, proxy: FaultyProxy) -> GcsStore:
    """Return what another process has of the same store."""
    return GcsStore(f"gs://{bucket}/state", data_patience=QUICK, lease_patience=QUICK)
