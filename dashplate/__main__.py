"""`python -m dashplate` is the command line."""

from dashplate.cli import main

if __name__ == "__main__":
    main()
