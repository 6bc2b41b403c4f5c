"""What a file store writes has names that Windows takes, for the longest names that there are."""

from datetime import UTC, datetime
from pathlib import PureWindowsPath

import pytest

from pplns import DefinitionError, pipeline, step
from pplns.graph import build_graph
from pplns.model.ids import MAX_RUN_ID_LENGTH, VERSION_LENGTH, derive_run_id, new_token
from pplns.model.names import MAX_NAME_LENGTH, is_name
from pplns.state.artifacts import ArtifactPlace
from pplns.state.ends import end_name
from pplns.state.lease import lease_name
from pplns.state.runs import hint_folder, run_prefix

MAX_PATH = 240
PROJECT = PureWindowsPath("C:/" + "p" * 57)
EXTENSIONS = ("arrow", "arrows", "batches", "parquet", "json", "npy", "bin", "txt", "file")
DEVICES = ["CON", "prn", "Aux", "NUL", "com1", "LPT9"]
NAME = "n" * MAX_NAME_LENGTH
STEP = NAME + "_999"  # the thousandth use of one step
RUN_ID = derive_run_id(NAME, kind="schedule", key="k", logical_date=datetime(2013, 1, 31, tzinfo=UTC))
PREFIX = run_prefix(NAME, RUN_ID)
VERSION = "f" * VERSION_LENGTH
OBJECTS = [
    f"{PREFIX}/run.json",
    lease_name(PREFIX).replace("lease.", "lease.9999."),
    end_name(PREFIX, 9999),
    f"{PREFIX}/steps/{STEP}@{VERSION}.json",
    f"{PREFIX}/redo/{STEP}.99.json",
    f"{NAME}/{hint_folder('succeeded')}/{RUN_ID}",
    *(ArtifactPlace(prefix=PREFIX, step=STEP, version=VERSION).name(new_token(), extension=one) for one in EXTENSIONS),
]


@pytest.mark.parametrize("name", OBJECTS)
def test_paths_are_short_enough_and_hold_no_forbidden_name(name: str) -> None:
    """Under 240 characters from a project path of 60, without a colon or a name of a device."""
    path = PROJECT / ".pplns" / PureWindowsPath(name)

    assert len(str(PROJECT)) == 60
    assert len(str(path)) < MAX_PATH
    assert not set(':*?"<>|\\') & set(name)
    assert not [part for part in path.parts[1:] if part.split(".")[0].lower() in map(str.lower, DEVICES)]
    assert not [part for part in path.parts if part.endswith((".", " "))]


@pytest.mark.parametrize("name", DEVICES)
def test_devices_are_no_names(name: str) -> None:
    """A pipeline called `aux` would be a folder that Windows can't make."""
    assert not is_name(name)
    assert not is_name(name.lower())


def test_names_that_differ_by_case_cannot_collide() -> None:
    """`Clean` and `clean` are one file on Windows and macOS."""

    @step
    def clean(x: int) -> int:
        return x

    def body() -> int:
        return clean.named("Clean")(clean(1))

    with pytest.raises(DefinitionError, match="upper and lower case alike"):
        build_graph(pipeline(name="tested")(body), {})


def test_a_run_id_of_ones_own_has_room_in_a_short_path() -> None:
    """The longest id that a person may choose fits where the project's path is short."""
    path = (
        PureWindowsPath("C:/p/.pplns") / run_prefix("orders", "r" * MAX_RUN_ID_LENGTH) / "artifacts" / OBJECTS[-1][-50:]
    )

    assert len(str(path)) < MAX_PATH
