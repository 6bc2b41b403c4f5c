"""The `pplns` command: runs, inspects and deploys pipelines."""

from pplns.finder import find_quickly

find_quickly(__name__)
