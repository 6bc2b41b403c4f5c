"""What functions-framework loads: `functions-framework --source service/main.py --target handle`."""

from pplns.server.app import handle

__all__ = ["handle"]
