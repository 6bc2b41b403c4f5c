"""Google's REST APIs, for the few questions and commands that aren't Terraform's.

`credentials` says as whom, `calls` sends requests and repeats those that may be repeated."""

from pplns_deploy.cloud.calls import GoogleApis, GoogleRefused
from pplns_deploy.cloud.credentials import TOKEN_VARIABLE, AccessTokens, NoCredentials

__all__ = ["TOKEN_VARIABLE", "AccessTokens", "GoogleApis", "GoogleRefused", "NoCredentials"]
