"""`python -m pplns_deploy`: the same as the `pplns` command."""

from pplns_deploy.cli import main

if __name__ == "__main__":
    main()
