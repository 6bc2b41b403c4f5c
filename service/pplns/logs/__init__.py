"""Logs: what steps print, log and warn becomes one line each, with the labels of its run.

`redaction` keeps secrets out, `lines` gives a line its shape, `places` knows which step is speaking, `streams` and
`capture` catch what it says, `outputs` write it. Keeping a run's lines is the matter of `engine.run_log` and
`state.logs`."""
