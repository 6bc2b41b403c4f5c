"""The manifest: the pipelines of a project as frozen data, for whoever must not run a user's code to know them.

`clean` imports the project in a process of its own, so that its code can't disturb the tool, and a file that crashes
or hangs is named. Inside that process `describing` turns pipelines into the values of `model`, and `sources` reads
which files, libraries and secrets they use. `model` goes through JSON both ways."""

from pplns_deploy.manifest.clean import IMPORT_SECONDS, call_clean, read_manifest
from pplns_deploy.manifest.describing import declare
from pplns_deploy.manifest.model import (
    BrokenFile,
    Declared,
    LibraryUse,
    Manifest,
    ParameterEntry,
    PipelineEntry,
    SecretUse,
    StepEntry,
    TriggerEntry,
)

__all__ = [
    "IMPORT_SECONDS",
    "BrokenFile",
    "Declared",
    "LibraryUse",
    "Manifest",
    "ParameterEntry",
    "PipelineEntry",
    "SecretUse",
    "StepEntry",
    "TriggerEntry",
    "call_clean",
    "declare",
    "read_manifest",
]
