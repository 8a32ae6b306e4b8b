"""The documents say what the code does: their links, commands and tables are held against it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from rich.console import Console

import db.engine
import db.queue.outbox
import db.queue.segment_moves
import pipeline.retry_policy
from dashplate.cli import program
from dashplate.export import COLUMNS, PlateRow
from dashplate.show import plates_table
from dashplate.stack.system import CHILD_MARK
from db.models import Base
from db.states import VideoState
from output.photos import as_json_object
from pipeline.errors import DashplateError
from pipeline.photo import PhotoPlate
from pipeline.records import Box, Candidate, Character, Detection, Reading
from tests.conftest import ROOT
from workers.celery_app.app import CONTROL, DETECT, READ
from workers.settings import Settings, as_markdown

PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "bench/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "models").glob("*/*.md")),
]
#: A page that every visitor loads, and nobody scrolls through.
MOST_README_BYTES = 6_000
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_APP: Any = typer.main.get_command(program.app)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def page(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def prose(path: Path) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", path.read_text("utf-8"))


def section(path: str, title: str) -> str:
    """What stands under a heading, up to the next one."""
    return re.split(r"^#+ ", page(path).split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """The cells of a text's first table, its heading left out."""
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert rows is not None
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[0].splitlines()[2:]]


def codes(text: str) -> list[str]:
    return _INLINE.findall(text)


def anchors(path: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


# Links and names.


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", _INLINE.sub("", prose(path))):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        goal = (path.parent / target).resolve() if target else path
        assert goal.exists(), link
        assert not anchor or anchor in anchors(goal), link


def test_every_page_can_be_reached_from_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in re.findall(r"\]\(([^)\s]+)\)", page("README.md"))}
    assert [name(path) for path in (ROOT / "docs").glob("*.md") if path not in linked] == []


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_file_that_is_named_is_there(path: Path) -> None:
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    for code in codes(prose(path)):
        if re.fullmatch(rf"(?:{folders})/[\w./-]*", code):
            assert (ROOT / code).exists(), code


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_module_that_is_run_is_there(path: Path) -> None:
    for module in re.findall(r"python -m ([\w.]+)", path.read_text("utf-8")):
        assert importlib.util.find_spec(module) is not None, module


def test_every_make_target_is_listed_by_make_help() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, text=True, capture_output=True, check=True).stdout
    targets = {line.split()[0] for line in listed.splitlines()}
    for path in PAGES:
        code = [*codes(prose(path)), *(text for _, text in _FENCE.findall(path.read_text("utf-8")))]
        for words in re.findall(r"^make ((?:[a-z-]+(?: |$))+)", "\n".join(code), re.MULTILINE):
            assert set(words.split()) <= targets, f"{name(path)}: make {words}"


# Commands.


def commands(path: Path) -> Iterator[list[str]]:
    """The words after `dashplate`, of every call of it in a page's code blocks."""
    for language, text in _FENCE.findall(path.read_text("utf-8")):
        if language in ("", "bash", "sh"):
            for line in text.splitlines():
                yield from calls(line)


def calls(line: str) -> Iterator[list[str]]:
    """Of one line of shell; a call inside `$(...)` in a quoted word counts too."""
    if not re.search(r"(?:^|[;|($] *|exec \w+ )dashplate ", line.strip()):
        return
    for inner in re.findall(r"\$\((.*?)\)", line):
        yield from calls(inner)
    lexer = shlex.shlex(re.sub(r"\$\(.*?\)", "x", line), posix=True, punctuation_chars=True)
    lexer.commenters, lexer.whitespace_split = "#", True
    words = list(lexer)
    starts = [i for i, word in enumerate(words) if word == "dashplate"]
    for start in starts:
        rest = words[start + 1 :]
        ends = [i for i, word in enumerate(rest) if set(word) <= set(";|&<>()")]
        yield rest[: ends[0]] if ends else rest


def leaf(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the first words name, and the others."""
    command = _APP
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, words[0]
        command, words = command.commands[words[0]], words[1:]
    return command, words


@pytest.mark.parametrize("path", [path for path in PAGES if any(commands(path))], ids=name)
def test_every_command_in_a_code_block_is_understood(path: Path) -> None:
    for words in commands(path):
        command, rest = leaf(words)
        # Raises for what the command does not know; runs nothing.
        command.make_context("dashplate", list(rest)).close()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_command_and_option_in_a_sentence_exists(path: Path) -> None:
    for code in codes(prose(path)):
        words = shlex.split(code) if re.match(r"dashplate [a-z]", code) else []
        if words:
            command, rest = leaf(words[1:])
            known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known, code


def test_the_list_of_commands_is_whole() -> None:
    listed = [command for row in table(page("docs/command-line.md")) for command in codes(row[0])]
    assert sorted(listed) == sorted(_APP.commands)


def test_the_list_of_countries_is_whole() -> None:
    said = re.search(r"Known countries: ([A-Z,\s]+)\.", page("docs/command-line.md"))
    assert said is not None
    known = {path.stem.upper() for path in (ROOT / "pipeline/formats/countries").glob("*.yaml")} - {"ANY"}
    assert re.split(r",\s+", said[1]) == sorted(known)
    assert f"formats of {len(known)} countries" in page("README.md")


# README and what is printed.


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= MOST_README_BYTES


def test_what_make_run_prints_is_the_table_of_plates() -> None:
    printed = section("docs/quickstart.md", "The first run").split("```")[3].strip("\n")
    shown = printed.split("\n\n")[0]
    console = Console(width=200, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(plates_table([_row(*line.split()) for line in shown.splitlines()[1:]]))
    assert [line.rstrip() for line in console.export_text().splitlines()] == shown.splitlines()
    short = [line for line in page("README.md").split("```")[3].splitlines() if line not in ("", "...")]
    assert short
    assert [line for line in short if line not in printed.splitlines()] == []


def _row(plate: str, country: str, sure: str, since: str, until: str, reads: str, video: str) -> PlateRow:
    first, last = (60 * int(t.split(":")[0]) + float(t.split(":")[1]) for t in (since, until))
    return PlateRow(
        video, plate, country.strip("–"), int(sure.strip("%")) / 100, first, last, int(reads), first, 0, 0, 1, 1, "",
        True, plate, 1, "", plate, "",
    )  # fmt: skip


def test_the_json_of_a_photograph_has_the_shape_that_is_shown() -> None:
    characters = tuple(Character(c, 0.99) for c in "7ABC123")
    reading = Reading("7ABC123", 0.92, characters, (Candidate("7ABC128", 0.07),), "US", 1, 1, 0, 0.86)
    box = Box(412.0, 388.5, 530.2, 421.9)
    plates = [PhotoPlate(Detection(box, 0.91), reading), PhotoPlate(Detection(box, 0.31), None)]
    printed = as_json_object("car.jpg", np.zeros((720, 1280, 3), np.uint8), plates)
    shown = json.loads(section("docs/output.md", "JSON of a photograph").split("```json")[1].split("```")[0])
    assert shape(shown) == shape(json.loads(json.dumps(printed)))


def shape(value: Any) -> Any:
    """Names in their order and kinds of values, of one element of each list."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(value[0])]
    return type(value).__name__


# Tables.


def test_the_table_of_settings_is_what_the_settings_say() -> None:
    assert as_markdown() in page("docs/configuration.md"), (
        "Replace the table under Settings in docs/configuration.md by what `python -m workers.settings` prints."
    )


def test_every_other_variable_of_the_code_is_explained() -> None:
    settings = {f"DASHPLATE_{field.upper()}" for field in Settings.model_fields}
    files = [path for folder in ("dashplate", "workers", "db", "pipeline") for path in (ROOT / folder).rglob("*.py")]
    named = {variable for path in files for variable in re.findall(r"\"(DASHPLATE_[A-Z_]+)\"", path.read_text("utf-8"))}
    others = {codes(row[0])[0] for row in table(section("docs/configuration.md", "Other variables"))}
    # One more is the supervisor's own: it marks the processes that it starts.
    assert others == named - settings - {CHILD_MARK}


def test_the_table_of_columns_is_the_csv_heading() -> None:
    assert tuple(codes(row[0])[0] for row in table(section("docs/output.md", "CSV"))) == COLUMNS


def test_the_table_of_exit_codes_is_the_error_tree() -> None:
    signals = {128 + signum for signum in program._ENDING}
    known = {0, 2, 130} | signals | {error.exit_code for error in _errors(DashplateError)}
    assert [int(row[0]) for row in table(section("docs/output.md", "Exit codes"))] == sorted(known)


def _errors(error: type[DashplateError]) -> Iterator[type[DashplateError]]:
    yield error
    for heir in error.__subclasses__():
        yield from _errors(heir)


def test_the_table_of_states_is_that_of_videos() -> None:
    assert [codes(row[0])[0] for row in table(section("docs/output.md", "States of a video"))] == list(VideoState)


def test_the_limits_of_reliability_are_those_of_the_code() -> None:
    said = {row[0]: row[1] for row in table(section("docs/reliability.md", "Limits"))}
    assert said == {
        "errors of a segment": f"{db.queue.segment_moves.MAX_FAILURES}",
        "lost workers of a segment": f"{db.queue.segment_moves.MAX_LOSSES}",
        "failures of a video task": f"{db.queue.outbox.MAX_FAILURES}",
        "renewal of a lease": "a quarter of the lease",
        "longest wait before another attempt": f"{db.queue.segment_moves.LONGEST_DELAY_S:g} s",
        "wait for PostgreSQL": f"{pipeline.retry_policy.DATABASE_S:g} s",
        "time limit of a query": f"{db.engine.STATEMENT_TIMEOUT_MS / 1000:g} s",
        "idle transaction": f"{db.engine.IDLE_TRANSACTION_MS / 1000:g} s",
        "silent connection": f"{db.engine._SILENT_S + db.engine._PROBE_EVERY_S * db.engine._PROBES:g} s",
    }


def test_the_glossary_names_tables_and_columns_that_are_there() -> None:
    tables = Base.metadata.tables
    others = {"unique_plates", "plate_sightings", "watch_hits", "dead_deliveries", CONTROL, DETECT, READ}
    where = [row[2] for row in re.findall(r"^\| (\*\*.+?) \| (.+) \| (.+) \|$", page("docs/glossary.md"), re.MULTILINE)]
    assert len(where) > 40
    for code in codes(" ".join(where)):
        if re.fullmatch(r"[a-z_]+\.[a-z_0-9]+", code):
            owner, column = code.split(".")
            assert column in tables[owner].columns, code
        elif re.fullmatch(r"[a-z_]+", code):
            assert code in tables or code in others, code


def test_the_changelog_names_every_schema() -> None:
    for path in (ROOT / "db/migrations/versions").glob("[0-9]*.py"):
        assert path.name[:4] in page("CHANGELOG.md"), path.name
