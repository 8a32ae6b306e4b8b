"""`python -m training.reader`: prepare, train, export, evaluate; or `all` of it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from models import MODELS_DIR
from pipeline.formats import parse_countries
from pipeline.reading.recognizers import BUNDLED_MODEL
from training.reader.evaluate import evaluate as evaluate_models
from training.reader.export import export as export_model
from training.reader.pictures.prepare import Recipe
from training.reader.pictures.prepare import prepare as render
from training.reader.schedule import Schedule
from training.reader.train import train as fit

app = typer.Typer(help="Make the plate reader again.", no_args_is_help=True, add_completion=False)

Data = Annotated[Path, typer.Option(help="The folder that holds detection/, recognition/ and hongkong/.")]
Work = Annotated[Path, typer.Option(help="Where rendered pictures and checkpoints go; never into git.")]
Budget = Annotated[float, typer.Option(help="Minutes of training.")]
Model = Annotated[Path, typer.Option(help="The model folder.")]
Second = Annotated[bool, typer.Option("--second", help="The second stage: goes on from the first one's weights.")]
Quick = Annotated[bool, typer.Option("--quick", help="A small set and two minutes: shows that the loss falls.")]
Without = Annotated[str, typer.Option(help="Countries to be met unseen, as DE,FR: nothing of theirs is shown.")]

#: Share of the training time that the second stage takes.
SECOND = 0.15
DATA, WORK = Path("../shared/data"), Path("runs/reader")
FOLDER = MODELS_DIR / "plate-reader"
MINUTES, QUICK_MINUTES, QUICK_SAMPLES = 40.0, 2.0, 2_500


@app.command()
def prepare(
    data: Data = DATA,
    work: Work = WORK,
    processes: int = 2,
    quick: Quick = False,
    second: Second = False,
    without: Without = "",
) -> None:
    """Render the training pictures."""
    shutil.rmtree(work / "set", ignore_errors=True)
    recipe = replace(Recipe.of_second() if second else Recipe(), without=parse_countries(without))
    render(data, work / "set", replace(recipe, samples=QUICK_SAMPLES) if quick else recipe, processes)


@app.command()
def train(
    work: Work = WORK,
    budget_minutes: Budget = MINUTES,
    threads: int = 2,
    second: Second = False,
    start: Annotated[Path | None, typer.Option("--from", help="A model folder to go on from.")] = None,
) -> None:
    """Fine-tune the bundled model, or a trained one, on the rendered pictures."""
    if second and start:
        raise typer.BadParameter("the second stage goes on from the first one's weights", param_hint="--from")
    schedule = Schedule(budget_s=budget_minutes * 60, threads=threads)
    trained = work / "trained" / "last.pt"
    if second:
        typer.echo(fit(work / "set", trained.parent, work / "cache", schedule.polishing(), trained))
    else:
        typer.echo(fit(work / "set", trained.parent, work / "cache", schedule, start))


@app.command()
def export(
    work: Work = WORK,
    model: Model = FOLDER,
    start: Annotated[Path | None, typer.Option("--from", help="The model folder that training went on from.")] = None,
    share: Annotated[float, typer.Option(min=0, max=1, help="What the trained weights count in the mean.")] = 0.5,
) -> None:
    """Put the weights where the package finds them; with --from, the mean of them and of what they began as."""
    typer.echo(export_model(work / "trained" / "last.pt", model, work / "cache", start, share))


@app.command()
def evaluate(data: Data = DATA, work: Work = WORK, model: Model = FOLDER, threads: int | None = None) -> None:
    """Print how the untrained and the trained model do bare of formats; `dashplate eval reading` tells the rest."""
    typer.echo(evaluate_models({"base": BUNDLED_MODEL, "trained": str(model)}, data, work / "cache", threads))


@app.command("all")
def everything(data: Data = DATA, work: Work = WORK, budget_minutes: Budget = MINUTES, quick: Quick = False) -> None:
    """Do the whole recipe. A quick run stays in the work folder and touches no shipped weights."""
    minutes = QUICK_MINUTES if quick else budget_minutes
    for second, share in ((False, 1 - SECOND), (True, SECOND)):
        prepare(data, work, quick=quick, second=second)
        train(work, minutes * share, second=second)
    folder = work / "plate-reader" if quick else FOLDER
    export(work, folder)
    evaluate(data, work, folder)


if __name__ == "__main__":
    app()
