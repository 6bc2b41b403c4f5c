"""An image as one file: the OCI image layout in a tar archive, as skopeo, podman and docker load it.

The bill of materials is written beside it: an archive with a second manifest is refused by tools that look for one."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

from pplns_deploy.image.cache import Cache
from pplns_deploy.image.documents import canonical, index_document
from pplns_deploy.image.images import Image
from pplns_deploy.image.layers import Layer

SBOM_ENDING = ".cdx.json"
_REFERENCE_NAME = "org.opencontainers.image.ref.name"


def write_archive(image: Image, output: Path, *, cache: Cache, fetch_base: Callable[[Layer], Path]) -> Path:
    """Write an image to a file, which stands there only once it is whole; return where its bill of materials is.

    Raises: OSError, RegistryError."""
    os_name, _, architecture = image.platform.partition("/")
    described = image.manifest.descriptor() | {
        "annotations": {_REFERENCE_NAME: image.tag}, "platform": {"os": os_name, "architecture": architecture},
    }  # fmt: skip
    files = {one.digest: fetch_base(one) for one in image.base.layers}
    files |= {one.digest: cache.path(one.digest) for one in image.layers}
    part = output.with_name(f".{output.name}.part")
    try:
        with tarfile.open(part, mode="w", format=tarfile.PAX_FORMAT) as archive:
            _add(archive, "oci-layout", canonical({"imageLayoutVersion": "1.0.0"}))
            _add(archive, "index.json", index_document([described]).data)
            for document in (image.config, image.manifest):
                _add(archive, _blob_name(document.digest), document.data)
            for digest in sorted(files):
                _add(archive, _blob_name(digest), files[digest])
        part.replace(output)
    finally:
        part.unlink(missing_ok=True)
    bill = output.with_name(output.name + SBOM_ENDING)
    bill.write_text(json.dumps(json.loads(image.sbom.data), indent=2) + "\n", encoding="utf-8", newline="")
    return bill


def _blob_name(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _add(archive: tarfile.TarFile, name: str, content: bytes | Path) -> None:
    member = tarfile.TarInfo(name)
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        member.size = file.seek(0, io.SEEK_END)
        file.seek(0)
        archive.addfile(member, file)
