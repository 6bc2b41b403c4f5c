"""The scenarios that are explored: a sample for every change, and all of them with `--full`."""

from protocol.rules import FORK, JOIN, PAIR, Scenario

SAMPLE = (
    Scenario(PAIR, 3, failures=1),
    Scenario(FORK, 3, failures=1),
    Scenario(JOIN, 3, failures=1),
    Scenario(PAIR, 3, damages=1),
    Scenario(JOIN, 3, damages=1),
    Scenario(PAIR, 3, deploys=1),
    Scenario(PAIR, 3, failures=1, reopens=1),
    Scenario(JOIN, 3, cancels=1),
    Scenario(PAIR, 2, crashes=2, failures=1),
    Scenario(PAIR, 2, crashes=1, failures=1, cancels=1, reopens=1),
    Scenario(PAIR, 2, reopens=1, damages=1, deploys=2),
    Scenario(PAIR, 3, boundaries=1),
    Scenario(PAIR, 2, crashes=2, boundaries=2),
    Scenario(PAIR, 2, crashes=1, boundaries=1, failures=1, cancels=1),
    Scenario(PAIR, 2, crashes=1, boundaries=1, reopens=1, waits=1),
    Scenario(PAIR, 2, crashes=2, boundaries=1, handovers=1),
)
REST = (
    Scenario(PAIR, 4),
    Scenario(JOIN, 4),
    Scenario(FORK, 4),
    Scenario(PAIR, 3, crashes=1, failures=1),
    Scenario(JOIN, 3, crashes=1, failures=1),
    Scenario(PAIR, 3, failures=1, cancels=1),
    Scenario(FORK, 3, failures=1, cancels=1),
    Scenario(PAIR, 3, cancels=1, reopens=1),
    Scenario(JOIN, 3, failures=1, damages=1, deploys=1),
    Scenario(PAIR, 2, crashes=2, failures=1, cancels=1, reopens=1),
    Scenario(JOIN, 3, boundaries=2),
    Scenario(PAIR, 3, crashes=1, boundaries=2),
    Scenario(PAIR, 3, boundaries=1, cancels=1),
    Scenario(PAIR, 3, boundaries=2, handovers=1, waits=1),
    Scenario(PAIR, 2, crashes=2, boundaries=2, failures=1, reopens=1, waits=1),
    Scenario(PAIR, 2, crashes=1, boundaries=1, damages=1, deploys=1, waits=1),
    Scenario(PAIR, 2, crashes=1, failures=1, cancels=1, reopens=1, damages=1, deploys=1),
)
