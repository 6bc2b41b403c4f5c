"""Pushing an image: blobs side by side, then the manifest under its digest, then what is attached to it, tags last.

So a tag never names an image of which something is missing, and a push that was cut off anywhere can be repeated: it
finds what is there and sends the rest."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from pplns_deploy.image.cache import Cache, digest_of_bytes, key_of
from pplns_deploy.image.documents import EMPTY, Document, index_document
from pplns_deploy.image.images import Image, TransferBegan, TransferEnded, TransferMoved, Watcher
from pplns_deploy.image.layers import Layer
from pplns_deploy.image.references import Reference
from pplns_deploy.image.registry.calls import Call, Registry
from pplns_deploy.image.registry.downloads import fetch_manifest
from pplns_deploy.image.registry.uploads import CHUNK_BYTES, Uploads

SIDE_BY_SIDE = 4
_MOST_SOURCES = 3
_PLACES = "places"


@dataclass(frozen=True, slots=True)
class Pushed:
    """An image in a registry. `sent_bytes` counts blobs and documents that had to be sent."""

    reference: Reference
    tags: tuple[str, ...]
    sent_bytes: int


@dataclass(frozen=True, slots=True)
class _Blob:
    """A blob to put up: `file` finds or fetches it, and is only called where the registry lacks it."""

    name: str
    digest: str
    size_bytes: int
    file: Callable[[], Path]
    sources: tuple[str, ...] = ()


class Pushing:
    """One push of one image to one repository."""

    def __init__(
        self, registry: Registry, target: Reference, *, cache: Cache, watch: Watcher, chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self._registry = registry
        self._target = target
        self._uploads = Uploads(registry, target.repository, chunk_bytes)
        self._cache = cache
        self._watch = watch

    def push(self, image: Image, *, tags: Sequence[str], fetch_base: Callable[[Layer], Path]) -> Pushed:
        """Push an image; `fetch_base` is called for a layer of the base that can't be mounted.

        Raises: RegistryError."""
        blobs = {blob.digest: blob for blob in self._blobs(image, fetch_base)}
        sent = self._put_all(list(blobs.values()))
        for document in (image.manifest, image.attached):
            sent += self._put_manifest(document, document.digest, subject=image.digest)
        for tag in tags:
            self._put_manifest(image.manifest, tag, subject=image.digest)
        return Pushed(self._target.at(image.digest), tuple(tags), sent)

    def _blobs(self, image: Image, fetch_base: Callable[[Layer], Path]) -> list[_Blob]:
        base, target = image.base.reference, self._target
        mounted = (base.repository,) if base.registry == target.registry else ()
        of_base = [
            _Blob(one.name, one.digest, one.size_bytes, partial(fetch_base, one), mounted) for one in image.base.layers
        ]
        added = [
            _Blob(one.name, one.digest, one.size_bytes, partial(self._cache.path, one.digest)) for one in image.layers
        ]
        documents = [("config", image.config), ("sbom", image.sbom), ("sbom", EMPTY)]
        return [*of_base, *added, *(self._document_blob(name, document) for name, document in documents)]

    def _document_blob(self, name: str, document: Document) -> _Blob:
        def write() -> Path:
            with self._cache.writing() as (file, keep):
                file.write(document.data)
                return keep(document.digest)

        return _Blob(name, document.digest, len(document.data), write)

    def _put_all(self, blobs: Sequence[_Blob]) -> int:
        """Put up all blobs, a few at a time; the first failure ends it when those under way are done."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            waiting = [pool.submit(self._put, blob) for blob in blobs]
            try:
                return sum(one.result() for one in waiting)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _put(self, blob: _Blob) -> int:
        """Put up a blob and return how many bytes were sent."""
        how = "present" if self._uploads.has(blob.digest) else "sent"
        if how == "sent" and self._uploads.mount(blob.digest, self._sources(blob)):
            how = "mounted"
        if how == "sent":
            file = blob.file()
            self._watch(TransferBegan(blob.name, blob.digest, blob.size_bytes, "push"))
            self._uploads.send(blob.digest, file, lambda moved: self._watch(TransferMoved(blob.digest, moved)))
        self._watch(TransferEnded(blob.name, blob.digest, blob.size_bytes, how))
        self._remember(blob)
        return blob.size_bytes if how == "sent" else 0

    def _sources(self, blob: _Blob) -> list[str]:
        """Return the repositories of this registry that may have a blob."""
        known: list[str] = self._cache.noted(key_of(_PLACES, self._registry.host, blob.digest)) or []
        found = [one for one in (*blob.sources, *known) if one != self._target.repository]
        return list(dict.fromkeys(found))[:_MOST_SOURCES]

    def _remember(self, blob: _Blob) -> None:
        key = key_of(_PLACES, self._registry.host, blob.digest)
        known: list[str] = self._cache.noted(key) or []
        if known[:1] != [self._target.repository]:
            self._cache.note(key, [self._target.repository, *known][:_MOST_SOURCES])

    def _put_manifest(self, document: Document, pointer: str, *, subject: str) -> int:
        """Put up a manifest under its digest or a tag, with the index of referrers where the registry keeps none."""
        call = Call(
            f"take the manifest {pointer}", "PUT", f"/v2/{self._target.repository}/manifests/{pointer}",
            self._uploads.scopes, headers={"Content-Type": document.media_type}, body=document.data,
        )  # fmt: skip
        answer = self._registry.call(call)
        if b'"subject"' in document.data and "OCI-Subject" not in answer.headers:
            self._refer(document, subject)
        return len(document.data)

    def _refer(self, document: Document, subject: str) -> None:
        """Add a manifest to the tag that lists an image's referrers, as the specification's fallback has it."""
        tag = subject.replace(":", "-")
        found = fetch_manifest(self._registry, replace(self._target, tag=tag, digest=None))
        listed: list[dict[str, Any]] = found.document.get("manifests", []) if found else []
        if any(one.get("digest") == digest_of_bytes(document.data) for one in listed):
            return
        artifact = {"artifactType": "application/vnd.cyclonedx+json"}
        self._put_manifest(index_document([*listed, {**document.descriptor(), **artifact}]), tag, subject=subject)
