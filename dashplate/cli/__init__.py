"""The command line: one module a group of commands, each declared and explained; `dashplate.commands` does the work.

What a command needs is imported when it is called, so that `--help` answers at once.
"""

from dashplate.cli.program import main

__all__ = ["main"]
