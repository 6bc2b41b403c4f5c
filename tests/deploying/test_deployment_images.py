"""The images of a deployment: built and pushed, named, or kept."""

from pathlib import Path

import pytest

from container_registry import registry_in
from kit import settings_of
from packaged_project import make_base, make_project, put_base
from pplns.errors import ConfigError
from pplns_deploy.deploying.deployed import Deployed
from pplns_deploy.deploying.images import Building, live_images, named_image
from pplns_deploy.environments import Environment
from pplns_deploy.image.cache import Cache
from pplns_deploy.image.images import ignore
from pplns_deploy.image.packaging import Packaging
from pplns_deploy.locking import read_inputs
from pplns_deploy.locking.inputs import this_python
from pplns_deploy.locking.lockfile import Lock

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.needs_registry
def test_pipelines_with_one_lock_share_an_image_that_is_pushed(tmp_path: Path):
    """It is named by its digest, in the repository of the settings."""
    project, cache = make_project(tmp_path / "project"), Cache(tmp_path / "cache")
    inputs, python = read_inputs(project), this_python()
    (project / "requirements.lock").write_text(
        Lock(inputs.digest((), python), python, inputs.platforms, (), ()).as_text()
    )
    with registry_in(tmp_path) as registry:
        base = put_base(registry, make_base(cache), cache)
        with (project / "pyproject.toml").open("a") as file:
            file.write(f'[tool.pplns.image]\nbase = "{base}"\nrepository = "{registry.host}/sales"\n')
        place = Environment("prod", project / "pyproject.toml", "acme-data", "europe-west1", "europe-west1")
        building = Building(settings_of(project), place, Packaging(cache, registry.environ, ignore))

        found = building.images_of(["sales", "stock"], is_pushed=True)

        assert set(found.values()) == {found["sales"]}
        assert found["sales"].startswith(f"{registry.host}/sales@sha256:")
        assert registry.tags("sales")


def test_an_image_is_named_by_its_digest():
    """A tag may change between plan and apply."""
    assert named_image(f"127.0.0.1:5000/sales:1@{DIGEST}", ["sales"]) == {"sales": f"127.0.0.1:5000/sales@{DIGEST}"}
    with pytest.raises(ConfigError, match="names no digest"):
        named_image("127.0.0.1:5000/sales:1", ["sales"])


def test_a_new_pipeline_has_no_image_to_keep():
    """--no-build says which pipelines need one."""
    with pytest.raises(ConfigError, match="Never deployed: sales"):
        live_images(Deployed(None, {}, {}), ["sales"])
