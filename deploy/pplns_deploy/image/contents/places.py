"""Where things stand in the container.

Libraries are in what Python calls the user's site: it is found by one environment variable, whatever distribution
Python came from, its .pth files work (namespace packages of Google's clients need them), and it comes after the
standard library, as an installed package should."""

APP = "app"  # the project, the working directory
USER_ID = 65532  # what distroless images call nonroot
LIBRARIES = "opt/pplns"
SERVICE = f"{LIBRARIES}/service"  # main.py, what functions-framework loads


def site_packages(python: str) -> str:
    """Return the folder of libraries for a minor version such as 3.12."""
    return f"{LIBRARIES}/lib/python{python}/site-packages"
