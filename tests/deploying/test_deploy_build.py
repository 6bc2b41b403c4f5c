"""From the code to the traffic in one go: an image is built and pushed to a registry here, and Terraform deploys it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from container_registry import LocalRegistry, registry_in
from deploy_site import CONFIGURATION, Site
from packaged_project import make_base, put_base
from pplns_deploy.image.cache import Cache

pytestmark = [pytest.mark.needs_terraform, pytest.mark.needs_registry, pytest.mark.slow]


def built_here(site: Site, registry: LocalRegistry, folder: Path) -> Site:
    """Return the site with images of its own code, in a registry."""
    cache = Cache(folder / "elsewhere")
    image = {"base": put_base(registry, make_base(cache), cache), "repository": f"{registry.host}/sales"}
    lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in image.items())
    (site.folder / "pyproject.toml").write_text(f"{CONFIGURATION}[tool.pplns.image]\n{lines}")
    return replace(site, environ=site.environ | dict(registry.environ))


def test_code_is_built_pushed_deployed_and_verified(site: Site, tmp_path: Path):
    """A change of code is another image, the same code the same one, and only image, revision and traffic change."""
    with registry_in(tmp_path) as registry:
        site = built_here(site, registry, tmp_path)
        pipeline = site.folder / "pipelines" / "sales.py"

        first = site.run("deploy", "sales", "--yes")
        pipeline.write_text(pipeline.read_text().replace("return 1", "return 2"))
        changed = site.run("deploy", "sales", "--yes")
        again = site.run("deploy", "sales", "--yes")

    images = [_image_of(one) for one in (first, changed, again)]
    assert images[0] != images[1] == images[2] == site.image()
    assert [one["fields"] for one in changed["changes"]] == [["image", "revision", "traffic"]]
    assert not again["changes"]
    for image in images:
        name, _, digest = image.partition("@sha256:")
        assert name == f"{registry.host}/sales"
        assert (registry.folder / f"docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}").is_dir()


def _image_of(document: Any) -> str:
    return next(str(one["image"]) for one in document["pipelines"] if one["pipeline"] == "sales")
