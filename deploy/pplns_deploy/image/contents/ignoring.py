"""Which files of a project stay out of its image: `.pplnsignore`, in gitignore's syntax, over safe defaults.

Without a `.pplnsignore` the project's `.gitignore` counts, that of each folder in it, and where the project is a folder
of a larger repository those above it. What is known to hold secrets can't be let in by any of them, however its name is
written."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pplns.errors import ConfigError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".pplnsignore"
GIT_IGNORE_FILE = ".gitignore"

DEFAULTS = (
    "__pycache__/", "*.py[cod]", ".venv/", "venv/", "env/", "node_modules/", ".tox/", ".nox/", "*.egg-info/", "/build/",
    "/dist/", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".hypothesis/", ".coverage", ".coverage.*", "htmlcov/",
    ".ipynb_checkpoints/", ".idea/", ".vscode/", ".DS_Store", "Thumbs.db", "desktop.ini", ".cache/", ".gitattributes",
    ".gitmodules", GIT_IGNORE_FILE, IGNORE_FILE, ".github/", ".gitlab-ci.yml", ".pre-commit-config.yaml",
    "Dockerfile", ".dockerignore", ".terraform.lock.hcl", "*.tf", "*.tfvars", "*.tfvars.json", "*.cdx.json",
    "*.pem", "*.crt", "*.log", "*.swp", "*~",
)  # fmt: skip
NEVER = (
    ".git", ".hg/", ".svn/", ".pplns/", ".env", ".env.*", ".envrc", ".netrc", "_netrc", ".pypirc", ".npmrc", ".pgpass",
    ".ssh/", ".aws/", ".azure/", ".config/gcloud/", ".docker/", ".kube/", ".gnupg/", "*.key", "*.p12", "*.pfx", "*.jks",
    "*.keystore", "*.kdbx", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "*.tfstate", "*.tfstate.*", ".terraform/",
    "*.tfvars.secret", "credentials*.json", "client_secret*.json", "service-account*.json", "service_account*.json",
    "application_default_credentials.json", "uv.toml", "pip.conf", "pip.ini",
)  # fmt: skip

_KEY_MARKS = (b"PRIVATE KEY-----", b'"private_key"', b'"client_secret"', b'"refresh_token"')
_SMALL_BYTES = 64 * 1024  # no key file is larger, and data needn't be searched
_EJECTED_MARK = "pplns.auto.tfvars.json"
_IMAGE_MARK = b"oci-layout\0"  # the name of an archive's first file
_KEY_SUFFIXES = frozenset(
    {".json", ".pem", ".crt", ".cer", ".txt", ".asc", ".yaml", ".yml", ".toml", ".ini", ".cfg", ""}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns of one folder. It is in the project, or above it; then `above` is the project's path from there."""

    spec: "GitIgnoreSpec"
    folder: str = ""
    above: str = ""

    def say(self, named: str, *, is_folder: bool) -> bool | None:
        """Return whether a path of the project is ignored, None where no pattern fits it."""
        if not named.startswith(self.folder):
            return None
        rest = f"{self.above}{named.removeprefix(self.folder)}"
        return _last_word(self.spec, rest) if is_folder else self.spec.check_file(rest).include


class Ignored:
    """The rules of one project, from the weakest on: the defaults', those above it, its own.

    With `is_nested` those of the folders in it count too."""

    def __init__(self, *rules: Rules, is_nested: bool = False) -> None:
        self._is_nested = is_nested
        self._rules = [Rules(_spec(*DEFAULTS)), *rules]
        self._never = _spec(*NEVER)

    def is_ignored(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a path of the project, whose folders aren't ignored, stays out.

        A rule of a folder wins over those above it. What of an ignored folder is let in again, its files decide."""
        named = f"{path}/" if is_folder else path
        if self._never.match_file(named.lower()):  # .ENV is .env on Windows and macOS
            return True
        said = (rules.say(named, is_folder=is_folder) for rules in reversed(self._rules))
        return next((one for one in said if one is not None), False)

    def enter(self, path: str, folder: Path) -> None:
        """Read the rules of a folder of the project.

        Raises: ConfigError for a line that is no pattern."""
        if self._is_nested:
            self._rules += _rules_of(folder, folder=f"{path}/")


def read_ignored(root: Path) -> Ignored:
    """Return the rules of a project.

    Raises: ConfigError for a line that is no pattern."""
    if (root / IGNORE_FILE).is_file():
        return Ignored(Rules(_spec(*_lines(root / IGNORE_FILE))))
    return Ignored(*_rules_above(root), *_rules_of(root), is_nested=True)


def _rules_above(root: Path) -> list[Rules]:
    """Return the rules of the folders of a repository above the project; none where they ignore the project itself."""
    above = list(root.parents)
    top = next((place for place, one in enumerate(above) if (one / ".git").exists()), None)
    if top is None or (root / ".git").exists():
        return []
    found: list[Rules] = []
    for folder in reversed(above[: top + 1]):
        found += _rules_of(folder, above=f"{root.relative_to(folder).as_posix()}/")
    return [] if _is_in_ignored(found) else found


def _is_in_ignored(found: list[Rules]) -> bool:
    """Tell whether rules above a project ignore its folder, or one that it is in: git knows none of its files then."""
    for rules in found:
        parts = PurePosixPath(rules.above).parts
        folders = ["/".join(parts[: count + 1]) + "/" for count in range(len(parts))]
        if any(_last_word(rules.spec, folder) for folder in folders):
            return True
    return False


def _rules_of(place: Path, *, folder: str = "", above: str = "") -> list[Rules]:
    """Return the rules that git has for a folder, if there are any."""
    file = place / GIT_IGNORE_FILE
    return [Rules(_spec(*_lines(file)), folder, above)] if file.is_file() else []


def is_ejected(folder: Path) -> bool:
    """Tell whether a folder is a configuration that `pplns eject` has written."""
    return (folder / _EJECTED_MARK).is_file()


def holds_image(file: Path) -> bool:
    """Tell whether a file is an image that `pplns package --output` has written, whatever it is called."""
    with file.open("rb") as stream:
        return stream.read(len(_IMAGE_MARK)) == _IMAGE_MARK


def holds_key(file: Path) -> bool:
    """Tell whether a file holds a private key or credentials, whatever its name says."""
    if file.suffix.lower() not in _KEY_SUFFIXES or file.stat().st_size > _SMALL_BYTES:
        return False
    text = file.read_bytes()
    return any(mark in text for mark in _KEY_MARKS)


def _last_word(rules: "GitIgnoreSpec", folder: str) -> bool | None:
    """Return what the last pattern that fits a folder says of it, as git decides.

    pathspec lets a pattern for folders lose against one for all names, which is right for the files below only."""
    for pattern in reversed(list(rules.patterns)):
        if pattern.include is not None and pattern.match_file(folder):
            return pattern.include
    return None


def _spec(*lines: str) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)


def _lines(file: Path) -> list[str]:
    """Return the lines of a file of patterns.

    Raises: ConfigError for one that is no pattern."""
    from pathspec import GitIgnoreSpec

    try:
        lines = file.read_text("utf-8-sig").splitlines()
        GitIgnoreSpec.from_lines(lines)
    except ValueError as error:  # a bad pattern, or no UTF-8
        raise ConfigError(
            f"{str(file)!r} has a line that is no pattern: {error}.",
            "It has a pattern a line, in the syntax of gitignore.",
            "Correct that line.",
        ) from error
    return lines
