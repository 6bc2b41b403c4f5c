"""The JSON of an image: its configuration, its manifest, and that of what is attached to it.

Pure: the same parts give the same bytes. The forms are those of the OCI image specification 1.1."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pplns_deploy.image.cache import digest_of_bytes
from pplns_deploy.image.contents.places import APP, LIBRARIES, USER_ID
from pplns_deploy.image.layers import LAYER_TYPE, Layer

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
OCI_TYPE_OF = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_TYPE,
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}
USER = f"{USER_ID}:{USER_ID}"
PORT = "8080"
COMMAND = ("python", "-m", "pplns.server")


@dataclass(frozen=True, slots=True)
class Document:
    """The bytes of a document that is stored under its digest."""

    media_type: str
    data: bytes
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def digest(self) -> str:
        """The digest of the bytes."""
        return digest_of_bytes(self.data)

    def descriptor(self) -> dict[str, Any]:
        """Return how another document names this one."""
        notes = {"annotations": dict(self.annotations)} if self.annotations else {}
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data), **notes}


def canonical(document: Any) -> bytes:
    """Return the one way that pplns writes a JSON document."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def config_document(
    base: Mapping[str, Any],
    added: Sequence[Layer],
    *,
    environ: Mapping[str, str],
    labels: Mapping[str, str],
    created: str,
) -> Document:
    """Return the configuration of an image on a base; `base` is the base's own."""
    settings: dict[str, Any] = dict(base.get("config") or {})
    for inherited in ("Entrypoint", "Healthcheck", "OnBuild", "ArgsEscaped", "Image"):
        settings.pop(inherited, None)
    settings |= {
        "Cmd": list(COMMAND), "User": USER, "WorkingDir": f"/{APP}", "ExposedPorts": {f"{PORT}/tcp": {}},
        "Env": _merged(settings.get("Env") or (), environ),
        "Labels": {**(settings.get("Labels") or {}), **labels},
    }  # fmt: skip
    config: dict[str, Any] = {
        **{name: base[name] for name in ("architecture", "os", "variant", "os.version") if base.get(name)},
        "created": created,
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [*base["rootfs"]["diff_ids"], *(layer.diff_id for layer in added)]},
        "history": [
            *(base.get("history") or []),
            *({"created": created, "created_by": f"pplns package: {layer.name}"} for layer in added),
        ],
    }
    return Document(CONFIG_TYPE, canonical(config))


def container_environ(*, pipelines: str) -> dict[str, str]:
    """Return the environment of the container; `pipelines` is the folder in the project, or `module:name`."""
    return {
        "PORT": PORT,
        "PPLNS_PIPELINES": pipelines if ":" in pipelines else f"/{APP}/{pipelines}".removesuffix("/."),
        "PYTHONUSERBASE": f"/{LIBRARIES}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "HOME": "/tmp",  # may be written also where the root is read-only
    }


def manifest_document(config: Document, layers: Sequence[Layer], *, annotations: Mapping[str, str]) -> Document:
    """Return the manifest of an image."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": config.descriptor(),
        "layers": [{"mediaType": one.media_type, "digest": one.digest, "size": one.size_bytes} for one in layers],
        "annotations": dict(annotations),
    }
    return Document(MANIFEST_TYPE, canonical(manifest))


EMPTY = Document(EMPTY_TYPE, b"{}")


def attached_document(content: Document, subject: Document, *, created: str) -> Document:
    """Return the manifest that attaches a document to an image."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": content.media_type,
        "config": {**EMPTY.descriptor(), "data": b64encode(EMPTY.data).decode()},
        "layers": [content.descriptor()],
        "subject": subject.descriptor(),
        "annotations": {"org.opencontainers.image.created": created},
    }
    return Document(MANIFEST_TYPE, canonical(manifest))


def index_document(descriptors: Sequence[Mapping[str, Any]]) -> Document:
    """Return an index of manifests."""
    return Document(
        INDEX_TYPE, canonical({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": list(descriptors)})
    )


def _merged(inherited: Sequence[str], added: Mapping[str, str]) -> list[str]:
    kept = [pair for pair in inherited if pair.partition("=")[0] not in added]
    return [*kept, *(f"{name}={value}" for name, value in added.items())]
