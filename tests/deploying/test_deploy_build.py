"""From the code to the traffic in one go: an image is built and pushed to a registry here, and Terraform deploys it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import terraforming
from container_registry import LocalRegistry, registry_in
from deploy_site import CONFIGURATION, Site, bootstrapped_site
from packaged_project import make_base, put_base
from pplns_deploy.image.cache import Cache

pytestmark = [
    pytest.mark.needs_google_provider,
    pytest.mark.needs_registry,
    pytest.mark.slow,
    pytest.mark.skipif(not terraforming.find_provider(), reason=terraforming.HOW_TO_GET),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, LocalRegistry]]:
    """A site whose images come from its own code, and the registry that they are pushed to."""
    folder: Path = tmp_path_factory.mktemp("site")
    with registry_in(folder) as registry, bootstrapped_site(folder, "sales") as site:
        cache = Cache(folder / "elsewhere")
        image = {"base": put_base(registry, make_base(cache), cache), "repository": f"{registry.host}/sales"}
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in image.items())
        (site.folder / "pyproject.toml").write_text(f"{CONFIGURATION}[tool.pplns.image]\n{lines}")
        yield replace(site, environ=site.environ | dict(registry.environ)), registry


def test_code_is_built_pushed_deployed_and_verified(built: tuple[Site, LocalRegistry]):
    """A change of code is another image, the same code the same one, and only image, revision and traffic change."""
    site, registry = built
    pipeline = site.folder / "pipelines" / "sales.py"

    (first,) = site.run("deploy", "--yes")["pipelines"]
    pipeline.write_text(pipeline.read_text().replace("return 1", "return 2"))
    changed = site.run("deploy", "--yes")
    again = site.run("deploy", "--yes")

    (second,), (third,) = changed["pipelines"], again["pipelines"]
    assert [one["state"] for one in (first, second, third)] == ["deployed", "deployed", "unchanged"]
    assert [one["fields"] for one in changed["changes"]] == [["image", "revision", "traffic"]]
    assert first["image"] != second["image"] == third["image"] == site.image()
    assert second["image"].startswith(f"{registry.host}/sales@sha256:")
    assert site.serving() == [second["revision"]]
    assert not again["changes"]
    for one in (first, second):
        digest = one["image"].partition("@sha256:")[2]
        assert (registry.folder / f"docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}").is_dir()
