"""`pplns dev`: what Cloud Scheduler and Pub/Sub do in the cloud, done on this machine, into the same service.

`schedules` and `broker` decide what is sent when, given the time: no clock, no thread, no socket. `emulation` is the
loop that asks them, `sending` the one place that sends, `service` the process of the service and its reload, `tether`
what tells it that it is to end, and ends it should this one be killed. `endpoint` answers what the service and other
commands ask, and `google_emulator` takes the topics from Google's emulator where that is wanted. `outgoing` makes the
requests as Google makes them; `pplns event` prints the same."""
