"""What users write: steps, pipelines, and the parameters of a pipeline."""

from pplns.steps.definitions import Pipeline, Recorder, Step, StepOptions, pipeline, recorder, step
from pplns.steps.handles import Handle, source_of
from pplns.steps.logical_dates import LogicalDate, logical_date

__all__ = [
    "Handle",
    "LogicalDate",
    "Pipeline",
    "Recorder",
    "Step",
    "StepOptions",
    "logical_date",
    "pipeline",
    "recorder",
    "source_of",
    "step",
]
