"""Bytecode for the container: without it a start that imports pandas and Google's clients takes 2.9 s instead of 0.8 s.

Bytecode belongs to one minor version of Python, so an interpreter of that version on this machine compiles it. It is
hash-based and unchecked (PEP 552): no time of a file is in it, and none is looked at when it is loaded."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from pplns.errors import ConfigError
from pplns_deploy.image.contents import compiling
from pplns_deploy.image.contents.entries import Entry
from pplns_deploy.locking import find_uv

NOT_COMPILED = frozenset({"tests", "test"})  # libraries bring theirs; nothing imports them
_VERSION = "import sys; print(sys.implementation.cache_tag, '.'.join(map(str, sys.version_info[:3])))"


def find_interpreter(python: str) -> str | None:
    """Return an interpreter of a minor version on this machine, or None."""
    if python == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    for candidate in _candidates(python):
        if (version_of(candidate) or "").startswith(f"{python}."):
            return candidate
    return None


def version_of(interpreter: str) -> str | None:
    """Return the version of a CPython, such as 3.12.1, or None where it isn't one or doesn't run."""
    try:
        done = subprocess.run(
            [interpreter, "-I", "-S", "-c", _VERSION], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    tag, _, version = done.stdout.strip().partition(" ")
    return version if tag.startswith("cpython") else None


def compile_entries(entries: Sequence[Entry], *, interpreter: str, python: str, scratch: Path) -> list[Entry]:
    """Return the bytecode of the modules among some entries, as entries beside them; files go into `scratch`.

    Raises: ConfigError where the interpreter fails."""
    modules = [entry for entry in entries if _is_compiled(entry)]
    folder = Path(mkdtemp(dir=scratch, prefix="bytecode-"))
    listed = [_listed(number, entry, folder) for number, entry in enumerate(modules)]
    _compile(listed, interpreter, folder)
    return [
        Entry(_bytecode_path(entry.path, python), Path(output))
        for entry, (_, _, output) in zip(modules, listed, strict=True)
        if Path(output).exists()
    ]


def _candidates(python: str) -> Iterator[str]:
    for name in (f"python{python}", "python3", "python"):
        if found := shutil.which(name):
            yield found
    finding = [find_uv(), "python", "find", "--no-python-downloads", "--no-project", python]
    done = subprocess.run(finding, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode == 0:
        yield done.stdout.strip()


def _is_compiled(entry: Entry) -> bool:
    path = PurePosixPath(entry.path)
    return path.suffix == ".py" and entry.target is None and not NOT_COMPILED.intersection(path.parts)


def _listed(number: int, entry: Entry, folder: Path) -> tuple[str, str, str]:
    source = entry.content
    if isinstance(source, bytes):
        source = folder / f"{number}.py"
        source.write_bytes(entry.read())
    return str(source), f"/{entry.path}", str(folder / f"{number}.pyc")


def _bytecode_path(path: str, python: str) -> str:
    module = PurePosixPath(path)
    return str(module.parent / "__pycache__" / f"{module.stem}.cpython-{python.replace('.', '')}.pyc")


def _compile(listed: Sequence[tuple[str, str, str]], interpreter: str, folder: Path) -> None:
    """Compile in as many processes as there are processors: what each writes doesn't depend on the others."""
    count = max(1, min(os.cpu_count() or 1, len(listed) // 50))
    started = [_start(listed[start::count], interpreter, folder / f"{start}.json") for start in range(count)]
    for process in started:
        _, complaint = process.communicate()
        if process.returncode:
            raise ConfigError(
                f"{interpreter} can't compile: {complaint.decode(errors='replace').strip()[-500:]}",
                "It is the Python that makes the bytecode of the image.",
                "Mend it, or choose another minor version with --python.",
            )


def _start(listed: Sequence[tuple[str, str, str]], interpreter: str, file: Path) -> "subprocess.Popen[bytes]":
    file.write_text(json.dumps(list(listed)), encoding="utf-8")
    return subprocess.Popen(
        [interpreter, "-I", "-S", compiling.__file__, str(file)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
