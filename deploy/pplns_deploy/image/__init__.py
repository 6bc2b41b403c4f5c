"""A project as a container image, built without Docker and pushed without a daemon.

    requirements.lock ─ wheels ─┐
    the installed pplns ────────┼─ layers ─ documents ─┬─ registry/ (push)
    project files ──────────────┘      │               └─ archive (a file)
    base image ── registry/ ───────────┘

`build` puts the stages together. Everything up to the documents is a function of its inputs: the same project, lock,
base and Python give the same digest in any folder, for any user, on any system with the same zlib. Only `registry/`
and `cache` reach out. What the layers hold stands under `contents/`: `entries` says what a file in a layer is, and no
attribute of the file system but its bytes counts."""
