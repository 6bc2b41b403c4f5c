"""What Terraform is given: the variables of an environment, made from manifest, environment and images.

The configuration itself is static and stands in `terraform/`; everything that it needs is one generated file.
`variables` makes its content, `pipelines` what each pipeline contributes, `changes` says what is lost by going from one
content to another, and `configuration` finds the folder. All of it is pure: nothing here runs Terraform."""

from pplns_deploy.terraform.changes import Warned, warn_of_changes
from pplns_deploy.terraform.configuration import configuration_folder
from pplns_deploy.terraform.variables import VARIABLES_FILE, generate_variables, variables_text

__all__ = [
    "VARIABLES_FILE",
    "Warned",
    "configuration_folder",
    "generate_variables",
    "variables_text",
    "warn_of_changes",
]
