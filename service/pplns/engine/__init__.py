"""The engine: plans an attempt of a run, runs its steps, and makes each finished step durable."""
