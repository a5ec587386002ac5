"""python -m secondpass."""

from secondpass.cli.main import main

if __name__ == "__main__":
    main()
