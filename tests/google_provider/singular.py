"""The types of resources that are like no other: an API that is enabled, an object in a bucket, a secret's version."""

import base64
from typing import Any
from urllib.parse import quote

from google_provider.google import Google
from google_provider.schema import Row

Json = dict[str, Any]


class ProjectService:
    """An API of a project: it is there when it is enabled."""

    def create(self, google: Google, row: Row, config: Row) -> Row:
        """Enable it, and wait until it is."""
        google.finish("service_usage", google.call("POST", "service_usage", f"{self._path(row)}:enable", {}))
        return {**row, "id": f"{row['project']}/{row['service']}"}

    def read(self, google: Google, row: Row) -> Row | None:
        """Return it if it is enabled."""
        found = google.find("service_usage", self._path(row)) or {}
        return row if found.get("state") == "ENABLED" else None

    def delete(self, google: Google, row: Row) -> None:
        """Disable it, if that was asked for."""
        if row["disable_on_destroy"]:
            body = {"disableDependentServices": bool(row["disable_dependent_services"])}
            google.finish("service_usage", google.call("POST", "service_usage", f"{self._path(row)}:disable", body))

    def _path(self, row: Row) -> str:
        return f"projects/{row['project']}/services/{row['service']}"


class BucketObject:
    """An object in a bucket, whose content is written in the configuration."""

    def create(self, google: Google, row: Row, config: Row) -> Row:
        """Write it."""
        place = google.endpoints["storage"].replace("storage/v1/", "upload/storage/v1/", 1)
        other = Google({**google.endpoints, "storage": place}, {}, token=google.access_token())
        path = f"b/{row['bucket']}/o?uploadType=media&name={quote(row['name'], safe='')}"
        other.call(
            "POST", "storage", path, data=row["content"].encode(), headers={"Content-Type": "text/plain; charset=utf-8"}
        )
        return self.read(google, row) or row

    def read(self, google: Google, row: Row) -> Row | None:
        """Return it without what only Google tells apart."""
        found = google.find("storage", self._path(row))
        if found is None:
            return None
        md5 = base64.b64decode(found["md5Hash"]).hex()
        return row | {
            "id": f"{row['bucket']}-{row['name']}", "generation": int(found["generation"]), "crc32c": found["crc32c"],
            "md5hash": found["md5Hash"], "md5hexhash": md5, "content_type": found.get("contentType"),
            "output_name": row["name"], "self_link": found.get("selfLink"), "media_link": found.get("mediaLink"),
            "storage_class": found.get("storageClass"),
        }  # fmt: skip

    def delete(self, google: Google, row: Row) -> None:
        """Delete it."""
        google.call("DELETE", "storage", self._path(row))

    def _path(self, row: Row) -> str:
        return f"b/{row['bucket']}/o/{quote(row['name'], safe='')}"


class SecretVersion:
    """A version of a secret; its value is told to Google and kept nowhere."""

    def create(self, google: Google, row: Row, config: Row) -> Row:
        """Add it: the value is in the configuration alone."""
        data = config["secret_data_wo"] or config["secret_data"]
        body = {"payload": {"data": base64.b64encode(data.encode()).decode()}}
        made = google.call("POST", "secret_manager", f"{row['secret']}:addVersion", body)
        return self.read(google, {**row, "name": made["name"]}) or row

    def read(self, google: Google, row: Row) -> Row | None:
        """Return it unless it was destroyed."""
        found = google.find("secret_manager", row["name"])
        if found is None or found.get("state") == "DESTROYED":
            return None
        return row | {
            "id": found["name"], "create_time": found.get("createTime"), "version": row["name"].rpartition("/")[2],
            "enabled": found.get("state") == "ENABLED",
        }  # fmt: skip

    def delete(self, google: Google, row: Row) -> None:
        """Destroy it."""
        google.call("POST", "secret_manager", f"{row['name']}:destroy", {})


SINGULAR: dict[str, ProjectService | BucketObject | SecretVersion] = {
    "google_project_service": ProjectService(),
    "google_secret_manager_secret_version": SecretVersion(),
    "google_storage_bucket_object": BucketObject(),
}
