"""Which files of a project stay out of its image: `.pplnsignore`, in gitignore's syntax, over safe defaults.

Without a `.pplnsignore` the project's `.gitignore` counts, and that of each folder in it. What is known to hold secrets
can't be let in by any of them, however its name is written."""

from collections.abc import Sequence
from pathlib import Path
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
    "Dockerfile", ".dockerignore", ".terraform.lock.hcl", "*.pem", "*.crt", "*.log", "*.swp", "*~",
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
_KEY_SUFFIXES = frozenset(
    {".json", ".pem", ".crt", ".cer", ".txt", ".asc", ".yaml", ".yml", ".toml", ".ini", ".cfg", ""}
)


class Ignored:
    """The rules of one project: those of its root, and with `is_nested` those of the folders in it."""

    def __init__(self, patterns: Sequence[str], *, is_nested: bool = False) -> None:
        from pathspec import GitIgnoreSpec

        self._is_nested = is_nested
        self._rules = {"": GitIgnoreSpec.from_lines([*DEFAULTS, *patterns])}  # by folder, from the root on
        self._never = GitIgnoreSpec.from_lines(NEVER)

    def is_ignored(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a path of the project, whose folders aren't ignored, stays out.

        A rule of a folder wins over those above it. What of an ignored folder is let in again, its files decide."""
        named = f"{path}/" if is_folder else path
        if self._never.match_file(named.lower()):  # .ENV is .env on Windows and macOS
            return True
        for folder, rules in reversed(self._rules.items()):
            if named.startswith(folder):
                rest = named.removeprefix(folder)
                found = _last_word(rules, rest) if is_folder else rules.check_file(rest).include
                if found is not None:
                    return found
        return False

    def enter(self, path: str, folder: Path) -> None:
        """Read the rules of a folder of the project.

        Raises: ConfigError for a line that is no pattern."""
        file = folder / GIT_IGNORE_FILE
        if self._is_nested and file.is_file():
            self._rules[f"{path}/"] = _parsed(file)


def read_ignored(root: Path) -> Ignored:
    """Return the rules of a project.

    Raises: ConfigError for a line that is no pattern."""
    if (root / IGNORE_FILE).is_file():
        return Ignored(_lines(root / IGNORE_FILE))
    own = root / GIT_IGNORE_FILE
    return Ignored(_lines(own) if own.is_file() else (), is_nested=True)


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


def _parsed(file: Path) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(_lines(file))


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
