"""An image while it is built, stored and pushed; and the events that a watcher is told meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pplns_deploy.image.documents import Document
from pplns_deploy.image.layers import Layer
from pplns_deploy.image.references import Reference


@dataclass(frozen=True, slots=True)
class Base:
    """The base image for one platform. `asked` is its name as the settings have it, `reference` the same by digest:
    of the index where the name is one's."""

    asked: Reference
    reference: Reference
    layers: tuple[Layer, ...]
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Image:
    """All parts of an image. `layers` are those on top of the base, which the cache has; `attached` is the manifest
    that attaches `sbom` to the image; `warnings` is what the one who packages should know."""

    base: Base
    layers: tuple[Layer, ...]
    config: Document
    manifest: Document
    sbom: Document
    attached: Document
    platform: str
    tag: str
    warnings: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The digest that the image is deployed by."""
        return self.manifest.digest


@dataclass(frozen=True, slots=True)
class Stage:
    """Something longer begins."""

    text: str


@dataclass(frozen=True, slots=True)
class TransferBegan:
    """A blob is on its way, `direction` "pull" or "push"."""

    name: str
    digest: str
    size_bytes: int
    direction: str


@dataclass(frozen=True, slots=True)
class TransferMoved:
    """So many bytes of it went by; fewer than 0 where they have to go again."""

    digest: str
    moved_bytes: int


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """It is there: "sent", "pulled", or "mounted" or "present" without a byte."""

    name: str
    digest: str
    size_bytes: int
    how: str


ImageEvent = Stage | TransferBegan | TransferMoved | TransferEnded
Watcher = Callable[[ImageEvent], None]


def ignore(_: ImageEvent) -> None:
    """Watch nothing."""
