"""Deploying: Terraform's plans made, shown, applied in two steps, and what is live read back from its state.

`binary`, `library`, `folder`, `process` and `terraform` run Terraform; `refusals` turns what it says into errors with a
remedy, `locks` knows who holds its lock, `leftovers` what a dead deployment left. The rest decides, without running
anything: `summary` reads a plan, `deployed` a state (`saved_state` fetches it), `rollout` says what comes next.
`google` asks Google's APIs what Terraform can't; `health`, `smoke`, `revision_client` and `revision_logs` ask the new
revision. `stages` has the order of the steps, which the command line shows; `ejecting` is the way out."""

from pplns_deploy.deploying.deployed import Deployed, LiveService, read_deployed
from pplns_deploy.deploying.rollout import Rollout, roll_back, roll_out, shift_traffic
from pplns_deploy.deploying.summary import Change, PlanSummary, summarize
from pplns_deploy.deploying.terraform import Terraform, open_terraform

__all__ = [
    "Change",
    "Deployed",
    "LiveService",
    "PlanSummary",
    "Rollout",
    "Terraform",
    "open_terraform",
    "read_deployed",
    "roll_back",
    "roll_out",
    "shift_traffic",
    "summarize",
]
