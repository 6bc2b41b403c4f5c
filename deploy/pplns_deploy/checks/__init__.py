"""What can be known about a project before anything runs.

`findings` says what a check yields, and `rules` is the flat list of checks of one pipeline, which need its code and run
in a clean process. `deployment` says what the checks of an environment know; they stand in `placing`, `quotas`,
`timing`, `code` and `supplies`, and those that ask Google in `online`. `whole` has their list and runs them all."""

from pplns_deploy.checks.deployment import Deployment
from pplns_deploy.checks.findings import Checked, Finding, Severity, Subject
from pplns_deploy.checks.online import ONLINE_CHECKS
from pplns_deploy.checks.project import check_pipeline, check_project
from pplns_deploy.checks.rules import PIPELINE_CHECKS
from pplns_deploy.checks.whole import (
    ENVIRONMENT_CHECKS,
    FOLDER_CHECKS,
    check_deployment,
    check_everything,
    check_folder,
)

__all__ = [
    "ENVIRONMENT_CHECKS",
    "FOLDER_CHECKS",
    "ONLINE_CHECKS",
    "PIPELINE_CHECKS",
    "Checked",
    "Deployment",
    "Finding",
    "Severity",
    "Subject",
    "check_deployment",
    "check_everything",
    "check_folder",
    "check_pipeline",
    "check_project",
]
