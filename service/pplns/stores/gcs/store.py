"""What the engine asks of a store, in Cloud Storage.

Every write names the generation that it expects. Nothing rests on a delete, or on this machine's clock: the age of a
register is the `Date` of an answer less the object's `updated`, both Google's."""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pplns.stores.gcs.addresses import parse_address
from pplns.stores.gcs.calls import Calls, Request
from pplns.stores.gcs.downloads import Download, read_object
from pplns.stores.gcs.patience import DATA_PATIENCE, LEASE_PATIENCE, Patience
from pplns.stores.gcs.refusals import missing_bucket
from pplns.stores.gcs.uploads import GcsUpload
from pplns.stores.gcs.writes import about_object, write_object
from pplns.stores.protocol import Buffer, Register

PARALLEL_READS = 16
PAGE_NAMES = 1000  # as many as one answer takes
LISTING_FIELDS = "items(name),prefixes,nextPageToken"


class GcsStore:
    """Objects in a bucket, under a prefix. `data_patience` and `lease_patience` bound a call with all its tries."""

    writes_at_once = False
    shares_host = False  # pids repeat from container to container
    compresses = True

    def __init__(
        self, url: str, *, data_patience: Patience = DATA_PATIENCE, lease_patience: Patience = LEASE_PATIENCE
    ) -> None:
        self._calls = Calls(parse_address(url), patience=data_patience)
        self._lease_patience = lease_patience

    def __repr__(self) -> str:
        return f"GcsStore({self.url!r})"

    @property
    def url(self) -> str:
        """The URL that opens this store again."""
        return self._calls.address.url

    def prepare(self) -> None:
        """Find credentials. The bucket is asked by the first write, which says so if it can't be used."""
        self._calls.connect()

    def create(self, name: str, data: bytes) -> bool:
        """Create an object if it is absent, in one request."""
        return write_object(self._calls, name, data) is not None

    @contextmanager
    def upload(self, name: str) -> Generator[GcsUpload]:
        """Create an object from bytes as they are made: one request, or one for each 8 MiB and one more."""
        upload = GcsUpload(self._calls, name)
        yield upload
        upload.finish()

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes, or None."""
        data = read_object(self._calls, name)
        if data is None:
            self._require_bucket(name)
        return data

    def read_all(self, names: Sequence[str]) -> list[bytes | None]:
        """Return the bytes of many objects in their order, up to 16 at a time."""
        if len(names) < 2:
            return [self.read(name) for name in names]
        with ThreadPoolExecutor(min(PARALLEL_READS, len(names)), thread_name_prefix="pplns-read") as threads:
            return list(threads.map(self.read, names))

    def open(self, name: str) -> Buffer | None:
        """Return an object's bytes, those of a large one as a view of a temporary file, or None."""
        data = Download(self._calls, name).read()
        if data is None:
            self._require_bucket(name)
        return data

    def children(self, folder: str) -> list[str]:
        """Return the sorted names directly in a folder, those of folders with "/" at the end."""
        key = self._calls.address.key(folder)
        query = {"prefix": key, "delimiter": "/", "maxResults": str(PAGE_NAMES), "fields": LISTING_FIELDS}
        found: set[str] = set()
        while True:
            page = self._list(folder, query)
            found.update(item["name"][len(key) :] for item in page.get("items", ()))
            found.update(prefix[len(key) :] for prefix in page.get("prefixes", ()))
            if "nextPageToken" not in page:
                return sorted(found - {""})  # a console marks an empty folder by an object named like it
            query["pageToken"] = page["nextPageToken"]

    def delete(self, name: str) -> None:
        """Delete an object if it is there. Only hints are ever deleted."""
        path = f"storage/v1/{self._calls.address.object_path(name)}"
        self._calls.call(Request(f"delete {name!r}", "DELETE", path, accepted=(404,)))

    def read_register(self, name: str) -> Register | None:
        """Return a register with its age by Google's clock, in two requests, or None."""
        while True:
            answer = about_object(self._calls, name)
            if answer.status == 404:
                self._require_bucket(name)
                return None
            about = answer.json()
            data = self._read_generation(name, about["generation"])
            if data is not None:
                now = parsedate_to_datetime(answer.headers["Date"])
                age_s = (now - datetime.fromisoformat(about["updated"])).total_seconds()
                return Register(data, int(about["generation"]), max(0.0, age_s))

    def swap(self, name: str, data: bytes, *, expected: int) -> int | None:
        """Write a register whose generation is still `expected`; None when another was faster."""
        return write_object(self._calls, name, data, expected=expected, patience=self._lease_patience)

    def renew(self, name: str, data: bytes, *, generation: int) -> int | None:
        """Write one's own register again; return its new generation, or None when it is another's.

        A renewal that was given up may have landed. The register then holds our bytes, which name their holder, under
        a generation that we never saw: it is renewed from there."""
        while True:
            renewed = write_object(self._calls, name, data, expected=generation, patience=self._lease_patience)
            if renewed is not None:
                return renewed
            standing = self.read_register(name)
            if standing is None or standing.data != data:
                return None
            generation = standing.generation

    def _read_generation(self, name: str, generation: str) -> bytes | None:
        path = f"storage/v1/{self._calls.address.object_path(name)}"
        query = {"alt": "media", "generation": generation}
        answer = self._calls.call(Request(f"read {name!r}", "GET", path, query=query, accepted=(404,)))
        return None if answer.status == 404 else answer.body

    def _list(self, folder: str, query: dict[str, str]) -> dict[str, Any]:
        request = Request(f"list {folder!r}", "GET", f"storage/v1/{self._calls.address.objects_path}", query=query)
        page: dict[str, Any] = self._calls.call(request).json()
        return page

    def _require_bucket(self, name: str) -> None:
        """Tell a bucket that doesn't exist from an object that doesn't: once, by a listing.

        The listing begins with the name: an account may be allowed to list one pipeline's objects and no others."""
        if self._calls.has_succeeded:
            return
        path = f"storage/v1/{self._calls.address.objects_path}"
        query = {"maxResults": "1", "prefix": self._calls.address.key(name), "fields": "kind"}
        answer = self._calls.call(Request(f"list {name!r}", "GET", path, query=query, accepted=(403, 404)))
        if answer.status == 404:
            raise missing_bucket(self._calls.address)
