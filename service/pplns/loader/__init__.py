"""Finding the pipelines of a project: which files are searched, how they are imported, what happens to broken ones.

`sources` reads files without importing them, `imports` imports one, `broken` says what is wrong with it, `processes`
keeps sys.path and sys.modules to one project, and `discovery` puts them together."""

from pplns.loader.broken import Broken
from pplns.loader.discovery import Found, discover, load_pipeline
from pplns.loader.processes import put_first_on_path

__all__ = ["Broken", "Found", "discover", "load_pipeline", "put_first_on_path"]
