"""Building an image: layers, then the documents that name them. Nothing here reaches a registry.

The layer of wheels comes out of the lock, that of pplns out of the installation, that of the project out of its files;
one whose inputs are those of an earlier build is taken from the cache."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pplns.errors import ConfigError
from pplns.settings import Settings, read_project_file
from pplns_deploy.image.bases import python_of
from pplns_deploy.image.cache import Cache, digest_of, key_of
from pplns_deploy.image.contents.bytecode import compile_entries, find_interpreter, version_of
from pplns_deploy.image.contents.entries import Entry
from pplns_deploy.image.contents.project import ProjectFiles, project_files
from pplns_deploy.image.contents.runtime import runtime_entries
from pplns_deploy.image.contents.wheels import Package, install_wheels, packages_in, wheel_entries
from pplns_deploy.image.documents import (
    attached_document,
    config_document,
    container_environ,
    manifest_document,
)
from pplns_deploy.image.images import Base, Image, Stage, Watcher
from pplns_deploy.image.layers import Layer, digest_of_entries, layer_of
from pplns_deploy.image.provenance import Provenance, read_provenance
from pplns_deploy.image.sbom import sbom_document


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an image is made of. `interpreter` compiles the bytecode; None where this machine has no such Python."""

    settings: Settings
    lock: Path
    platform: str
    python: str
    interpreter: str | None
    source: str | None = None


def recipe_of(settings: Settings, lock: Path, *, platform: str, python: str, source: str | None = None) -> Recipe:
    """Return the recipe of a project's image, with the interpreter for its bytecode found."""
    return Recipe(settings, lock, platform, python, find_interpreter(python), source)


def build_image(recipe: Recipe, base: Base, *, cache: Cache, watch: Watcher) -> Image:
    """Build the image of a project on a base; its layers are in the cache afterwards.

    Raises: ConfigError."""
    provenance = read_provenance(recipe.settings.root, source=recipe.source)
    files = project_files(recipe.settings.root)
    builder = _Builder(recipe, cache, watch)
    wheels, packages = builder.wheels()
    layers = (wheels, builder.pplns(), builder.project(files.entries))
    config = config_document(
        base.config, layers, environ=container_environ(pipelines=pipelines_folder(recipe.settings)),
        labels=provenance.labels() | _base_labels(base), created=provenance.created,
    )  # fmt: skip
    manifest = manifest_document(config, (*base.layers, *layers), annotations=provenance.labels() | _base_labels(base))
    sbom = sbom_document(
        _project_name(recipe.settings.root), packages, base=base.reference.name,
        base_digest=base.reference.pointer, created=provenance.created,
    )  # fmt: skip
    return Image(
        base, layers, config, manifest, sbom, attached_document(sbom, manifest, created=provenance.created),
        recipe.platform, _tag(provenance), _warnings(recipe, base, files),
    )  # fmt: skip


class _Builder:
    """Makes the layers of one recipe."""

    def __init__(self, recipe: Recipe, cache: Cache, watch: Watcher) -> None:
        self._recipe = recipe
        self._cache = cache
        self._watch = watch
        version = version_of(recipe.interpreter) if recipe.interpreter else None
        self._python = (recipe.python, version or "no bytecode")
        self._packages_key = key_of("packages", digest_of(recipe.lock), recipe.platform, recipe.python)

    def wheels(self) -> tuple[Layer, Sequence[Package]]:
        """Return the layer of the locked wheels, and what they are."""
        recipe = self._recipe
        inputs = (digest_of(recipe.lock), recipe.platform, *self._python)
        layer = layer_of("wheels", inputs, self._cache, self._make_wheels)
        noted: list[list[str]] = self._cache.noted(self._packages_key) or []
        return layer, [Package(name, version) for name, version in noted]

    def pplns(self) -> Layer:
        """Return the layer of the installed pplns."""
        return self._of_entries("pplns", runtime_entries(python=self._recipe.python))

    def project(self, entries: Sequence[Entry]) -> Layer:
        """Return the layer of the project's files."""
        return self._of_entries("project", entries)

    def _make_wheels(self, scratch: Path) -> Iterable[Entry]:
        recipe, target = self._recipe, scratch / "wheels"
        self._watch(Stage(f"Fetching the locked wheels for {recipe.platform}, Python {recipe.python}"))
        install_wheels(
            recipe.lock, root=recipe.settings.root, target=target, platform=recipe.platform, python=recipe.python
        )
        packages = packages_in(target)
        self._cache.note(self._packages_key, [[one.name, one.version] for one in packages])
        self._watch(Stage(f"Compiling {len(packages)} packages"))
        return self._compiled(wheel_entries(target, python=recipe.python), scratch)

    def _of_entries(self, name: str, entries: Sequence[Entry]) -> Layer:
        digest = digest_of_entries(entries)
        return layer_of(
            name, (digest, *self._python), self._cache, lambda scratch: self._compiled(entries, scratch),
            is_same=lambda: digest_of_entries(entries) == digest,
        )  # fmt: skip

    def _compiled(self, entries: Sequence[Entry], scratch: Path) -> list[Entry]:
        interpreter, python = self._recipe.interpreter, self._recipe.python
        if interpreter is None:
            return list(entries)
        return [*entries, *compile_entries(entries, interpreter=interpreter, python=python, scratch=scratch)]


def pipelines_folder(settings: Settings) -> str:
    """Return the folder of the pipelines in the project, or the `module:name` that stands for one.

    Raises: ConfigError where it is out of the project."""
    if settings.pipelines_module:
        return settings.pipelines_module
    if not settings.pipelines.is_relative_to(settings.root):
        raise ConfigError(
            f"The pipelines are in {str(settings.pipelines)!r}, out of the project {str(settings.root)!r}.",
            "The image holds the project's folder.",
            "Move the pipelines into it, or run pplns in the folder above both.",
        )
    return settings.pipelines.relative_to(settings.root).as_posix()


def _base_labels(base: Base) -> dict[str, str]:
    prefix = "org.opencontainers.image.base"
    return {f"{prefix}.name": str(base.asked), f"{prefix}.digest": base.reference.pointer}


def _project_name(root: Path) -> str:
    project: object = read_project_file(root).get("project")
    name = cast("dict[str, Any]", project).get("name") if isinstance(project, dict) else None
    return name if isinstance(name, str) else "project"


def _tag(provenance: Provenance) -> str:
    commit, dash, dirty = (provenance.revision or "").partition("-")
    return f"{commit[:12]}{dash}{dirty}" if commit else "latest"


def _warnings(recipe: Recipe, base: Base, files: ProjectFiles) -> tuple[str, ...]:
    warnings = [f"{path!r} holds a key and stays out of the image." for path in files.keys]
    if recipe.interpreter is None:
        warnings.append(
            f"There is no Python {recipe.python} on this machine, so the image has no bytecode: each start compiles"
            " what it imports, 2 to 3 s more. Install that Python, or package with another one by --python."
        )
    if (found := python_of(base)) not in (None, recipe.python):
        warnings.append(
            f"The base {base.asked} has Python {found}, the layers are for {recipe.python}: nothing would be found."
            " Make base and python in [tool.pplns.image] agree."
        )
    return tuple(warnings)
