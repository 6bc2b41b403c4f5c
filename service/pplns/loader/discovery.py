"""Discovery: every pipeline of a project, or the one that was asked for without importing the others.

A broken file is reported beside the pipelines of the other files; it never hides them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType

from pplns.errors import ConfigError, NotFoundError
from pplns.loader.broken import Broken
from pplns.loader.imports import import_file, import_module
from pplns.loader.processes import put_first_on_path
from pplns.loader.sources import candidates, no_pipelines, pipeline_files
from pplns.model.frozen import Frozen
from pplns.model.names import listed, nearest, shorten
from pplns.steps import Pipeline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeGuard

    from pplns.settings import Settings

    AnyPipeline = Pipeline[Any, Any]


class Found(Frozen):
    """The pipelines of a project by name, the file of each, and the files that are broken."""

    pipelines: Mapping[str, AnyPipeline]
    broken: tuple[Broken, ...]
    files: Mapping[str, str]


def discover(settings: Settings) -> Found:
    """Import every pipeline file and return what they define; with `settings.pipeline` only the file that defines it.

    Two pipelines of one name, also where only case differs, are both left out and reported as broken.

    Raises: ConfigError where there is no folder or no pipeline at all; NotFoundError and LoadError for the one
    pipeline that the settings name."""
    put_first_on_path(settings)
    if settings.pipeline or settings.pipelines_module:
        return _load_one(settings, settings.pipeline)
    search = _Search()
    search.read(pipeline_files(settings), settings)
    if not search.places and not search.broken:
        raise no_pipelines(settings.pipelines_dir)
    return search.found()


def load_pipeline(settings: Settings, name: str) -> AnyPipeline:
    """Return the pipeline of that name, importing only the file that defines it where its source tells which.

    Raises: NotFoundError with the nearest name; LoadError where its file is broken or two files define it."""
    put_first_on_path(settings)
    if settings.pipeline and name != settings.pipeline:
        raise NotFoundError(
            f"There is no pipeline {shorten(name)} here.",
            f"PPLNS_PIPELINE limits this process to {settings.pipeline!r}.",
            "Ask for that one, or unset PPLNS_PIPELINE.",
        )
    return _load_one(settings, name).pipelines[name]


def _load_one(settings: Settings, name: str | None) -> Found:
    if settings.pipelines_module:
        found = _from_module(settings.pipelines_module, settings)
        if name is not None and name not in found.pipelines:
            raise _not_found(found, name)
        return found
    return _search_for(name or "", settings)


def _search_for(name: str, settings: Settings) -> Found:
    search = _Search()
    suspects: list[Broken] = []
    for likelihood, files in candidates(pipeline_files(settings), name):
        search.read(files, settings)
        found = search.found()
        if name in found.pipelines:
            return Found({name: found.pipelines[name]}, (), {name: found.files[name]})
        if likelihood == "alone":
            continue
        suspects += search.repeated(name)
        if likelihood != "unlikely":
            suspects += [one for one in search.broken if one.file in files]
        if suspects and likelihood != "possible":
            raise suspects[0].as_error()
    if not search.places and not search.broken:
        raise no_pipelines(settings.pipelines_dir)
    raise _not_found(search.found(), name)


def _from_module(name: str, settings: Settings) -> Found:
    module_name, _, attribute = name.partition(":")
    file = os.path.join(settings.root_dir, *module_name.split(".")) + ".py"
    module = import_module(module_name, file=file, root=settings.root_dir)
    if isinstance(module, Broken):
        raise module.as_error()
    pipeline: object = getattr(module, attribute, None)
    if not _is_pipeline(pipeline):
        met = f"is {pipeline!r}" if hasattr(module, attribute) else "does not exist"
        raise ConfigError(
            f"PPLNS_PIPELINES is {name!r}, but {attribute!r} {met} in {module_name!r}.",
            "module:name names a function under @pipeline.",
            "Correct the name, or name a folder of pipelines.",
        )
    return Found({pipeline.name: pipeline}, (), {pipeline.name: module.__file__ or settings.root_dir})


def _not_found(found: Found, name: str) -> NotFoundError:
    known = sorted(found.pipelines)
    near = nearest(name, known)
    places = listed((one.place for one in found.broken), shown=str) if found.broken else ""
    broken = f" What broken files define is not known: {places}." if places else ""
    otherwise = "Correct the name, or the broken files; `pplns list` shows both." if places else "See `pplns list`."
    return NotFoundError(
        f"There is no pipeline {shorten(name)}.",
        f"Known: {listed(known)}.{broken}",
        f"Did you mean {near!r}?" if near else otherwise,
    )


def pipelines_of(module: ModuleType) -> list[AnyPipeline]:
    """Return the pipelines that a module defines, each once, without those that it imports from another one."""
    held = [value for value in _names_of(module).values() if _is_pipeline(value)]
    own = [pipeline for pipeline in held if not _is_imported(pipeline, module)]
    return list({id(pipeline): pipeline for pipeline in own}.values())


def _names_of(module: ModuleType) -> Mapping[str, object]:
    return getattr(module, "__dict__", {})  # a file may put anything into sys.modules in its own place


def _is_pipeline(value: object) -> TypeGuard[AnyPipeline]:
    return isinstance(value, Pipeline)


def _is_imported(pipeline: AnyPipeline, module: ModuleType) -> bool:
    """Tell whether the module that the function is from holds this pipeline too; a factory there doesn't."""
    home = sys.modules.get(pipeline.function.__module__)
    return home is not None and home is not module and any(value is pipeline for value in _names_of(home).values())


class _Search:
    """What has been read so far: `places` holds the pipelines with their files, by name in lower case."""

    def __init__(self) -> None:
        self.places: dict[str, list[tuple[AnyPipeline, str]]] = {}
        self.broken: list[Broken] = []
        self._read: set[str] = set()

    def read(self, files: Iterable[str], settings: Settings) -> None:
        for file in files:
            if file in self._read:
                continue
            self._read.add(file)
            module = import_file(file, settings)
            if isinstance(module, Broken):
                self.broken.append(module)
                continue
            for pipeline in pipelines_of(module):
                self._add(pipeline, file)

    def _add(self, pipeline: AnyPipeline, file: str) -> None:
        known = self.places.setdefault(pipeline.name.casefold(), [])
        if all(pipeline is not other for other, _ in known):
            known.append((pipeline, file))

    def found(self) -> Found:
        single = sorted((places[0] for places in self.places.values() if len(places) == 1), key=_name_in)
        pipelines = {pipeline.name: pipeline for pipeline, _ in single}
        repeated = [broken for name in self.places for broken in self.repeated(name)]
        return Found(pipelines, (*self.broken, *repeated), {pipeline.name: file for pipeline, file in single})

    def repeated(self, name: str) -> list[Broken]:
        places = self.places.get(name.casefold(), [])
        if len(places) < 2:
            return []
        (first, first_file), (second, file) = places[0], places[1]
        other = "" if first.name == second.name else f", as {first.name!r}"
        met = f"the pipeline {second.name!r} is also defined in {first_file}:{_line_of(first)}{other}."
        remedy = 'Rename one of them; @pipeline(name="…") gives a name of its own.'
        return [
            Broken(file, _line_of(second), met, remedy, "No two pipelines have one name, also not in another case.")
        ]


def _name_in(place: tuple[AnyPipeline, str]) -> str:
    return place[0].name


def _line_of(pipeline: AnyPipeline) -> int:
    code = getattr(pipeline.function, "__code__", None)
    return code.co_firstlineno if code else 1
