"""A bucket for the store that needs one."""

from fake_cloud_storage import bucket, cloud_storage, proxy

__all__ = ["bucket", "cloud_storage", "proxy"]
