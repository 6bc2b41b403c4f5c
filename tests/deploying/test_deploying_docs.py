"""docs/deploying.md says of every resource that Terraform makes why it is there."""

import re
from pathlib import Path

from pplns_deploy.deploying.refusals import ROLES
from pplns_deploy.deploying.summary import KINDS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploying.md").read_text("utf-8")


def test_every_resource_is_explained_and_none_that_there_is_not():
    """The table has the types of the configuration, no more and no less; plans have a word for each."""
    files = (ROOT / "terraform").rglob("*.tf")
    made = {kind for one in files for kind in re.findall(r'^resource "(\w+)"', one.read_text("utf-8"), re.M)}

    assert set(re.findall(r"^\| `(google_\w+|terraform_data)` \|", PAGE, re.M)) == made
    assert made <= KINDS.keys()


def test_every_role_that_a_refusal_names_is_among_the_permissions():
    """Who reads the page first meets no refusal later."""
    assert {one for one in set(ROLES.values()) if f"`{one}`" not in PAGE} <= {
        "roles/iam.serviceAccountOpenIdTokenCreator",  # granted to the environment's invokers
    }
