"""``python -m mids`` is the command ``mids``."""

import sys

from mids.cli import main

sys.exit(main())
