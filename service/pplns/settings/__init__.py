"""Settings: what a project, its environment and the command line say, read once into one frozen value.

A flag wins over an environment variable, which wins over `[tool.pplns]` in pyproject.toml, which wins over the
default. `TABLE` is the one list of them; `docs/configuration.md` explains each row."""

from pplns.settings.loading import Settings, load_settings, topic_of
from pplns.settings.project_file import PROJECT_FILE, find_project, project_above, read_project_file
from pplns.settings.table import GOOGLE_CERTIFICATES, TABLE, Row

__all__ = [
    "GOOGLE_CERTIFICATES",
    "PROJECT_FILE",
    "TABLE",
    "Row",
    "Settings",
    "find_project",
    "load_settings",
    "project_above",
    "read_project_file",
    "topic_of",
]
