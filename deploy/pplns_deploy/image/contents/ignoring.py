"""Which files of a project stay out of its image: `.pplnsignore`, in gitignore's syntax, over safe defaults.

Without a `.pplnsignore` the project's `.gitignore` counts. What is known to hold secrets can't be let in by either."""

from collections.abc import Sequence
from pathlib import Path

from pplns.errors import ConfigError

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
    "application_default_credentials.json",
)  # fmt: skip

_KEY_MARKS = (b"PRIVATE KEY-----", b'"private_key"', b'"client_secret"', b'"refresh_token"')
_SMALL_BYTES = 64 * 1024  # no key file is larger, and data needn't be searched
_KEY_SUFFIXES = frozenset(
    {".json", ".pem", ".crt", ".cer", ".txt", ".asc", ".yaml", ".yml", ".toml", ".ini", ".cfg", ""}
)


class Ignored:
    """The rules of one project."""

    def __init__(self, patterns: Sequence[str]) -> None:
        from pathspec import GitIgnoreSpec

        self._asked = GitIgnoreSpec.from_lines([*DEFAULTS, *patterns])
        self._never = GitIgnoreSpec.from_lines(NEVER)

    def is_ignored(self, path: str, *, is_folder: bool) -> bool:
        """Tell whether a path of the project stays out."""
        named = f"{path}/" if is_folder else path
        return self._never.match_file(named) or self._asked.match_file(named)


def read_ignored(root: Path) -> Ignored:
    """Return the rules of a project.

    Raises: ConfigError for a line that is no pattern."""
    for name in (IGNORE_FILE, GIT_IGNORE_FILE):
        file = root / name
        if file.is_file():
            return _parsed(file)
    return Ignored(())


def holds_key(file: Path) -> bool:
    """Tell whether a file holds a private key or credentials, whatever its name says."""
    if file.suffix.lower() not in _KEY_SUFFIXES or file.stat().st_size > _SMALL_BYTES:
        return False
    text = file.read_bytes()
    return any(mark in text for mark in _KEY_MARKS)


def _parsed(file: Path) -> Ignored:
    try:
        return Ignored(file.read_text("utf-8-sig").splitlines())
    except ValueError as error:  # a bad pattern, or no UTF-8
        raise ConfigError(
            f"{str(file)!r} has a line that is no pattern: {error}.",
            "It has a pattern a line, in the syntax of gitignore.",
            "Correct that line.",
        ) from error
