"""The project and the store that a command works with."""

from __future__ import annotations

import os
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns.stores import Store
    from pplns.typed import StrPath


def load_project(project: StrPath | None, *, store: str | None = None) -> Settings:
    """Return the settings of the project around a folder; flags before the environment before the file."""
    from pplns.settings import load_settings

    flags: Mapping[str, str] = {} if store is None else {"store": store}
    return load_settings(project, flags=flags, environ=os.environ)


def open_project_store(settings: Settings) -> Store:
    """Open the store that the settings name."""
    from pplns.stores import open_store

    return open_store(settings.store, root=settings.root_dir)
