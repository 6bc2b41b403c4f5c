"""The documents of an image fit the specifications, and have what a container of ours needs."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pplns_deploy.image.archive import write_archive
from pplns_deploy.image.bases import python_of
from pplns_deploy.image.images import Base

SPECIFICATION = "github.com/opencontainers/image-spec@v1.1.1"


@pytest.fixture(scope="session")
def schemas() -> Path:
    """The folder of the JSON schemas of the OCI image specification, which its Go module carries."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go here, whose module of the OCI image specification has the schemas")
    done = subprocess.run(
        [go, "mod", "download", "-json", SPECIFICATION], capture_output=True, text=True, cwd="/", check=False
    )
    if done.returncode:
        pytest.skip(f"the OCI image specification can't be had: {done.stderr.strip()}")
    return Path(json.loads(done.stdout)["Dir"]) / "schema"


def check(document: dict[str, Any], schema: str, folder: Path) -> None:
    """Check a document as a schema has it."""
    jsonschema = pytest.importorskip("jsonschema")
    from referencing import Registry
    from referencing.jsonschema import DRAFT4

    known = {file.name: without_ids(json.loads(file.read_text("utf-8"))) for file in folder.glob("*.json")}
    registry = Registry().with_resources((name, DRAFT4.create_resource(one)) for name, one in known.items())
    jsonschema.Draft4Validator({"$ref": schema}, registry=registry).validate(document)


def without_ids(schema: Any) -> Any:
    """Return a schema whose references lead to the files beside it, as they are meant."""
    if isinstance(schema, dict):
        return {key: without_ids(one) for key, one in schema.items() if key != "id" or not isinstance(one, str)}
    return [without_ids(one) for one in schema] if isinstance(schema, list) else schema


def test_the_specifications_schemas_accept_each_document(image, schemas: Path):
    """The image's manifest, its configuration, and the manifest that is attached to it."""
    check(json.loads(image.manifest.data), "image-manifest-schema.json", schemas)
    check(json.loads(image.attached.data), "image-manifest-schema.json", schemas)
    check(json.loads(image.config.data), "config-schema.json", schemas)


def test_the_schemas_refuse_what_is_wrong(image, schemas: Path):
    """They were really looked at."""
    jsonschema = pytest.importorskip("jsonschema")
    broken = {**json.loads(image.manifest.data), "config": {"digest": "no"}}

    with pytest.raises(jsonschema.ValidationError):
        check(broken, "image-manifest-schema.json", schemas)


def test_the_container_starts_the_server_as_nobody(image):
    """Not as root, on port 8080, with the project's pipelines."""
    config = json.loads(image.config.data)["config"]

    assert config["Cmd"] == ["python", "-m", "pplns.server"]
    assert config["User"] == "65532:65532"
    assert {"PORT=8080", "PPLNS_PIPELINES=/app/pipelines", "PATH=/usr/bin"} <= set(config["Env"])
    assert "PORT=1" not in config["Env"]
    assert "Entrypoint" not in config


def test_the_configuration_counts_all_layers(image):
    """Those of the base first."""
    config = json.loads(image.config.data)

    assert len(config["rootfs"]["diff_ids"]) == len(json.loads(image.manifest.data)["layers"]) == 4
    assert len(config["history"]) == 4


def test_the_bill_of_materials_is_cyclonedx(image):
    """It has the wheels, pplns and the base, and says the same each time."""
    bill = json.loads(image.sbom.data)

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert [one["name"] for one in bill["components"]] == ["127.0.0.1:1/base", "tiny", "pplns"]
    assert bill["components"][1]["purl"] == "pkg:pypi/tiny@1.0"


def test_cyclonedx_accepts_the_bill_of_materials(image):
    """By its own library's schema."""
    pytest.importorskip("cyclonedx")
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(image.sbom.data.decode()) is None


@pytest.mark.needs_skopeo
def test_skopeo_takes_the_archive(image, cache, tmp_path: Path):
    """The file that --output writes."""
    if shutil.which("skopeo") is None:
        pytest.skip("no skopeo here: apt-get install skopeo")
    file = tmp_path / "image.tar"

    bill = write_archive(image, file, cache=cache, fetch_base=lambda layer: cache.path(layer.digest))

    shown = subprocess.run(["skopeo", "inspect", f"oci-archive:{file}"], capture_output=True, check=True)
    assert json.loads(shown.stdout)["Digest"] == image.digest
    assert json.loads(bill.read_text("utf-8"))["bomFormat"] == "CycloneDX"


def test_an_archive_that_fails_leaves_nothing(image, cache, tmp_path: Path):
    """No file that looks like an image."""
    file = tmp_path / "out" / "image.tar"
    file.parent.mkdir()
    cache.path(image.layers[0].digest).unlink()

    with pytest.raises(FileNotFoundError):
        write_archive(image, file, cache=cache, fetch_base=lambda layer: cache.path(layer.digest))

    assert not list(file.parent.iterdir())


def test_the_bases_python_is_read_from_its_environment(base: Base):
    """The official images say it."""
    from dataclasses import replace

    of_python = replace(base, config={**base.config, "config": {"Env": ["PYTHON_VERSION=3.12.1"]}})

    assert (python_of(base), python_of(of_python)) == (None, "3.12")
