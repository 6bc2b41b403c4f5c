"""Triggers: what a request is that may start a run, who sent it, and the topics that runs go on by.

`envelope.recognise` reads a request; `callers.check_caller` its token; `topics.publish` sends messages."""
