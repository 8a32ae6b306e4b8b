"""What one `dashplate run` left behind, as the tests ask for it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from tests.support.command_line.program import Finished


@dataclass(frozen=True)
class JobResult:
    """A finished run with its two result files."""

    finished: Finished
    csv_text: str
    #: The CSV's rows.
    rows: list[dict[str, str]]
    #: The JSON's videos, by file name.
    videos: dict[str, dict[str, Any]]
    #: The JSON's job and plates.
    job: dict[str, Any]
    plates: list[dict[str, Any]]

    @classmethod
    def read(cls, finished: Finished, csv_file: Path, json_file: Path) -> JobResult:
        """The results, or what the command said instead of any."""
        assert csv_file.exists(), finished.err
        text = csv_file.read_text(encoding="utf-8")
        whole = json.loads(json_file.read_text(encoding="utf-8"))
        videos = {PurePath(video["path"]).name: video for video in whole["videos"]}
        rows = list(csv.DictReader(text.splitlines()))
        return cls(finished, text, rows, videos, whole["job"], whole["plates"])

    def rows_of(self, name: str) -> list[dict[str, str]]:
        return [row for row in self.rows if PurePath(row["video"]).name == name]
