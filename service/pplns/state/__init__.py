"""The state of runs in a store: records, checkpoints, leases, and reading them back (PROTOCOL.md)."""
