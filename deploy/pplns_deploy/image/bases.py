"""The base image: its digest, the platform that is asked for, and its layers, which are fetched only when needed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pplns.errors import ConfigError, RegistryError
from pplns_deploy.image.cache import Cache, key_of
from pplns_deploy.image.documents import OCI_TYPE_OF
from pplns_deploy.image.images import Base, TransferBegan, TransferEnded, TransferMoved, Watcher
from pplns_deploy.image.layers import Layer
from pplns_deploy.image.references import Reference
from pplns_deploy.image.registry.calls import Registry
from pplns_deploy.image.registry.downloads import Manifest, fetch_blob, fetch_manifest, unread

_ANOTHER = "Or build on an image of another registry: `base` in [tool.pplns.image], or --base of `pplns package`."


def find_base(registry: Registry, asked: Reference, *, platform: str, cache: Cache) -> Base:
    """Return the base image that a name stands for now, for a platform.

    Raises: ConfigError where there is none; RegistryError."""
    try:
        return _find(registry, asked, platform, cache)
    except RegistryError as error:
        raise RegistryError(error.met, error.expected, f"{error.remedy} {_ANOTHER}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # a part of a document that isn't there
        raise unread(registry.host, f"the image {asked}") from error


def _find(registry: Registry, asked: Reference, platform: str, cache: Cache) -> Base:
    found = _known_or_fetched(registry, asked, cache)
    manifest = found
    if "manifests" in found.document:
        chosen = _choose(found.document["manifests"], platform, asked)
        manifest = _known_or_fetched(registry, asked.at(chosen), cache)
    config = _config(registry, asked, manifest, cache)
    if f"{config.get('os')}/{config.get('architecture')}" != platform:
        raise _no_platform(asked, platform, [f"{config.get('os')}/{config.get('architecture')}"])
    return Base(asked, asked.at(found.digest), _layers(manifest.document["layers"], config), config)


def fetch_layer(registry: Registry, base: Base, layer: Layer, *, cache: Cache, watch: Watcher) -> Path:
    """Return the file of a layer of the base.

    Raises: RegistryError."""
    if found := cache.find(layer.digest, size_bytes=layer.size_bytes):
        return found
    watch(TransferBegan(layer.name, layer.digest, layer.size_bytes, "pull"))
    file = fetch_blob(
        registry, base.reference.repository, layer.digest, size_bytes=layer.size_bytes, cache=cache,
        progress=lambda moved: watch(TransferMoved(layer.digest, moved)),
    )  # fmt: skip
    watch(TransferEnded(layer.name, layer.digest, layer.size_bytes, "pulled"))
    return file


def python_of(base: Base) -> str | None:
    """Return the minor version of the base's Python, where its environment says so, as the official images do."""
    config: dict[str, Any] = base.config.get("config") or {}
    environ: Sequence[str] = config.get("Env") or ()
    pairs = (pair.partition("=") for pair in environ)
    version = next((value for name, _, value in pairs if name == "PYTHON_VERSION"), None)
    return ".".join(version.split(".")[:2]) if version else None


def _known_or_fetched(registry: Registry, reference: Reference, cache: Cache) -> Manifest:
    """Return a manifest; one that is asked for by digest is asked for once."""
    key = key_of("manifest", reference.name, reference.digest or "")
    if reference.digest and (noted := cache.noted(key)):
        return Manifest(**noted)
    manifest = fetch_manifest(registry, reference)
    if manifest is None:
        raise ConfigError(
            f"There is no image {str(reference)!r}.",
            "The base of the image is one that its registry has.",
            "Correct base in [tool.pplns.image], or --base.",
        )
    parts = {"digest": manifest.digest, "media_type": manifest.media_type, "document": manifest.document}
    cache.note(key_of("manifest", reference.name, manifest.digest), parts)
    return manifest


def _choose(manifests: Sequence[Mapping[str, Any]], platform: str, asked: Reference) -> str:
    offered = {
        f"{one['platform']['os']}/{one['platform']['architecture']}": one for one in manifests if "platform" in one
    }
    if platform not in offered:
        raise _no_platform(asked, platform, sorted(offered))
    return str(offered[platform]["digest"])


def _config(registry: Registry, asked: Reference, manifest: Manifest, cache: Cache) -> dict[str, Any]:
    described: dict[str, Any] = manifest.document.get("config") or {}
    if "layers" not in manifest.document or "digest" not in described:
        raise ConfigError(
            f"{str(asked)!r} is a {manifest.media_type}, which is no image of this kind.",
            "The base is an OCI image, or one of docker's manifest version 2.",
            "Name another base in [tool.pplns.image], or --base.",
        )
    size_bytes = described["size"]
    file = fetch_blob(
        registry, asked.repository, described["digest"], size_bytes=size_bytes, cache=cache, progress=lambda _: None
    )
    config: dict[str, Any] = json.loads(file.read_bytes())
    return config


def _layers(described: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> tuple[Layer, ...]:
    diff_ids: Sequence[str] = config["rootfs"]["diff_ids"]
    types = [str(one["mediaType"]) for one in described]
    return tuple(
        Layer("base", one["digest"], one["size"], diff_id, OCI_TYPE_OF.get(media_type, media_type))
        for one, diff_id, media_type in zip(described, diff_ids, types, strict=True)
    )


def _no_platform(asked: Reference, platform: str, offered: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"{str(asked)!r} isn't there for {platform}.",
        f"It is there for {', '.join(offered) or 'none'}.",
        "Name another base in [tool.pplns.image], or another --platform.",
    )
