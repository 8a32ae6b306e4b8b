"""Plates that are read right where two rows are parted elsewhere too, and where not: `python -m bench.parts.row_gaps`.

Of `../shared/data`, by the number of rows: all of the second wave, trained on or not, and the development split of
crops.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluation.readers import Readers
from evaluation.reading.run import read_plates
from evaluation.reading.scores import is_right
from evaluation.reading.truth import Labels, load_labels
from evaluation.truth_csv import Selection
from pipeline.reading import reader as reading

_DATA = Path("../shared/data")


def main() -> None:
    """Print the right of all plates for each number of rows, either way."""
    for gaps in ((), reading.OTHER_GAPS):
        reading.OTHER_GAPS = gaps
        right: dict[str, list[bool]] = {}
        for labels in _labelled():
            for reads in read_plates(labels, Readers().load()).values():
                for read in reads:
                    right.setdefault(read.plate.group, []).append(is_right(read))
        counts = ", ".join(f"{rows} {sum(told)} of {len(told)}" for rows, told in sorted(right.items()))
        print(f"parted elsewhere at {gaps or 'no place'}: {counts}", flush=True)


def _labelled() -> Iterator[Labels]:
    for folder, images, split in (("recognition", "crops", "dev"), ("more", ".", None)):
        yield load_labels(_DATA / folder / "labels.csv", _DATA / folder / images, Selection(split), ("rows",))


if __name__ == "__main__":
    main()
