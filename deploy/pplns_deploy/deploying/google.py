"""The few questions to Google's APIs that Terraform can't answer, and what must be there before Terraform can work."""

import time

from pplns.errors import ConfigError, PplnsError
from pplns_deploy.cloud.calls import FIRST_APIS, LOOPBACK, PAUSE_SECONDS, GoogleApis, GoogleRefused, Json
from pplns_deploy.deploying.refusals import TerraformFailed, remedy_of

__all__ = ["LOOPBACK", "Google", "Json", "Refused"]


class Refused(GoogleRefused, TerraformFailed):
    """Google refused a call of a deployment."""


class Google(GoogleApis):
    """Google's APIs, called as whoever deploys."""

    def revisions(self, project: str, region: str, service: str) -> list[Json]:
        """Return the revisions of a service, newest first."""
        path, found, page = f"projects/{project}/locations/{region}/services/{service}/revisions", list[Json](), ""
        while True:
            answer = self.call("GET", "run", path, query={"pageToken": page} if page else {})
            found += answer.get("revisions", [])
            if not (page := answer.get("nextPageToken", "")):
                return sorted(found, key=lambda one: str(one.get("createTime")), reverse=True)

    def identity_token(self, account: str, audience: str) -> str:
        """Return an identity token of a service account that the caller may make tokens of."""
        path = f"projects/-/serviceAccounts/{account}:generateIdToken"
        return str(self.call("POST", "credentials", path, {"audience": audience, "includeEmail": True})["token"])

    def enable_apis(self, project: str) -> None:
        """Enable what bootstrapping needs; the rest is Terraform's."""
        names = [f"{name}.googleapis.com" for name in FIRST_APIS]
        operation = self.call("POST", "services", f"projects/{project}/services:batchEnable", {"serviceIds": names})
        self._wait("services", operation)

    def make_state_bucket(self, project: str, name: str, region: str) -> bool:
        """Make the bucket of Terraform's state, and tell whether it wasn't there.

        Raises: ConfigError where it is somebody else's."""
        if (found := self.find("storage", f"b/{name}")) is not None:
            self._require_own(found, name)
            return False
        body = {
            "name": name, "location": region.upper(), "versioning": {"enabled": True},
            "iamConfiguration": {
                "uniformBucketLevelAccess": {"enabled": True}, "publicAccessPrevention": "enforced",
            },
        }  # fmt: skip
        try:
            self.call("POST", "storage", "b", body, query={"project": project})
        except Refused as refused:
            if refused.status != 409:
                raise
            raise _taken(name) from refused
        return True

    def refusal(self, status: int, met: str, words: str) -> PplnsError:
        """Return the error for a refusal, with what a deployment needs."""
        reach = "See whether this machine reaches the Internet."
        return Refused(status, met, "", remedy_of(words) if status else reach)

    def _wait(self, api: str, operation: Json) -> None:
        while not operation.get("done"):
            time.sleep(PAUSE_SECONDS)
            operation = self.call("GET", api, str(operation["name"]))
        if "error" in operation:
            message = str(operation["error"].get("message", "it failed"))
            raise TerraformFailed(f"Google couldn't enable the APIs: {message}", "", remedy_of(message))

    def _require_own(self, bucket: Json, name: str) -> None:
        if bucket.get("iamConfiguration", {}).get("publicAccessPrevention") != "enforced":
            raise ConfigError(
                f"The bucket {name!r} is there, and may be made public.",
                "The state of Terraform belongs in a bucket that nobody can open to all.",
                f"Close it: gcloud storage buckets update gs://{name} --public-access-prevention",
            )


def _taken(name: str) -> ConfigError:
    return ConfigError(
        f"The bucket {name!r} belongs to another project.",
        "Bucket names are everyone's, and the state's is made of project and environment.",
        "Give the environment another name in [tool.pplns.env].",
    )
