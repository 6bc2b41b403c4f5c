"""`pplns package`: the container image of a project, without Docker."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from pplns.errors import ConfigError
from pplns_deploy.cli.console import Console
from pplns_deploy.cli.errors import write_error
from pplns_deploy.cli.nearest import NearChoice
from pplns_deploy.cli.opening import load_project
from pplns_deploy.cli.options import examples, json_option, project_option, unwritable

if TYPE_CHECKING:
    from pplns.settings import Settings
    from pplns_deploy.image.build import Recipe
    from pplns_deploy.image.builders import Builder
    from pplns_deploy.image.images import Image
    from pplns_deploy.image.packaging import Packaging
    from pplns_deploy.image.references import Reference
    from pplns_deploy.image.settings import ImageSettings

ARCHIVE_PREFIX = "oci-archive:"
BUILDERS = ("docker", "cloud-build")


@click.command(
    epilog=examples(
        "pplns package",
        "pplns package --output oci-archive:image.tar",
        "pplns package --push europe-docker.pkg.dev/my-project/pipelines/sales",
        "pplns package --push localhost:5000/sales --base python:3.12-slim",
    )
)
@click.option(
    "--push", "repository", metavar="[REPO]", is_flag=False, flag_value="",
    help="Push it to this repository; without REPO to that of [tool.pplns.image].",
)  # fmt: skip
@click.option("-o", "--output", metavar="oci-archive:FILE", help="Write it to a file, as skopeo and podman load it.")
@click.option("--base", metavar="IMAGE", help="The image to build on, instead of that of [tool.pplns.image].")
@click.option("--python", metavar="3.X", help="The Python of base and lock, as a check; the lock's by default.")
@click.option("--platform", metavar="OS/ARCH", help="linux/amd64 (the default) or linux/arm64.")
@click.option("--pipeline", metavar="NAME", help="Install the groups that this pipeline names for `pplns lock`.")
@click.option("--builder", type=NearChoice(BUILDERS), metavar="NAME", help="Build by docker or cloud-build instead.")
@click.option("--strict", is_flag=True, help="Take warnings as errors.")
@json_option
@project_option
@click.pass_obj
def package(
    console: Console, /, *, repository: str | None, output: str | None, builder: str | None, pipeline: str | None,
    strict: bool, project: Path | None, **given: str | None,
) -> None:  # fmt: skip
    """Build the container image of the project, without Docker.

    It has the base image, the locked wheels, the installed pplns and the project's files, each a layer; the same inputs
    give the same digest. Without --push and --output it is only built, into the cache.
    """
    file = None if output is None else _archive_file(output)
    if builder is not None and file is not None:
        raise click.UsageError("--builder writes no archive, so --output goes without it.")
    settings = load_project(project)
    try:
        from pplns_deploy.image.settings import read_image_settings

        wanted = read_image_settings(settings.root, given)
        target = _target(repository, wanted)
        recipe = _recipe(settings, wanted, pipeline)
        if builder is not None:
            document = _build_elsewhere(console, recipe, wanted, cast("Builder", builder), target)
        else:
            document = _package(console, recipe, wanted, target, file, strict=strict)
    except ModuleNotFoundError as error:
        raise _lacks(error) from error
    if console.as_json:
        console.document(document)


def _package(
    console: Console, recipe: "Recipe", wanted: "ImageSettings", target: "Reference | None", file: Path | None, *,
    strict: bool,
) -> dict[str, Any]:  # fmt: skip
    from pplns_deploy.cli.transfers import watching
    from pplns_deploy.image.cache import Cache, cache_folder

    cache = Cache(cache_folder(os.environ))
    with watching(console) as watch:
        from pplns_deploy.image.packaging import Packaging

        packaging = Packaging(cache, os.environ, watch)
        image = packaging.build(recipe, packaging.find_base(_base(recipe, wanted), platform=recipe.platform))
        _warn(console, image, strict=strict)
        placed = _place(packaging, image, target, file)
    cache.prune()
    document = _describe(image) | placed
    _write(console, document)
    return document


def _recipe(settings: "Settings", wanted: "ImageSettings", pipeline: str | None) -> "Recipe":
    from pplns_deploy.image.build import recipe_of
    from pplns_deploy.image.locks import find_lock

    lock = find_lock(settings.root, platform=wanted.platform, python=wanted.python, pipeline=pipeline)
    return recipe_of(settings, lock.file, platform=wanted.platform, python=lock.python, source=wanted.source)


def _base(recipe: "Recipe", wanted: "ImageSettings") -> "Reference":
    from pplns_deploy.image.references import parse_reference

    return parse_reference(wanted.base.replace("{python}", recipe.python))


def _place(packaging: "Packaging", image: "Image", target: "Reference | None", file: Path | None) -> dict[str, Any]:
    """Push and save an image as asked, and return what is to be said about it."""
    placed: dict[str, Any] = {"image": None, "tags": [], "sent_bytes": 0, "archive": None, "sbom_file": None}
    if file is not None:
        try:
            bill = packaging.save(image, file)
        except OSError as error:
            raise unwritable(file, error) from error
        placed |= {"archive": str(file), "sbom_file": str(bill)}
    if target is not None:
        pushed = packaging.push(image, target)
        placed |= {"image": str(pushed.reference), "tags": list(pushed.tags), "sent_bytes": pushed.sent_bytes}
    return placed


def _build_elsewhere(
    console: Console, recipe: "Recipe", wanted: "ImageSettings", builder: "Builder", target: "Reference | None"
) -> dict[str, Any]:
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from pplns_deploy.image.builders import write_context
    from pplns_deploy.image.references import parse_reference
    from pplns_deploy.project import project_name

    named = target or parse_reference(f"localhost/{project_name(recipe.settings.root)}")
    named = replace(named, tag=named.tag or "latest")
    with TemporaryDirectory(prefix="pplns-") as folder:
        context = Path(folder) / "context"
        context.mkdir()
        write_context(recipe, context, base=str(_base(recipe, wanted)))
        build = _by_docker if builder == "docker" else _by_cloud_build
        digest = build(console, context, named, platform=recipe.platform, is_pushed=target is not None)
    image = str(named.at(digest)) if digest else str(named)
    console.say(f"Built {image} by {builder}.")
    return {"image": image, "builder": builder, "digest": digest}


def _by_docker(console: Console, context: Path, named: "Reference", *, platform: str, is_pushed: bool) -> str | None:
    from pplns_deploy.image.builders import build_by_docker
    from pplns_deploy.image.registry.calls import Registry
    from pplns_deploy.image.registry.downloads import fetch_manifest

    build_by_docker(context, tag=str(named), platform=platform, is_pushed=is_pushed)
    found = fetch_manifest(Registry(named, environ=os.environ), named) if is_pushed else None
    return found.digest if found else None


def _by_cloud_build(console: Console, context: Path, named: "Reference", *, platform: str, is_pushed: bool) -> str:
    from pplns_deploy.cloud import GoogleApis
    from pplns_deploy.image.cloud_build import CloudBuild, place_of

    if not is_pushed:
        raise ConfigError(
            "--builder cloud-build was called without --push.",
            "Cloud Build pushes what it builds.",
            "Add --push REPOSITORY.",
        )
    place = place_of(named, platform=platform)
    return CloudBuild(GoogleApis(os.environ), place, console.say).run(context, str(named))


def _target(repository: str | None, wanted: "ImageSettings") -> "Reference | None":
    from pplns_deploy.image.references import parse_reference

    if repository is None:
        return None
    text = repository or wanted.repository
    if text is None:
        raise ConfigError(
            "--push names no repository, and [tool.pplns.image] has none.",
            "An image is pushed to a repository of a registry.",
            'Name it: --push REGISTRY/REPOSITORY, or repository = "…" in [tool.pplns.image].',
        )
    target = parse_reference(text)
    if target.digest is not None:
        raise ConfigError(
            f"--push {text!r} names a digest.", "The digest comes out of the build.", "Leave it out, or write a tag."
        )
    return target


def _archive_file(output: str) -> Path:
    if not output.startswith(ARCHIVE_PREFIX) or output == ARCHIVE_PREFIX:
        raise click.BadParameter(f"{output!r} is not of the form {ARCHIVE_PREFIX}FILE.", param_hint="'--output'")
    file = Path(output.removeprefix(ARCHIVE_PREFIX))
    if not file.parent.is_dir():  # said before minutes of building
        raise click.BadParameter(f"there is no folder {str(file.parent)!r}.", param_hint="'--output'")
    return file


def _warn(console: Console, image: "Image", *, strict: bool) -> None:
    for warning in image.warnings:
        if strict:
            raise ConfigError(warning, "", "Or leave --strict out.")
        write_error(console, warning, "", kind="Warning")


def _describe(image: "Image") -> dict[str, Any]:
    base = [{"name": "base", "digest": one.digest, "size_bytes": one.size_bytes} for one in image.base.layers]
    added = [{"name": one.name, "digest": one.digest, "size_bytes": one.size_bytes} for one in image.layers]
    return {
        "digest": image.digest,
        "platform": image.platform,
        "base": {"name": str(image.base.asked), "image": str(image.base.reference)},
        "layers": [*base, *added],
        "sbom": image.sbom.digest,
        "warnings": list(image.warnings),
    }


def _write(console: Console, document: Mapping[str, Any]) -> None:
    from pplns_deploy.cli.output import Column, bytes_text, table_lines

    rows = [[layer["name"], bytes_text(layer["size_bytes"]), layer["digest"]] for layer in document["layers"]]
    columns = [Column("LAYER"), Column("SIZE", is_number=True), Column("DIGEST", least=20)]
    for line in table_lines(columns, rows, width=console.width):
        console.say(line)
    console.say(f"Base   {document['base']['image']}")
    console.say(f"Image  {document['image'] or document['digest']}")
    if document["image"]:
        sent = bytes_text(document["sent_bytes"])
        console.say(f"Pushed {', '.join(document['tags'])}: {sent} sent, the rest was there.")
    if document["archive"]:
        console.say(f"Saved  {document['archive']}, with its bill of materials in {document['sbom_file']}.")


def _lacks(error: ModuleNotFoundError) -> ConfigError:
    return ConfigError(
        f"`pplns package` needs {error.name}, which isn't installed.",
        "It comes with the extra 'deploy'.",
        "Install it: pip install 'pplns[deploy]'.",
    )
