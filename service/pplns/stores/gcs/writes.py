"""Objects written in one request, against the generation that the writer names.

Each carries a random token of its write as metadata. When a write is refused although an earlier try of the same call
may have landed, the object that stands is read back, and finding our own token means success."""

import json

from pplns.model.ids import new_token
from pplns.stores.gcs.calls import Answer, Calls, Request
from pplns.stores.gcs.patience import Patience

ABSENT = 0  # the generation of an object that doesn't exist
OBJECT_FIELDS = "generation,updated,metadata"


def write_object(
    calls: Calls, name: str, data: bytes, *, expected: int = ABSENT, patience: Patience | None = None
) -> int | None:
    """Write an object whose generation is still `expected`; return its new one, or None when it was another.

    Raises: StoreError."""
    writer = new_token()
    boundary = f"pplns-{writer}{new_token()}"
    request = Request(
        f"write {name!r}", "POST", f"upload/storage/v1/{calls.address.objects_path}",
        query={"uploadType": "multipart", "ifGenerationMatch": str(expected), "fields": "generation"},
        headers={"Content-Type": f"multipart/related; boundary={boundary}"},
        body=_multipart(boundary, describe(calls, name, writer), data), accepted=(412,),
    )  # fmt: skip
    answer = calls.call(request, patience=patience)
    if answer.status == 412:
        return landed(calls, name, writer) if answer.in_doubt else None
    return int(answer.json()["generation"])


def describe(calls: Calls, name: str, writer: str) -> bytes:
    """Return what is said about an object when it is written, as JSON. `no-store`: a public bucket would cache it."""
    kind = "application/json" if name.endswith(".json") else "application/octet-stream"
    about = {
        "name": calls.address.key(name), "contentType": kind, "cacheControl": "no-store",
        "metadata": {"writer": writer},
    }  # fmt: skip
    return json.dumps(about).encode()


def landed(calls: Calls, name: str, writer: str) -> int | None:
    """Return the generation of an object if it is the one that this writer wrote."""
    answer = about_object(calls, name)
    if answer.status == 404:
        return None
    about = answer.json()
    return int(about["generation"]) if about.get("metadata", {}).get("writer") == writer else None


def about_object(calls: Calls, name: str, *, what: str = "read") -> Answer:
    """Ask for an object's generation, time and metadata; 404 where there is none."""
    path = f"storage/v1/{calls.address.object_path(name)}"
    return calls.call(Request(f"{what} {name!r}", "GET", path, query={"fields": OBJECT_FIELDS}, accepted=(404,)))


def _multipart(boundary: str, about: bytes, data: bytes) -> bytes:
    mark = f"--{boundary}".encode()
    return b"\r\n".join(
        (mark, b"Content-Type: application/json; charset=UTF-8", b"", about,
         mark, b"Content-Type: application/octet-stream", b"", data, mark + b"--", b"")
    )  # fmt: skip
