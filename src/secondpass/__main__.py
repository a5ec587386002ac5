"""python -m secondpass."""

import sys

from secondpass.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
