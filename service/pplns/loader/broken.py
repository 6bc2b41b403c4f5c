"""What is wrong with a pipeline file, in one line: the place in the user's own code, the fault, and what to do."""

from __future__ import annotations

import os
from types import TracebackType

from pplns.errors import LoadError, PplnsError
from pplns.loader.processes import is_below
from pplns.model.frozen import Frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pplns.typed import StrPath

_PPLNS = os.path.dirname(os.path.dirname(__file__))
_PACKAGES_BY_MODULE = {
    "PIL": "pillow", "bs4": "beautifulsoup4", "cv2": "opencv-python", "dateutil": "python-dateutil",
    "dotenv": "python-dotenv", "psycopg2": "psycopg2-binary", "sklearn": "scikit-learn", "yaml": "pyyaml",
}  # fmt: skip


class Broken(Frozen):
    """A pipeline file that gives no pipelines: `message` says what is wrong, `remedy` what to do.

    `line` is of this file, also where the fault lies in a file that it imports; None where no line is to blame."""

    file: str
    line: int | None
    message: str
    remedy: str
    expected: str = "A pipeline file imports without errors."

    @property
    def place(self) -> str:
        """The file, and the line where one is known, in the form that editors follow."""
        return f"{self.file}:{self.line}" if self.line else self.file

    def as_error(self) -> LoadError:
        """Return the error for whoever needs what this file defines."""
        return LoadError(f"{self.place}: {self.message}", self.expected, self.remedy)


def describe(error: BaseException, *, file: str, root: str) -> Broken:
    """Return what an import of `file` raised, for people."""
    line, inner = _places(error.__traceback__, file=file, root=root)
    if isinstance(error, SyntaxError):
        in_file = error.filename is None or is_same(error.filename, file)
        line, inner = (error.lineno, None) if in_file else (line, f"{error.filename}:{error.lineno}")
    where = f" It is raised in {inner}, which this file imports." if inner else ""
    if isinstance(error, PplnsError):  # a step or pipeline that is written wrong says itself what is expected
        return Broken(file, line or None, f"{error.message}{where}", error.remedy, "")
    message, remedy = _explain(error, file)
    return Broken(file, line or None, f"{message}{where}", remedy)


def is_same(one: StrPath, other: StrPath) -> bool:
    """Tell whether two paths are the same file; what is no file is no other's."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def _places(trace: TracebackType | None, *, file: str, root: str) -> tuple[int | None, str | None]:
    """Return the last line of `file` in a traceback, and the last place in another file of the project after it."""
    line: int | None = None
    inner: str | None = None
    while trace is not None:
        place = trace.tb_frame.f_code.co_filename
        if is_same(place, file):
            line, inner = trace.tb_lineno, None
        elif is_below(place, root) and not is_below(place, _PPLNS):
            inner = f"{place}:{trace.tb_lineno}"
        trace = trace.tb_next
    return line, inner


def _explain(error: BaseException, file: str) -> tuple[str, str]:
    """Return what was raised, as a message and a remedy."""
    if missing := _missing_module(error):
        return f"no module named {missing!r}.", _remedy_for_missing(missing, file)
    if isinstance(error, SystemExit):
        return f"it ended Python with exit code {error.code!r} while being imported.", (
            'Put what runs as a script below `if __name__ == "__main__":`.'
        )
    text = error.msg if isinstance(error, SyntaxError) else str(error).strip().partition("\n")[0]
    message = f"{type(error).__name__}: {text}".removesuffix(": ").removesuffix(".") + "."
    if isinstance(error, SyntaxError):
        return message, "Correct that line."
    return message, "Correct that line; a pipeline file only defines things, since it is imported before each run."


def _remedy_for_missing(module: str, file: str) -> str:
    paths = "a file of the project is imported by its path from the project folder, its src or the pipelines folder"
    top = module.partition(".")[0]
    folder, name = os.path.split(file)
    beside = os.path.join(folder, top)
    if name == "pipeline.py" and (os.path.isfile(f"{beside}.py") or os.path.isdir(beside)):
        return f"Import {os.path.basename(folder) + '.' + module!r}: {paths}."
    install = f"nstall it with `pip install {_package_of(module)}`; {paths}."
    close = _importable_like(top)
    return f"Did you mean {close!r}, which is there? Else i{install}" if close else f"I{install}"


def _importable_like(module: str) -> str | None:
    """Return the module that a mistyped one means: who installs what is misspelt may get what somebody put there."""
    import difflib
    import pkgutil
    import sys

    known = {*sys.stdlib_module_names, *(found.name for found in pkgutil.iter_modules())} - {module}
    found = difflib.get_close_matches(module, known, n=1, cutoff=0.8)
    return found[0] if found else None


def _missing_module(error: BaseException) -> str | None:
    """Return the module that an import didn't find; `from google.cloud import x` doesn't say that it is one."""
    if isinstance(error, ModuleNotFoundError):
        return error.name
    if isinstance(error, ImportError) and error.name == "google.cloud":
        import re

        found = re.match(r"cannot import name '(\w+)'", error.msg)
        return f"google.cloud.{found[1]}" if found else None
    return None


def _package_of(module: str) -> str:
    if module.startswith("google.cloud."):
        return "-".join(module.split(".")[:3])
    top = module.partition(".")[0]
    return _PACKAGES_BY_MODULE.get(top, top)
