"""`python -m training.detector`: prepare, train, mine, polish, export, evaluate; or `all` of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from models import MODELS_DIR, plate_detector_int8
from training.detector.export import export as export_model
from training.detector.measuring.compare import compare as compare_networks
from training.detector.measuring.evaluate import evaluate as evaluate_model
from training.detector.measuring.strategies import compare_strategies
from training.detector.measuring.timing import exports_table
from training.detector.pictures.hard_examples import look_alikes, missed_plates, render_mistakes
from training.detector.pictures.prepare import Recipe
from training.detector.pictures.prepare import prepare as render
from training.detector.schedule import Schedule
from training.detector.train import train as fit

app = typer.Typer(help="Make the plate detector again.", no_args_is_help=True, add_completion=False)

Data = Annotated[Path, typer.Option(help="The folder that holds detection/ and recognition/.")]
Work = Annotated[Path, typer.Option(help="Where rendered pictures and checkpoints go; never into git.")]
Budget = Annotated[float, typer.Option(help="Minutes of training in all.")]
Quick = Annotated[bool, typer.Option("--quick", help="A small set and three minutes: shows that the curve falls.")]

DATA, WORK = Path("../shared/data"), Path("runs/detector")
SHIPPED_EXPORT = plate_detector_int8()
#: Share of the training time before the hard crops are mined.
FIRST_STAGE_SHARE = 0.6
HARD_CROPS = 9_000
#: Where the tables are made: recall first, since tracking and reading drop most false alarms.
THRESHOLD = 0.25


@app.command()
def prepare(data: Data = DATA, work: Work = WORK, quick: Quick = False, second: bool = False) -> None:
    """Render the training pictures of the first stage, or of the second."""
    recipe = Recipe.second() if second else Recipe()
    if quick:
        recipe = replace(recipe, crops=1500, frames=recipe.frames // 20, large_frames=recipe.large_frames // 20)
    render(data, _pictures(work, second=second), recipe)


def _pictures(work: Path, *, second: bool) -> Path:
    return work / ("set-2" if second else "set")


@app.command()
def train(work: Work = WORK, budget_minutes: Budget = 48) -> None:
    """Train from scratch on the rendered pictures."""
    typer.echo(fit(_pictures(work, second=False), work / "first", Schedule(budget_s=budget_minutes * 60)))


@app.command()
def compare(data: Data = DATA, work: Work = WORK, minutes: float = 4) -> None:
    """Train every candidate network for the same few minutes and print what it recalls and costs."""
    typer.echo(compare_networks(_pictures(work, second=False), work / "compare", data, minutes, THRESHOLD))


@app.command()
def mine(data: Data = DATA, work: Work = WORK, quick: Quick = False) -> None:
    """Render crops around what the first stage gets wrong in the training photos."""
    export_model(work / "first" / "last.pt", work / "first")
    fast = work / "first" / "plate-detector" / "plate-detector_openvino_model"
    missed, alike = missed_plates(fast, data, 20 if quick else 1), look_alikes(data)
    typer.echo(f"{len(missed)} missed plates, {len(alike)} places that only look like one")
    pictures = _pictures(work, second=True)
    render_mistakes([missed, alike], pictures, 300 if quick else HARD_CROPS, Recipe.second().seed + 9)


@app.command()
def polish(
    work: Work = WORK,
    budget_minutes: Budget = 32,
    start: Annotated[
        Path | None, typer.Option("--from", help="Weights to go on from; default: the first stage's.")
    ] = None,
    rate: Annotated[float, typer.Option(help="Highest learning rate.")] = Schedule.polish(0).peak_rate,
) -> None:
    """Train on, with other pictures and the hard crops; weights of another activation take on the shipped network's."""
    schedule = replace(Schedule.polish(budget_minutes * 60), peak_rate=rate)
    begin = start or work / "first" / "last.pt"
    typer.echo(fit(_pictures(work, second=True), work / "polished", schedule, start_from=begin))


@app.command()
def export(
    data: Data = DATA, work: Work = WORK, stage: str = "polished", models: Annotated[Path, typer.Option()] = MODELS_DIR
) -> None:
    """Put the weights where the package finds them."""
    export_model(work / stage / "last.pt", models, data)


@app.command()
def evaluate(
    data: Data = DATA,
    model: Annotated[Path, typer.Option()] = SHIPPED_EXPORT,
    threshold: float = THRESHOLD,
    speed: bool = False,
) -> None:
    """Print the table over the development pictures, and on request the time that each export takes."""
    typer.echo(evaluate_model(model, data, threshold))
    if speed:
        typer.echo(exports_table(MODELS_DIR / "plate-detector"))


@app.command()
def strategies(
    data: Data = DATA,
    model: Annotated[Path, typer.Option()] = SHIPPED_EXPORT,
    threshold: float = THRESHOLD,
) -> None:
    """Print what input sizes, a band, tiles and a second look bring and cost."""
    typer.echo(f"\n{compare_strategies(model, data, threshold)}")


@app.command("all")
def everything(data: Data = DATA, work: Work = WORK, budget_minutes: Budget = 80, quick: Quick = False) -> None:
    """Do the whole recipe. A quick run stays in the work folder and touches no shipped weights."""
    minutes = 3.0 if quick else budget_minutes
    for second in (False, True):
        shutil.rmtree(_pictures(work, second=second), ignore_errors=True)
        prepare(data, work, quick, second)
    train(work, minutes * FIRST_STAGE_SHARE)
    mine(data, work, quick)
    polish(work, minutes * (1 - FIRST_STAGE_SHARE))
    models = work / "models" if quick else MODELS_DIR
    export(data, work, models=models)
    evaluate(data, models / "plate-detector" / plate_detector_int8().name)


if __name__ == "__main__":
    app()
