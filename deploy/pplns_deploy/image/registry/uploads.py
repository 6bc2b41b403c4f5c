"""Blobs to a registry: not sent where it has them, mounted where another of its repositories has them, else in chunks.

A chunk that is cut off is gone on with from where the registry says that it has come. The bytes are read from the file
as they are sent, so that nothing is held whole in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pplns.errors import RegistryError
from pplns.stores.gcs.patience import Tries
from pplns_deploy.image.registry.calls import TRANSIENT, BrokenConnection, Call, Registry
from pplns_deploy.image.registry.downloads import unread

if TYPE_CHECKING:
    import requests

CHUNK_BYTES = 16 * 1024 * 1024
SEND_BYTES = 256 * 1024
MOST_BEGINNINGS = 5
How = Literal["present", "mounted", "sent"]


class Part:
    """A part of a file, as the body of a request; `moved` is told how many bytes went out, or came back."""

    def __init__(self, file: Path, start: int, length: int, moved: Callable[[int], None]) -> None:
        self._file = file.open("rb")
        self._start, self._length = start, length
        self._moved = moved
        self._read = 0
        self._file.seek(start)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; at least a few hundred kilobytes at a time, whatever is asked for."""
        left = self._length - self._read
        data = self._file.read(min(left, max(size, SEND_BYTES)) if size >= 0 else left)
        self._read += len(data)
        self._moved(len(data))
        return data

    def rewind(self) -> None:
        """Begin again."""
        self._moved(-self._read)
        self._read = 0
        self._file.seek(self._start)

    def __enter__(self) -> "Part":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class Uploads:
    """Uploads to one repository."""

    registry: Registry
    repository: str
    chunk_bytes: int = CHUNK_BYTES

    @property
    def scopes(self) -> tuple[str, ...]:
        """What is asked for in a token."""
        return (f"repository:{self.repository}:pull,push",)

    def has(self, digest: str) -> bool:
        """Tell whether the repository has a blob."""
        call = Call(f"tell of the blob {digest}", "HEAD", self._blob(digest), self.scopes, accepted=(404,))
        return self.registry.call(call).ok

    def mount(self, digest: str, sources: Sequence[str]) -> bool:
        """Tell whether a blob could be mounted from one of some repositories of this registry."""
        for source in sources:
            call = Call(
                f"mount the blob {digest}", "POST", self._begin_url, (*self.scopes, f"repository:{source}:pull"),
                params={"mount": digest, "from": source}, accepted=(400, 401, 403, 404, 405),
            )  # fmt: skip
            try:
                answer = self.registry.call(call)
            except RegistryError:  # no right to the other repository; then it is sent
                continue
            if answer.status_code == 201:
                return True
            if answer.status_code == 202 and "Location" in answer.headers:
                self._give_up(answer.headers["Location"])
        return False

    def send(self, digest: str, file: Path, moved: Callable[[int], None]) -> None:
        """Send a blob; what was cut off and can't be gone on with is begun again.

        A registry may still be writing a chunk that was cut off when it says how far it has come; then the bytes don't
        fit in the end. Where nothing was cut off, bytes that don't fit are the registry's last word.

        Raises: RegistryError."""
        for _ in range(MOST_BEGINNINGS):
            upload = _Upload(self, digest, file, moved)
            if upload.run() or self.has(digest):
                return
            if not upload.was_cut_off:
                break
        raise RegistryError(
            f"{self.registry.host} took the blob {digest} and says that its bytes are others.",
            "A blob has the digest under which it is sent.",
            "Try again; if it stays so, the registry or a proxy before it is damaged.",
        )

    def begin(self, what: str) -> str:
        """Begin an upload and return its address.

        Raises: RegistryError."""
        answer = self.registry.call(Call(what, "POST", self._begin_url, self.scopes))
        if "Location" not in answer.headers:
            raise unread(self.registry.host, "the address of an upload")
        return self.registry.absolute(answer.headers["Location"])

    def _give_up(self, location: str) -> None:
        call = Call("end an upload", "DELETE", location, self.scopes, accepted=(400, 403, 404, 405, 501))
        self.registry.call(call)

    @property
    def _begin_url(self) -> str:
        return f"/v2/{self.repository}/blobs/uploads/"

    def _blob(self, digest: str) -> str:
        return f"/v2/{self.repository}/blobs/{digest}"


class _Upload:
    """One blob on its way."""

    def __init__(self, uploads: Uploads, digest: str, file: Path, moved: Callable[[int], None]) -> None:
        self._uploads = uploads
        self._registry = uploads.registry
        self._digest = digest
        self._file = file
        self._moved = moved
        self._size = file.stat().st_size
        self._sent = 0
        self.was_cut_off = False
        self._what = f"take the blob {digest}"
        self._location = uploads.begin(self._what)

    def run(self) -> bool:
        """Send all of it; False where it has to be begun again."""
        while self._size - self._sent > self._uploads.chunk_bytes:
            if not self._step(self._chunk):
                return False
        return self._step(self._end)

    def _step(self, send: Callable[[Tries], "requests.Response | None"]) -> bool:
        """Send a chunk or the end of it, until it is taken."""
        tries = Tries(self._registry.patience)
        while True:
            last = "the connection broke"
            try:
                answer = send(tries)
            except BrokenConnection as error:
                answer, last = None, str(error)
            if answer is not None and answer.status_code not in (*TRANSIENT, 416):
                return self._took(answer)
            self.was_cut_off = True
            before = self._sent
            self._registry.pause(self._call("PATCH"), tries, last)
            if not self._ask_progress():
                return False
            if self._sent > before:
                tries = Tries(self._registry.patience)

    def _took(self, answer: "requests.Response") -> bool:
        if answer.status_code in (400, 404):  # other bytes than the digest says, or an upload that it has forgotten
            self._moved(-self._sent)
            return False
        self._registry.check(self._call("PATCH"), answer)
        self._location = self._registry.absolute(answer.headers.get("Location", self._location))
        return True

    def _chunk(self, tries: Tries) -> "requests.Response":
        length = min(self._uploads.chunk_bytes, self._size - self._sent)
        answer = self._send("PATCH", length, tries)
        if answer.ok:
            self._sent += length
        return answer

    def _end(self, tries: Tries) -> "requests.Response":
        return self._send("PUT", self._size - self._sent, tries)

    def _send(self, method: str, length: int, tries: Tries) -> "requests.Response":
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        if method == "PATCH":
            headers["Content-Range"] = f"{self._sent}-{self._sent + length - 1}"
        params = {"digest": self._digest} if method == "PUT" else {}
        with Part(self._file, self._sent, length, self._moved) as part:
            call = Call(self._what, method, self._location, self._uploads.scopes, params, headers, part)
            try:
                answer = self._registry.send(call, tries)
            except BrokenConnection:
                part.rewind()
                raise
            if not answer.ok:
                part.rewind()
            return answer

    def _ask_progress(self) -> bool:
        """Ask how far the upload came; False where the registry doesn't know it any more."""
        call = self._call("GET", accepted=(400, 404, 405, 501))
        answer = self._registry.call(call)
        if not answer.ok:
            self._moved(-self._sent)
            return False
        self._location = self._registry.absolute(answer.headers.get("Location", self._location))
        has = _end_of(answer.headers.get("Range", ""))
        self._moved(has - self._sent)
        self._sent = has
        return True

    def _call(self, method: str, *, accepted: tuple[int, ...] = ()) -> Call:
        return Call(self._what, method, self._location, self._uploads.scopes, accepted=accepted)


def _end_of(text: str) -> int:
    """Return how many bytes `Range: 0-N` says are there. Some registries say 0-0 for none as well as for one."""
    end = text.removeprefix("bytes=").partition("-")[2]
    return int(end) + 1 if end.isdecimal() and end != "0" else 0
