"""`Secret`: a password or token by its name, whose value is nowhere in the code.

In the cloud its value comes from Secret Manager, through an environment variable that deploying sets; on a laptop
from an environment variable or a `.env` beside pyproject.toml, which git ignores. The variable is the name in
capitals: `Secret("warehouse-password")` reads `WAREHOUSE_PASSWORD`."""

from __future__ import annotations

import os

from pplns.errors import DefinitionError, SecretMissing
from pplns.model.frozen import Frozen
from pplns.model.names import shorten

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

    from pplns.typed import StrPath

DOTENV = ".env"

_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,254}"
_OF_THE_SYSTEM = (  # what a shell or Cloud Run sets would pass for a secret
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LC_\w+|PWD|TMPDIR|TEMP|TMP|TZ|PORT|HOST|K_\w+|PYTHON\w*|PPLNS_\w+|CLOUD_RUN_\w+"
)
_LINE = r"""(?msx)^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*
        (?:'([^']*)'|"((?:[^"\\]|\\.)*)"|([^\r\n]*?))[ \t]*(?:(?<=[\s'"=])\#[^\r\n]*)?\r?$"""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_root: list[StrPath] = []  # the project that this process works in


class Secret(Frozen):
    """A secret by its name. Only `value()` gives the value: repr, records and versions hold the name.

    It may be a constant, the default of a parameter, or made where it is used."""

    name: str

    def __post_init__(self) -> None:
        import re  # of use only where there are secrets; so below

        if not isinstance(self.name, str) or not re.fullmatch(_NAME, self.name):
            raise DefinitionError(
                f"Secret({shorten(self.name)}).",
                "Its name has 1 to 255 ASCII letters, digits, '_' or '-', and doesn't begin with a digit or '-'.",
                'Write it like Secret("warehouse-password"); it is the name, not the value.',
            )
        if re.fullmatch(_OF_THE_SYSTEM, self.variable):
            raise DefinitionError(
                f"Secret({self.name!r}) would be read from the environment variable {self.variable}.",
                "The system, Cloud Run or pplns sets that variable itself.",
                f'Use a longer name, such as Secret("{self.name}-secret").',
            )

    @property
    def variable(self) -> str:
        """The environment variable that holds the value."""
        return self.name.upper().replace("-", "_")

    def value(self) -> str:
        """Return the value; from now on logs, errors and records show [hidden] in its place.

        Raises: SecretMissing where neither the environment nor `.env` has it; a retry can't help."""
        from pplns.logs.redaction import hide

        found = os.environ.get(self.variable) or _read_dotenv().get(self.variable)
        if not found:
            raise SecretMissing(
                f"The secret {self.name!r} has no value here.",
                f"It comes from the environment variable {self.variable}, or a line of that name in {DOTENV} beside"
                " pyproject.toml; in the cloud from `secrets` of the environment in [tool.pplns.env].",
                f"Set {self.variable}, or write the line {self.variable}=… into {DOTENV}.",
            )
        hide(found)
        return found


def look_beside(root: StrPath) -> None:
    """Say which project this process works in; its `.env` is read from now on."""
    _root[:] = [root]


def parse_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a `.env`: NAME=VALUE lines, quotes, comments; nothing is expanded."""
    import re

    found: dict[str, str] = {}
    for name, single, double, bare in re.findall(_LINE, text):
        found[name] = single or re.sub(r"\\(.)", _unescape, double, flags=re.DOTALL) or bare.strip()
    return found


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[1], match[1])


def _read_dotenv() -> dict[str, str]:
    from pplns.settings import project_above

    root = _root[0] if _root else project_above(os.getcwd())
    if root is None:
        return {}
    try:
        with open(os.path.join(root, DOTENV), encoding="utf-8-sig") as file:
            return parse_dotenv(file.read())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SecretMissing(
            f"{str(root)!r} has a {DOTENV} that can't be read: {error}.",
            "It holds NAME=VALUE lines in UTF-8.",
            "Correct it, or set the variables in the environment.",
        ) from None
