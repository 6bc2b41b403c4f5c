"""An image by Cloud Build: the folder goes into a bucket of the project, is built there, and pushed from there.

https://cloud.google.com/build/docs/api/reference/rest/v1/projects.locations.builds. The project and the region are
those of the repository in Artifact Registry; the image's digest is what Cloud Build says that it pushed."""

import re
import tarfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pplns.errors import ConfigError, PplnsError, RegistryError
from pplns_deploy.cloud import GoogleApis, GoogleRefused
from pplns_deploy.image.cache import digest_of
from pplns_deploy.image.references import Reference

DOCKER = "gcr.io/cloud-builders/docker"  # the step that Google's pages build images by
MOST_SECONDS = 3600
POLL_SECONDS = 3.0
LAST_LINES = 15
PLATFORM = "linux/amd64"  # of its machines
SOURCE_DAYS = 7  # after which the bucket deletes what was built

_HOST = re.compile(r"(?:(?P<region>[a-z0-9-]+)-docker\.pkg\.dev)|(?:(?:(?P<continent>eu|asia|us)\.)?gcr\.io)")
_CONTINENTS = {"europe": "EU", "eu": "EU", "asia": "ASIA", "us": "US"}  # repositories there are in no region
_GOING_ON = ("PENDING", "QUEUED", "WORKING")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Place:
    """Where Cloud Build builds for a repository."""

    project: str
    location: str
    bucket: str
    bucket_location: str

    @property
    def builds(self) -> str:
        """The path of the builds."""
        return f"projects/{self.project}/locations/{self.location}/builds"


def place_of(target: Reference, *, platform: str) -> Place:
    """Return where an image for a repository and a platform is built.

    Raises: ConfigError for a registry that isn't Google's, and for a platform that Cloud Build hasn't."""
    host = _HOST.fullmatch(target.registry)
    if host is None:
        raise ConfigError(
            f"Cloud Build can't push to {target.registry!r}.",
            "It pushes to Artifact Registry, as the project's own account.",
            "Push to REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME, or leave --builder out.",
        )
    if platform != PLATFORM:
        raise ConfigError(
            f"Cloud Build can't build for {platform}.",
            f"Its machines are {PLATFORM}.",
            "Leave --builder out: pplns builds for both platforms.",
        )
    project = target.repository.partition("/")[0]
    region = host["region"] or host["continent"] or "us"
    location = "global" if region in _CONTINENTS else region
    return Place(project, location, f"{project}_{region}_cloudbuild", _CONTINENTS.get(region, region.upper()))


@dataclass(frozen=True, slots=True)
class CloudBuild:
    """Cloud Build, asked as whoever packages; `say` is told what goes on."""

    google: GoogleApis
    place: Place
    say: Callable[[str], None]
    poll_s: float = POLL_SECONDS

    def run(self, folder: Path, tag: str) -> str:
        """Build the Dockerfile in a folder and push the image under a tag; return its digest.

        Raises: RegistryError where the build fails; GoogleRefused; ConfigError without credentials."""
        self._prepare_bucket()
        source = self._upload(folder)
        query = {"projectId": self.place.project}  # which the page of the API calls required, beside the path
        operation = self.google.call("POST", "build", self.place.builds, _build_of(source, tag), query=query)
        build: Json = operation["metadata"]["build"]
        self.say(f"Cloud Build {build['id']}: {build.get('logUrl', 'no log')}")
        ended = self._wait(build)
        if ended["status"] != "SUCCESS":
            raise self._failed(ended)
        return str(ended["results"]["images"][0]["digest"])

    def _prepare_bucket(self) -> None:
        """Make the bucket that sources go to; one of that name that isn't the project's is refused.

        Bucket names are everyone's: somebody else's bucket would get the source."""
        name, query = self.place.bucket, {"project": self.place.project, "prefix": self.place.bucket}
        listed = self.google.call("GET", "storage", "b", query=query)
        if any(one["name"] == name for one in listed.get("items", [])):
            return
        try:
            self.google.call("POST", "storage", "b", _bucket_of(self.place), query={"project": self.place.project})
        except GoogleRefused as refused:
            if refused.status != 409:
                raise
            raise ConfigError(
                f"The bucket {name!r}, for what Cloud Build builds, belongs to another project.",
                f"It is one of {self.place.project!r}.",
                "Build without --builder cloud-build.",
            ) from refused

    def _upload(self, folder: Path) -> Json:
        """Put the folder into the bucket, under the digest of its archive."""
        archive = folder.with_name(f"{folder.name}.tgz")
        try:
            with tarfile.open(archive, "w:gz") as packed:
                packed.add(folder, arcname=".")
            name = f"source/{digest_of(archive).removeprefix('sha256:')}.tgz"
            self.say(f"Sending {archive.stat().st_size / 1e6:,.1f} MB to gs://{self.place.bucket}")
            written = self.google.upload(self.place.bucket, name, archive)
        finally:
            archive.unlink(missing_ok=True)
        return {"bucket": self.place.bucket, "object": name, "generation": str(written["generation"])}

    def _wait(self, build: Json) -> Json:
        """Return the build once it has ended; Ctrl-C ends it too."""
        path, told = f"{self.place.builds}/{build['id']}", ""
        query = {"projectId": self.place.project, "id": str(build["id"])}
        try:
            while True:
                found = self.google.call("GET", "build", path, query=query)
                if found["status"] != told:
                    told = found["status"]
                    self.say(f"Cloud Build: {told.lower()}")
                if told not in _GOING_ON:
                    return found
                time.sleep(self.poll_s)
        except KeyboardInterrupt:
            self.google.call("POST", "build", f"{path}:cancel", {})
            raise

    def _failed(self, build: Json) -> RegistryError:
        detail = build.get("failureInfo", {}).get("detail") or build.get("statusDetail") or "it gives no reason"
        log = self._last_lines(build)
        said = f"The last lines of its log:\n{log}\n" if log else ""
        where = f" The whole log: {build['logUrl']}" if build.get("logUrl") else ""
        return RegistryError(
            f"Cloud Build ended with {build['status']}: {str(detail).rstrip('.')}.",
            said,
            f"Correct the Dockerfile, or what the log complains of.{where}",
        )

    def _last_lines(self, build: Json) -> str:
        bucket, slash, folder = str(build.get("logsBucket", "")).removeprefix("gs://").partition("/")
        try:
            text = self.google.download(bucket, f"{folder}{slash}log-{build['id']}.txt") if bucket else ""
        except PplnsError:  # whoever may build needn't be let to the logs
            return ""
        return "\n".join(text.splitlines()[-LAST_LINES:])


def _build_of(source: Json, tag: str) -> Json:
    return {
        "source": {"storageSource": source},
        "steps": [{"name": DOCKER, "args": ["build", "--tag", tag, "."]}],
        "images": [tag],
        "timeout": f"{MOST_SECONDS}s",
        "tags": ["pplns"],
    }


def _bucket_of(place: Place) -> Json:
    return {
        "name": place.bucket,
        "location": place.bucket_location,
        "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced"},
        "lifecycle": {"rule": [{"action": {"type": "Delete"}, "condition": {"age": SOURCE_DAYS}}]},
    }
