"""`python -m pplns.server`: serve the pipelines as the container does."""

import os
import sys

from pplns.server.container import main

if __name__ == "__main__":
    sys.exit(main(os.environ))
