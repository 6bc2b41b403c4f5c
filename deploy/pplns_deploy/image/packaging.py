"""`pplns package`, as one function: base, build, and where the image goes.

`Packaging` holds what the stages share; the command line only reads options and writes what came out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pplns_deploy.image.archive import write_archive
from pplns_deploy.image.bases import fetch_layer, find_base
from pplns_deploy.image.build import Recipe, build_image
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.images import Base, Image, Stage, Watcher
from pplns_deploy.image.layers import Layer
from pplns_deploy.image.references import Reference
from pplns_deploy.image.registry.calls import Registry
from pplns_deploy.image.registry.pushing import Pushed, Pushing


@dataclass(frozen=True, slots=True)
class Packaging:
    """The machine's side of packaging: its cache, its environment with the credentials, and who watches."""

    cache: Cache
    environ: Mapping[str, str]
    watch: Watcher

    def find_base(self, asked: Reference, *, platform: str) -> Base:
        """Return the base image that a name stands for now.

        Raises: ConfigError, RegistryError."""
        self.watch(Stage(f"Looking up the base {asked}"))
        return find_base(self._registry(asked), asked, platform=platform, cache=self.cache)

    def build(self, recipe: Recipe, base: Base) -> Image:
        """Build an image into the cache.

        Raises: ConfigError."""
        self.watch(Stage("Building the layers"))
        return build_image(recipe, base, cache=self.cache, watch=self.watch)

    def push(self, image: Image, target: Reference) -> Pushed:
        """Push an image to a repository, under the target's tag or that of its commit.

        Raises: RegistryError."""
        self.watch(Stage(f"Pushing to {target.name}"))
        pushing = Pushing(self._registry(target), target, cache=self.cache, watch=self.watch)
        return pushing.push(image, tags=(target.tag or image.tag,), fetch_base=self._fetching(image))

    def save(self, image: Image, output: Path) -> Path:
        """Write an image to a file, and return where its bill of materials is.

        Raises: OSError, RegistryError."""
        self.watch(Stage(f"Writing {output}"))
        return write_archive(image, output, cache=self.cache, fetch_base=self._fetching(image))

    def _fetching(self, image: Image) -> "_BaseLayers":
        return _BaseLayers(self._registry(image.base.reference), image.base, self)

    def _registry(self, reference: Reference) -> Registry:
        return Registry(reference, environ=self.environ)


@dataclass(frozen=True, slots=True)
class _BaseLayers:
    """Fetches layers of the base when they are asked for."""

    registry: Registry
    base: Base
    packaging: Packaging

    def __call__(self, layer: Layer) -> Path:
        return fetch_layer(self.registry, self.base, layer, cache=self.packaging.cache, watch=self.packaging.watch)
