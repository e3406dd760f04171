"""``python -m mids.cli`` is the command ``mids``."""

import sys

from mids.cli import main

if __name__ == "__main__":
    sys.exit(main())
