"""The `pplns` command: runs, inspects and deploys pipelines."""
