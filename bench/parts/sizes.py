"""What an environment takes on the disk, package by package: `python -m bench.parts.sizes [FOLDER ...]`.

Without a folder, the environment that runs it. Files that were made at installation, such as bytecode, count as well.
"""

from __future__ import annotations

import csv
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from output import terminal
from output.tables import table

_MB = 1e6
#: Smaller packages are told together, megabytes.
_TOLD_MB = 25.0


def sizes(environment: Path) -> Counter[str]:
    """Bytes of each distribution of a virtual environment, by its name; "nobody's" for what none lists."""
    found: Counter[str] = Counter()
    owned: set[Path] = set()
    for folder in environment.glob("lib/python3.*/site-packages"):
        for one in metadata.distributions(path=[str(folder)]):
            for file in _files(folder, one):
                if file not in owned:
                    owned.add(file)
                    found[one.metadata["Name"]] += file.lstat().st_size
    everything = sum(
        file.lstat().st_size for file in environment.rglob("*") if file.is_file() and not file.is_symlink()
    )
    found["nobody's"] = everything - sum(found.values())
    return found


def _files(folder: Path, one: metadata.Distribution) -> list[Path]:
    """A distribution's files that are there, with the bytecode that was compiled of them."""
    found = []
    for line in csv.reader((one.read_text("RECORD") or "").splitlines()):
        file = folder / line[0]
        if not file.is_symlink() and file.is_file():
            found.append(file)
            if file.suffix == ".py":
                found += file.parent.glob(f"__pycache__/{file.stem}.*.pyc")
    return [file.resolve() for file in found]


def main(environments: Annotated[list[Path] | None, typer.Argument(help="Virtual environments.")] = None) -> None:
    """Print a table of each."""
    for environment in environments or [Path(sys.prefix)]:
        found = sizes(environment)
        shown = table(("package", "MB"))
        large = {name: count for name, count in found.most_common() if count >= _TOLD_MB * _MB and name != "nobody's"}
        for name, count in large.items():
            shown.add_row(name, f"{count / _MB:,.0f}")
        small = sum(found.values()) - sum(large.values())
        shown.add_row(f"{len(found) - len(large) - 1} others, Python itself", f"{small / _MB:,.0f}")
        shown.add_row("[bold]all[/]", f"[bold]{sum(found.values()) / _MB:,.0f}[/]")
        terminal.out.print(f"{environment}:")
        terminal.out.print(shown)


if __name__ == "__main__":
    typer.run(main)
