"""What a layer of an image holds."""

import tarfile
from pathlib import Path

from pplns_deploy.image.cache import Cache
from pplns_deploy.image.images import Image


def members(image: Image, cache: Cache, name: str) -> dict[str, tarfile.TarInfo]:
    """Return the members of a layer by path."""
    with tarfile.open(layer_file(image, cache, name)) as archive:
        return {one.name: one for one in archive.getmembers()}


def content(image: Image, cache: Cache, name: str, path: str) -> bytes:
    """Return the bytes of a file in a layer."""
    with tarfile.open(layer_file(image, cache, name)) as archive:
        found = archive.extractfile(path)
        assert found is not None
        return found.read()


def layer_file(image: Image, cache: Cache, name: str) -> Path:
    """Return the file of a layer."""
    return cache.path(next(one for one in image.layers if one.name == name).digest)
