"""What can be known about a project before anything runs.

`findings` says what a check knows and yields, `rules` is the flat list of checks of one pipeline, `project` loads the
pipelines and gathers what the checks find. What needs a cloud is not known here."""

from pplns_deploy.checks.findings import Checked, Finding, Severity, Subject
from pplns_deploy.checks.project import check_pipeline, check_project

__all__ = ["Checked", "Finding", "Severity", "Subject", "check_pipeline", "check_project"]
