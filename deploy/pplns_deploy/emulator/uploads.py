"""What an upload to Cloud Storage carries: bytes alone, metadata alone, or both in one body.

Source: https://cloud.google.com/storage/docs/uploads-downloads"""

import json
import re

from pplns_deploy.emulator.refusals import invalid


def parse_upload(kind: str, content_type: str, data: bytes) -> tuple[object, bytes]:
    """Return the metadata and the bytes of an upload."""
    if kind == "media":
        return {"contentType": content_type} if content_type else {}, data
    if kind == "resumable":
        return _metadata(data), b""
    if kind == "multipart":
        return _parts(content_type, data)
    raise invalid(f"uploadType {kind!r} is none of media, multipart and resumable.")


def _parts(content_type: str, data: bytes) -> tuple[object, bytes]:
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if found is None:
        raise invalid("A multipart upload needs a boundary in its Content-Type.")
    pieces = data.split(b"--" + found[1].encode())
    if len(pieces) != 4:
        raise invalid("A multipart upload has two parts: metadata and bytes.")
    (_, metadata), (headers, media) = (_split(piece) for piece in pieces[1:3])
    given = _metadata(metadata)
    kind = re.search(rb"(?i)^content-type:\s*([^\r\n]+)", headers, re.MULTILINE)
    if isinstance(given, dict) and "contentType" not in given and kind:
        given["contentType"] = kind[1].decode().strip()
    return given, media  # pyright: ignore[reportUnknownVariableType]


def _metadata(data: bytes) -> object:
    try:
        return json.loads(data or b"{}")
    except ValueError as error:
        raise invalid(f"Invalid JSON payload received. {error}") from None


def _split(piece: bytes) -> tuple[bytes, bytes]:
    """Return the headers and the content of a part, whose line breaks are CRLF or LF."""
    headers, found, content = piece.partition(b"\r\n\r\n")
    if found:
        return headers, content.removesuffix(b"\r\n")
    headers, _, content = piece.partition(b"\n\n")
    return headers, content.removesuffix(b"\n")
