"""python -m secondpass, and the command: an interrupt at any moment is one line."""

import sys

from secondpass.cli import INTERRUPTED


def main() -> int:
    """Run the command; what it is made of is imported here, where an interrupt is expected."""
    try:
        from secondpass.cli.main import main as command

        return command()
    except KeyboardInterrupt:
        if sys.stderr is not None:  # as it is where the caller closed it
            sys.stderr.write("secondpass: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
