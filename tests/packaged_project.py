"""What tests of images share: a small project, its recipe, a base without a system."""

import base64
import hashlib
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from container_registry import LocalRegistry
from kit import settings_of
from pplns_deploy.image.build import Recipe
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.contents.entries import Entry
from pplns_deploy.image.documents import Document, canonical, index_document, manifest_document
from pplns_deploy.image.images import Base
from pplns_deploy.image.layers import write_layer
from pplns_deploy.image.references import parse_reference
from pplns_deploy.image.registry.calls import Call
from pplns_deploy.image.registry.uploads import Uploads

PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
PIPELINE = (
    "from pplns import pipeline, step\n\n@step\ndef one():\n    return 1\n\n@pipeline\ndef sales():\n    return one()\n"
)


def make_project(folder: Path) -> Path:
    """Make a project with one pipeline and some data."""
    (folder / "pipelines" / "data").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "sales"\n\n[tool.pplns]\n')
    (folder / "pipelines" / "sales.py").write_text(PIPELINE)
    (folder / "pipelines" / "data" / "orders.csv").write_bytes(b"id,amount\r\n1,2\r\n")
    return folder


def make_wheel(
    folder: Path, name: str, files: Mapping[str, str], *, tag: str = "py3-none-any", program: str | None = None
) -> str:
    """Make a wheel of version 1.0 in a folder, with the programs that it installs, and return its hash."""
    facts = f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    place = f"{name}-1.0.dist-info"
    whole = {
        **files, f"{place}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", f"{place}/WHEEL": facts,
        **({f"{place}/entry_points.txt": f"[console_scripts]\n{name} = {program}\n"} if program else {}),
    }  # fmt: skip
    records = "".join(f"{path},sha256={_record_hash(text)},{len(text)}\n" for path, text in whole.items())
    wheel = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**whole, f"{place}/RECORD": f"{records}{place}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def _record_hash(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def make_base(cache: Cache, *, architecture: str = "amd64", **more: str) -> Base:
    """Return a base with one file; its layer is in a cache."""
    layer = write_layer("base", [Entry("etc/os-release", f"ID={architecture}\n".encode())], cache)
    config = {
        "architecture": architecture, "os": "linux", **more, "rootfs": {"type": "layers", "diff_ids": [layer.diff_id]},
        "config": {"Env": ["PATH=/usr/bin", "PORT=1"], "Entrypoint": ["/bin/sh"], "Labels": {"from": "base"}},
        "history": [{"created_by": "a test"}],
    }  # fmt: skip
    asked = parse_reference("127.0.0.1:1/base:1")
    return Base(asked, asked.at(f"sha256:{'0' * 64}"), (layer,), config)


def recipe_for(
    project: Path, wheels: Path, *, interpreter: str | None = sys.executable, platform: str = "linux/amd64"
) -> Recipe:
    """Return the recipe of a project with the tests' lock."""
    return Recipe(settings_of(project), wheels / "requirements.lock", platform, PYTHON, interpreter)


def put_base(registry: LocalRegistry, base: Base, cache: Cache, *, repository: str = "base", tag: str = "1") -> str:
    """Put a base into a registry and return its name there."""
    client = registry.client()
    uploads = Uploads(client, repository)
    config = Document("application/vnd.oci.image.config.v1+json", canonical(base.config))
    with cache.writing() as (file, keep):
        file.write(config.data)
        uploads.send(config.digest, keep(config.digest), lambda _: None)
    for layer in base.layers:
        uploads.send(layer.digest, cache.path(layer.digest), lambda _: None)
    put_manifest(registry, repository, tag, manifest_of(base))
    return f"{registry.host}/{repository}:{tag}"


def manifest_of(base: Base) -> Document:
    """Return the manifest of a base."""
    config = Document("application/vnd.oci.image.config.v1+json", canonical(base.config))
    return manifest_document(config, base.layers, annotations={})


def put_index(registry: LocalRegistry, repository: str, tag: str, documents: Mapping[str, Document]) -> Document:
    """Put an index into a registry that names a manifest for each platform."""
    described = [
        one.descriptor() | {"platform": dict(zip(("os", "architecture"), platform.split("/"), strict=True))}
        for platform, one in documents.items()
    ]
    index = index_document(described)
    put_manifest(registry, repository, tag, index)
    return index


def put_manifest(registry: LocalRegistry, repository: str, pointer: str, document: Document) -> None:
    """Put a manifest into a registry."""
    registry.client().call(
        Call(
            "take",
            "PUT",
            f"/v2/{repository}/manifests/{pointer}",
            (f"repository:{repository}:pull,push",),
            headers={"Content-Type": document.media_type},
            body=document.data,
        )
    )
