"""Names of images, as people write them: `registry/repository:tag@sha256:…`.

A name without a registry is Docker Hub's, as everywhere; `http://` in front says that the registry speaks no TLS."""

import re
from dataclasses import dataclass, replace

from pplns.errors import ConfigError
from pplns.model.names import shorten

DOCKER_HUB = "docker.io"
_DOCKER_HUB_API = "registry-1.docker.io"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"  # the distribution specification's own rule
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::\d+)?")
_LOOPBACK = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image, or a repository where tag and digest are None. `is_plain`: http:// was written."""

    registry: str
    repository: str
    tag: str | None = None
    digest: str | None = None
    is_plain: bool = False

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def api_host(self) -> str:
        """The host that answers for the registry."""
        return _DOCKER_HUB_API if self.registry == DOCKER_HUB else self.registry

    @property
    def is_local(self) -> bool:
        """Whether the registry is on this machine, where many speak plain HTTP."""
        return _LOOPBACK.fullmatch(self.registry) is not None

    @property
    def pointer(self) -> str:
        """What a manifest is asked for by: the digest before the tag."""
        return self.digest or self.tag or "latest"

    def at(self, digest: str) -> "Reference":
        """Return the image of this repository with a digest."""
        return replace(self, tag=None, digest=digest)


def parse_reference(text: str) -> Reference:
    """Return the image that a text names.

    Raises: ConfigError."""
    plain = text.startswith("http://")
    rest = text.removeprefix("http://").removeprefix("https://")
    rest, at, digest = rest.partition("@")
    registry, repository, tag = _parts(rest)
    reference = Reference(registry, repository, tag, digest if at else None, is_plain=plain)
    if problem := _problem(reference):
        raise ConfigError(
            f"{shorten(text)} names no image: {problem}.",
            "An image is written REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST.",
            "Correct it, for example europe-docker.pkg.dev/my-project/my-repository/my-image.",
        )
    return reference


def _parts(rest: str) -> tuple[str, str, str | None]:
    head, slash, tail = rest.partition("/")
    is_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
    registry, path = (head, tail) if is_host else (DOCKER_HUB, rest)
    path, colon, tag = path.partition(":")
    if registry == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return registry, path, tag if colon else None


def _problem(reference: Reference) -> str | None:
    if not _HOST.fullmatch(reference.registry):
        return f"{reference.registry!r} is no host"
    if not _REPOSITORY.fullmatch(reference.repository):
        return f"{reference.repository!r} is no repository, whose name is of small letters, digits, '.', '_', '-', '/'"
    if reference.tag is not None and not _TAG.fullmatch(reference.tag):
        return f"{reference.tag!r} is no tag"
    if reference.digest is not None and not _DIGEST.fullmatch(reference.digest):
        return f"{reference.digest!r} is no sha256 digest"
    return None
