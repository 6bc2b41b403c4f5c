"""Where the static configuration stands: in an installed pplns beside its other files, else in the checkout."""

from pathlib import Path

from pplns.errors import ConfigError

_PACKAGE = Path(__file__).parents[1]


def configuration_folder() -> Path:
    """Return the folder of the root module.

    Raises: ConfigError where pplns was installed without it."""
    for folder in (_PACKAGE / "_assets" / "terraform", _PACKAGE.parents[1] / "terraform"):
        if (folder / "main.tf").is_file():
            return folder
    raise ConfigError(
        "The Terraform configuration of pplns isn't there.",
        "It is installed with pplns.",
        "Install pplns again: pip install --force-reinstall 'pplns[deploy]'.",
    )
