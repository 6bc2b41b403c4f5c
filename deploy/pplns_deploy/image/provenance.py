"""Where a project's image comes from: its repository, the commit, and the commit's time.

The time of the build would change the digest from one build to the next; the time of the commit doesn't."""

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

NO_TIME = "1970-01-01T00:00:00Z"
_PREFIX = "org.opencontainers.image"
_SCP_ADDRESS = re.compile(r"(?:[^@/]+@)?([^:/@]{2,}):(?!//)(.+)")  # one letter is a drive of Windows
_ADDRESS = re.compile(r"(?:https?|ssh|git)://(?:[^/]*@)?([^/:@]+)(?::\d+)?/([^?#]+)(?:[?#].*)?")
_NEVER_IN_AN_IMAGE = ":(exclude,glob)**/__pycache__/**"  # who doesn't ignore it has it all the same
_USER = re.compile(r"(?<=://)[^/]*@")


@dataclass(frozen=True, slots=True)
class Provenance:
    """`revision` ends with `-dirty` where files differ from the commit; None where there is no commit."""

    source: str | None = None
    revision: str | None = None
    created: str = NO_TIME

    def labels(self) -> dict[str, str]:
        """Return the labels that the OCI specification has for this."""
        named = {"source": self.source, "revision": self.revision, "created": self.created}
        return {f"{_PREFIX}.{name}": value for name, value in named.items() if value}


def read_provenance(root: Path, *, source: str | None = None) -> Provenance:
    """Return where a project comes from; `source` from its settings wins over git's remote."""
    source = _USER.sub("", source) if source else None
    commit = _git(root, "log", "-1", "--format=%H %ct")
    if not commit:
        return Provenance(source)
    revision, _, seconds = commit.partition(" ")
    is_dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", _NEVER_IN_AN_IMAGE))
    created = datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    remote = source or web_address(_git(root, "remote", "get-url", "origin") or "")
    return Provenance(remote, f"{revision}-dirty" if is_dirty else revision, created)


def web_address(remote: str) -> str | None:
    """Return the address of a repository, the same however it was cloned and without a user's credentials in it."""
    found = _ADDRESS.fullmatch(remote) or _SCP_ADDRESS.fullmatch(remote)
    return f"https://{found[1]}/{found[2].removesuffix('.git').strip('/')}" if found else None


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], check=False, capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
