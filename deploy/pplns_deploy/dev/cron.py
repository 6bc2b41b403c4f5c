"""When a schedule fires, for the emulation of Cloud Scheduler: as the service itself finds it."""

from pplns.triggers.firing import last_time, next_time, wall_times

__all__ = ["last_time", "next_time", "wall_times"]
