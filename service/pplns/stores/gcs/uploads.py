"""An object written while its bytes are made, in chunks, of which one at most is held.

What fits a chunk is written in one request. More goes through a resumable upload: the object appears when the last
chunk has arrived, so a block that fails leaves nothing to be seen; Cloud Storage forgets its chunks after a week. When
the answer to a chunk is lost, the upload is asked how far it came, and goes on from there."""

import re

from pplns.model.ids import new_token
from pplns.stores.gcs.calls import Answer, Calls, Request
from pplns.stores.gcs.patience import Tries
from pplns.stores.gcs.refusals import lost_upload
from pplns.stores.gcs.writes import ABSENT, describe, landed, write_object
from pplns.stores.protocol import Buffer

CHUNK_BYTES = 8 * 1024 * 1024  # a multiple of 256 KiB, as the API demands
INCOMPLETE = 308
GONE = (404, 410)
REFUSED = 412


class GcsUpload:
    """An object while its bytes are made; created by `finish` if it is absent. For one thread."""

    def __init__(self, calls: Calls, name: str, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        self._calls = calls
        self._name = name
        self._chunk_bytes = chunk_bytes
        self._held = bytearray()
        self._chunks: ChunkedUpload | None = None
        self.created = False

    def write(self, data: Buffer, /) -> int:
        """Take the next bytes, all of them."""
        view = memoryview(data).cast("B")
        rest = view
        while len(self._held) + len(rest) > self._chunk_bytes:
            room = self._chunk_bytes - len(self._held)
            self._held += rest[:room]
            rest = rest[room:]
            self._send_chunk()
        self._held += rest
        return len(view)

    def finish(self) -> None:
        """Send what is left; `created` tells afterwards whether the object is ours."""
        if self._chunks is None:
            self.created = write_object(self._calls, self._name, bytes(self._held)) is not None
        else:
            self.created = self._chunks.finish(bytes(self._held))

    def _send_chunk(self) -> None:
        if self._chunks is None:
            self._chunks = ChunkedUpload(self._calls, self._name)
        self._chunks.send(bytes(self._held))
        self._held.clear()


class ChunkedUpload:
    """A resumable upload (https://cloud.google.com/storage/docs/performing-resumable-uploads)."""

    def __init__(self, calls: Calls, name: str) -> None:
        self._calls = calls
        self._name = name
        self._writer = new_token()
        self._sent = 0
        self._url = self._begin()

    def send(self, chunk: bytes) -> None:
        """Send a chunk that isn't the last one. After a refusal bytes are dropped: the object exists."""
        if self._url is not None and self._put(chunk, is_last=False).status != INCOMPLETE:
            raise lost_upload(self._calls.address, f"write {self._name!r}")

    def finish(self, chunk: bytes) -> bool:
        """Send the last chunk; tell whether the object was created."""
        if self._url is None:
            return False
        status = self._put(chunk, is_last=True).status
        if status in (200, 201) or landed(self._calls, self._name, self._writer) is not None:
            return True
        if status == REFUSED:
            return False
        raise lost_upload(self._calls.address, f"write {self._name!r}")

    def _begin(self) -> str | None:
        request = Request(
            f"write {self._name!r}", "POST", f"upload/storage/v1/{self._calls.address.objects_path}",
            query={"uploadType": "resumable", "ifGenerationMatch": str(ABSENT), "name": self._key},
            headers={"Content-Type": "application/json; charset=UTF-8"},
            body=describe(self._calls, self._name, self._writer), accepted=(REFUSED,),
        )  # fmt: skip
        answer = self._calls.call(request)
        return None if answer.status == REFUSED else answer.headers["Location"]

    @property
    def _key(self) -> str:
        return self._calls.address.key(self._name)

    def _put(self, chunk: bytes, *, is_last: bool) -> Answer:
        """Send a chunk until all of it has arrived, going on from where each answer says the upload stands."""
        start, end = self._sent, self._sent + len(chunk)
        tries = Tries(self._calls.patience)
        while True:
            request = self._request(chunk[self._sent - start :], end=end, is_last=is_last)
            answer = self._send_or_ask(request, self._request(b"", end=end, is_last=is_last), tries)
            if answer.status != INCOMPLETE:
                return answer
            arrived = _arrived(answer)
            if not start <= arrived <= end:
                raise lost_upload(self._calls.address, request.what)
            if arrived == self._sent:
                self._calls.pause(request, answer, tries=tries, patience=self._calls.patience)
            else:
                tries = Tries(self._calls.patience)  # patience is with a chunk that doesn't move
            self._sent = arrived
            if arrived == end and not is_last:
                return answer

    def _send_or_ask(self, request: Request, question: Request, tries: Tries) -> Answer:
        """Send bytes once; when their answer is lost, ask how far the upload came."""
        answer = self._calls.send(request, tries)
        if not answer.is_transient:
            return self._calls.check(request, answer)
        self._calls.pause(request, answer, tries=tries, patience=self._calls.patience)
        return self._calls.call(question)

    def _request(self, rest: bytes, *, end: int, is_last: bool) -> Request:
        span = f"{self._sent}-{end - 1}" if rest else "*"
        return Request(
            f"write {self._name!r}", "PUT", self._url or "", body=rest, accepted=(INCOMPLETE, REFUSED, *GONE),
            headers={"Content-Range": f"bytes {span}/{end if is_last else '*'}"},
        )  # fmt: skip


def _arrived(answer: Answer) -> int:
    """Return how many bytes Cloud Storage has; an answer without a range means none."""
    found = re.fullmatch(r"(?:bytes=)?0-(\d+)", answer.headers.get("Range", ""))
    return int(found.group(1)) + 1 if found else 0
