"""The HTTP service: one function, `app.handle`, that answers every request.

`routes` says what is asked for, `access` who asks, `process` holds what the process has loaded, `health` tells of it,
`runs` starts and ends runs, `reading` shows them, `answers` is the table of statuses, `stream` sends events while a run
goes on, `openapi` describes all of it. `container` is the server of the image: `python -m pplns.server`."""
