"""The address of a store in Cloud Storage, `gs://BUCKET/PREFIX`, and the paths of its objects.

What can't be an address is refused before anything is asked of Google. Names of buckets:
https://cloud.google.com/storage/docs/buckets#naming, names of objects: …/docs/objects#naming."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from pplns.errors import ConfigError

MAX_PREFIX_BYTES = 400  # of the 1024 of a name; a run's own names take up to 500
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9._-]{1,220})[a-z0-9]")
_MAX_BUCKET_PART = 63
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\#?*\[\]]")  # gcloud takes some of them for wildcards, `?` begins no options here


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket, and a prefix that is empty or ends with "/"."""

    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        """The URL that stands for this address."""
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def objects_path(self) -> str:
        """The path of the bucket's objects, from the API's root."""
        return f"b/{self.bucket}/o"

    def key(self, name: str) -> str:
        """Return the whole name of an object in its bucket."""
        return f"{self.prefix}{name}"

    def object_path(self, name: str) -> str:
        """Return the path of an object, from the API's root."""
        return f"{self.objects_path}/{quote(self.key(name), safe='')}"


def parse_address(url: str) -> Address:
    """Return the address in a `gs://` URL.

    Raises: ConfigError."""
    bucket, _, prefix = url.removeprefix("gs://").partition("/")
    if not url.startswith("gs://") or not _is_bucket(bucket):
        raise ConfigError(
            f"The store is {url!r}, with {bucket!r} for a bucket.",
            "A bucket has 3 to 63 lower-case letters, digits, '-', '_' and '.': gs://BUCKET or gs://BUCKET/PREFIX.",
            "Write --store gs://my-bucket/pplns, for example.",
        )
    prefix = prefix.strip("/")
    problem = _problem(prefix) if prefix else None
    if problem:
        raise ConfigError(
            f"The store is {url!r}, whose prefix {problem}.",
            "A prefix is names with one '/' between them, without wildcards or options.",
            "Write --store gs://my-bucket/pplns, for example.",
        )
    return Address(bucket, f"{prefix}/" if prefix else "")


def _is_bucket(name: str) -> bool:
    return _BUCKET.fullmatch(name) is not None and all(0 < len(part) <= _MAX_BUCKET_PART for part in name.split("."))


def _problem(prefix: str) -> str | None:
    unfit = _UNFIT.search(prefix)
    if unfit:
        return f"contains {unfit.group()!r}"
    bad = next((part for part in prefix.split("/") if part in ("", ".", "..")), None)
    if bad is not None:
        return f"has a part {bad!r}"
    size = len(prefix.encode("utf-8", "surrogatepass"))
    return f"takes {size} bytes of at most {MAX_PREFIX_BYTES}" if size > MAX_PREFIX_BYTES else None
