"""Which files of a project may define pipelines, and what they seem to define, without importing them.

Reading a file takes a millisecond, importing one may take seconds of pandas. What is read here decides only which
files are imported first; what counts is what the import gives."""

from __future__ import annotations

import os
from collections.abc import Iterator

from pplns.errors import ConfigError
from pplns.model.frozen import Frozen
from pplns.parsing import parse_source
from pplns.paths import read_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ast
    from typing import Literal

    from pplns.settings import Settings
    from pplns.typed import StrPath

    # How likely it is that a file defines a pipeline: its name stands nowhere else, it says so, it may say so.
    Likelihood = Literal["alone", "sure", "possible", "unlikely"]

SKIPPED = ("conftest.py",)
SKIPPED_PREFIXES = ("_", ".", "test_")


class Defined(Frozen):
    """What a file defines: `surely` names under @pipeline, `perhaps` names under decorators that aren't understood."""

    surely: frozenset[str]
    perhaps: frozenset[str]


NOTHING_DEFINED = Defined(frozenset(), frozenset())


def pipeline_files(settings: Settings) -> list[str]:
    """Return the files that are searched: `*.py` and `*/pipeline.py` in the pipelines folder, sorted.

    Raises: ConfigError where the folder is missing or holds no such file."""
    folder = settings.pipelines_dir
    if not os.path.isdir(folder):
        raise ConfigError(
            f"The pipelines folder {folder!r} does not exist.",
            "Pipelines are looked for in the folder that `pipelines` in [tool.pplns] or PPLNS_PIPELINES names.",
            "Make the folder, or correct the setting.",
        )
    searched = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not _is_skipped(name)]
    files = [os.path.join(entry, "pipeline.py") if os.path.isdir(entry) else entry for entry in searched]
    found = [file for file in files if file.endswith(".py") and os.path.isfile(file)]
    if not found:
        raise no_pipelines(folder)
    return found


def no_pipelines(folder: str) -> ConfigError:
    """Return the error for a folder in which there is no pipeline."""
    return ConfigError(
        f"There is no pipeline in {folder!r}.",
        "A pipeline is a function under @pipeline, in a file NAME.py or NAME/pipeline.py of that folder.",
        "Write one (`pplns init DIR` makes a project with an example), or correct `pipelines` in [tool.pplns].",
    )


def _is_skipped(name: str) -> bool:
    return name in SKIPPED or name.startswith(SKIPPED_PREFIXES)


def candidates(files: list[str], name: str) -> Iterator[tuple[Likelihood, list[str]]]:
    """Yield the files that may define the pipeline `name` in groups, the likeliest first, all of them in the end.

    A file in which alone the name stands comes first, and once more where it belongs: its import tells sooner than
    parsing it whether it is the one."""
    wanted = name.casefold()
    sources = {file: source for file in files if wanted.encode() in (source := _source_of(file)).lower()}
    if len(sources) == 1:
        yield "alone", list(sources)
    defined = {file: _defined_by(source, file) for file, source in sources.items()}
    surely = [file for file in defined if wanted in defined[file].surely]
    perhaps = [file for file in defined if wanted in defined[file].perhaps and file not in surely]
    yield "sure", surely
    yield "possible", perhaps
    yield "unlikely", [file for file in files if file not in surely and file not in perhaps]


def defined_in(file: StrPath, *, mentioning: str = "") -> Defined:
    """Return the names, in lower case, of the pipelines that a file seems to define.

    A file in which the text `mentioning` doesn't stand, in any case, isn't looked at further."""
    source = _source_of(file)
    return _defined_by(source, file) if mentioning.encode() in source.lower() else NOTHING_DEFINED


def _defined_by(source: bytes, file: StrPath) -> Defined:
    try:
        return _defined(parse_source(source, file))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Defined(frozenset(), _names_in_broken(source.decode("utf-8", "replace")))


def _source_of(file: StrPath) -> bytes:
    try:
        return read_bytes(file)
    except OSError:
        return b""


def _names_in_broken(text: str) -> frozenset[str]:
    import re

    names: list[str] = re.findall(r"\bdef\s+(\w+)", text) + re.findall(r"\bname\s*=\s*[\"']([^\"']+)", text)
    return frozenset(name.casefold() for name in names)


def _defined(tree: ast.Module) -> Defined:
    import ast

    nodes = list(ast.walk(tree))
    aliases = _aliases(nodes)
    surely: set[str] = set()
    perhaps: set[str] = set()
    for found in nodes:
        if isinstance(found, ast.FunctionDef):
            for decorator in found.decorator_list:
                kind = _kind(decorator, aliases)
                name = _name_given(decorator) or found.name
                if kind != "step":
                    (surely if kind == "pipeline" else perhaps).add(name.casefold())
        elif isinstance(found, ast.Call) and _kind(found, aliases) != "step" and (given := _name_given(found)):
            perhaps.add(given.casefold())
    return Defined(frozenset(surely), frozenset(perhaps))


def _aliases(nodes: list[ast.AST]) -> dict[str, str]:
    """Return what names mean that are imported from pplns: 'pipeline', 'step' or 'pplns' itself."""
    import ast

    found: dict[str, str] = {}
    for statement in nodes:
        if isinstance(statement, ast.ImportFrom) and (statement.module or "").split(".")[0] == "pplns":
            found |= {alias.asname or alias.name: alias.name for alias in statement.names}
        elif isinstance(statement, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in statement.names if alias.name == "pplns"}
    return found


def _kind(decorator: ast.expr, aliases: dict[str, str]) -> str | None:
    import ast

    if isinstance(decorator, ast.Call):
        return _kind(decorator.func, aliases)
    if isinstance(decorator, ast.Attribute) and isinstance(decorator.value, ast.Name):
        return decorator.attr if aliases.get(decorator.value.id) == "pplns" else None
    return aliases.get(decorator.id) if isinstance(decorator, ast.Name) else None


def _name_given(decorator: ast.expr) -> str | None:
    import ast

    for keyword in decorator.keywords if isinstance(decorator, ast.Call) else ():
        if keyword.arg == "name" and isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str):
            return keyword.value.value
    return None
