"""From a registry: manifests, and blobs straight into the cache, each compared with its digest."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from pplns.errors import RegistryError
from pplns.stores.gcs.patience import Tries
from pplns_deploy.image.cache import READ_BYTES, Cache, digest_of_bytes
from pplns_deploy.image.references import Reference
from pplns_deploy.image.registry.calls import TRANSIENT, BrokenConnection, Call, Registry

MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json",
)  # fmt: skip

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index as a registry gave it."""

    digest: str
    media_type: str
    document: dict[str, Any]


def pull_scope(repository: str) -> tuple[str]:
    """Return the scope for reading a repository."""
    return (f"repository:{repository}:pull",)


def fetch_manifest(registry: Registry, reference: Reference) -> Manifest | None:
    """Return the manifest of an image, or None where the registry has none.

    Raises: RegistryError, also for one whose bytes don't fit the digest that was asked for."""
    call = Call(
        f"give the manifest of {reference}", "GET", f"/v2/{reference.repository}/manifests/{reference.pointer}",
        pull_scope(reference.repository), headers={"Accept": ", ".join(MANIFEST_TYPES)}, accepted=(404,),
    )  # fmt: skip
    answer = registry.call(call)
    if answer.status_code == 404:
        return None
    digest = digest_of_bytes(answer.content)
    if digest != (reference.digest or digest):
        raise _wrong_bytes(registry.host, f"the manifest of {reference}", digest)
    document = _document(answer.content)
    if document is None:
        raise unread(registry.host, f"the manifest of {reference}")
    media_type = document.get("mediaType") or answer.headers.get("Content-Type", "").partition(";")[0]
    return Manifest(digest, media_type, document)


def fetch_blob(
    registry: Registry, repository: str, digest: str, *, size_bytes: int, cache: Cache, progress: Progress
) -> Path:
    """Return the file of a blob, from the cache or brought there; a download that breaks off is gone on with.

    Raises: RegistryError."""
    if found := cache.find(digest, size_bytes=size_bytes):
        progress(size_bytes)
        return found
    with cache.writing() as (file, keep):
        _download(registry, repository, digest, file, progress)
        got = _digest_of(file)
        if got != digest:
            progress(-file.tell())
            raise _wrong_bytes(registry.host, f"the blob {digest}", got)
        return keep(digest)


def _download(registry: Registry, repository: str, digest: str, file: IO[bytes], progress: Progress) -> None:
    call = Call(f"give the blob {digest}", "GET", f"/v2/{repository}/blobs/{digest}", pull_scope(repository))
    tries = Tries(registry.patience)
    while True:
        start = file.tell()
        try:
            if _download_rest(registry, call, file, progress, tries):
                return
            last = "the registry is busy"
        except BrokenConnection as error:
            last = str(error)
        if file.tell() > start:
            tries = Tries(registry.patience)  # it comes along
        registry.pause(call, tries, last)


def _download_rest(registry: Registry, call: Call, file: IO[bytes], progress: Progress, tries: Tries) -> bool:
    """Read on from where the file ends; False where the registry says to come again."""
    import requests

    start = file.tell()
    ranged = {"Range": f"bytes={start}-"} if start else {}
    headers = {"Accept-Encoding": "identity", **ranged}
    answer = registry.send(Call(call.what, "GET", call.url, call.scopes, headers=headers, is_streamed=True), tries)
    with answer:
        if answer.status_code in TRANSIENT:
            return False
        registry.check(call, answer)
        if start and answer.status_code != 206:  # all of it again
            progress(-start)
            file.seek(0)
            file.truncate()
        try:
            for part in answer.iter_content(READ_BYTES):
                file.write(part)
                progress(len(part))
        except (requests.RequestException, OSError) as error:
            raise BrokenConnection(f"{type(error).__name__}: {error}") from error
    return True


def unread(host: str, what: str) -> RegistryError:
    """Return the error for an answer that isn't what the specification says."""
    return RegistryError(
        f"What {host} gave for {what} isn't one.",
        "A registry answers as the OCI distribution specification has it; a proxy or a sign-in page doesn't.",
        "Correct the registry's name, or ask who runs it.",
    )


def _document(data: bytes) -> dict[str, Any] | None:
    try:
        found: object = json.loads(data)
    except ValueError:
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def _digest_of(file: IO[bytes]) -> str:
    file.flush()
    with Path(file.name).open("rb") as written:
        return f"sha256:{hashlib.file_digest(written, 'sha256').hexdigest()}"


def _wrong_bytes(host: str, what: str, got: str) -> RegistryError:
    return RegistryError(
        f"{host} gave other bytes for {what}: their digest is {got}.",
        "What a registry gives has the digest that it is asked for by.",
        "Try again; if it stays so, the registry or a proxy before it is damaged.",
    )
