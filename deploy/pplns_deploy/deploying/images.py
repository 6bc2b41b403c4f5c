"""The images of a deployment: built of the working tree, named by whoever deploys, or those that are live."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from pplns.errors import ConfigError
from pplns.settings import Settings
from pplns_deploy.deploying.deployed import Deployed
from pplns_deploy.environments import Environment, names
from pplns_deploy.image.build import recipe_of
from pplns_deploy.image.images import Image
from pplns_deploy.image.locks import UsableLock, find_lock
from pplns_deploy.image.packaging import Packaging
from pplns_deploy.image.references import Reference, parse_reference
from pplns_deploy.image.settings import ImageSettings, read_image_settings

IMAGE_NAME = "pipelines"


@dataclass(frozen=True, slots=True)
class Building:
    """Builds the images of a project for an environment. Pipelines whose locks are the same share one."""

    settings: Settings
    environment: Environment
    packaging: Packaging

    def images_of(self, pipelines: Collection[str], *, is_pushed: bool) -> dict[str, str]:
        """Return each pipeline's image by digest, after it was built and, if asked for, pushed.

        Raises: ConfigError, RegistryError."""
        wanted = read_image_settings(self.settings.root, {})
        target = self._target(wanted)
        locks = {name: self._lock(wanted, name) for name in pipelines}
        built: dict[Path, str] = {}
        for lock in locks.values():
            if lock.file not in built:
                image = self._build(wanted, lock)
                if is_pushed:
                    self.packaging.push(image, target)
                built[lock.file] = str(target.at(image.digest))
        return {name: built[lock.file] for name, lock in locks.items()}

    def _lock(self, wanted: ImageSettings, pipeline: str) -> UsableLock:
        return find_lock(self.settings.root, platform=wanted.platform, python=wanted.python, pipeline=pipeline)

    def _build(self, wanted: ImageSettings, lock: UsableLock) -> Image:
        recipe = recipe_of(self.settings, lock.file, platform=wanted.platform, python=lock.python, source=wanted.source)
        asked = parse_reference(wanted.base.replace("{python}", lock.python))
        return self.packaging.build(recipe, self.packaging.find_base(asked, platform=wanted.platform))

    def _target(self, wanted: ImageSettings) -> Reference:
        if wanted.repository is not None:
            return parse_reference(wanted.repository)
        place = self.environment
        host = f"{place.region}-docker.pkg.dev"
        return parse_reference(f"{host}/{place.project}/{names.repository_id(place.name)}/{IMAGE_NAME}")


def named_image(text: str, pipelines: Collection[str]) -> dict[str, str]:
    """Return the image that `--image` names for each pipeline.

    Raises: ConfigError for one that isn't named by its digest."""
    reference = parse_reference(text)
    if reference.digest is None:
        raise ConfigError(
            f"--image {text!r} names no digest.",
            "What is deployed is named by its digest: a tag may change between plan and apply.",
            "Take the name that `pplns package --push` prints: REPOSITORY@sha256:DIGEST.",
        )
    return dict.fromkeys(pipelines, str(reference.at(reference.digest)))


def live_images(deployed: Deployed, pipelines: Collection[str]) -> Mapping[str, str]:
    """Return the images that are live, for a deployment of settings alone.

    Raises: ConfigError for a pipeline that was never deployed."""
    new = sorted(set(pipelines) - set(deployed.services))
    if new:
        raise ConfigError(
            f"Never deployed: {', '.join(new)}. So there is no image to keep.",
            "--no-build deploys the images that are live.",
            "Leave --no-build out, or name an image: --image REPOSITORY@sha256:DIGEST.",
        )
    return {name: deployed.services[name].image for name in pipelines}
