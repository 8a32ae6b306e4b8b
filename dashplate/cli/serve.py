"""Commands that serve and look after servers: up, down, doctor, migrate, worker, flower, metrics, serve, health."""

from __future__ import annotations

from typing import Annotated

import typer

from dashplate.cli.options.plain import MOST_PORT, AsJson, DataDir

app = typer.Typer()


@app.command()
def up(
    data: DataDir = None,
    flower_port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="Flower's port on this machine; 0 leaves it out.")
    ] = 5555,
    port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="The HTTP service's port on this machine; 0 leaves it out.")
    ] = 8080,
    metrics_port: Annotated[
        int, typer.Option(min=0, max=MOST_PORT, help="Port of figures for Prometheus on this machine, such as 9464.")
    ] = 0,
    root: Annotated[
        list[str] | None,
        typer.Option(help="A folder or address for videos; public:// is any public address.", show_default=False),
    ] = None,
) -> None:
    """Start servers, workers, Flower and the HTTP service, and stay."""
    from dashplate.commands.serve import Ports, stay_up

    stay_up(data, Ports(flower_port, port, metrics_port), root or [])


@app.command()
def down(
    data: DataDir = None,
    forget_account: Annotated[
        bool,
        typer.Option("--forget-account", help="Root only: remove the account too that was made for PostgreSQL."),
    ] = False,
) -> None:
    """Stop whatever runs on the data folder."""
    from dashplate.bring_up import settings_for
    from dashplate.stack import forget, stop

    folder = settings_for(data).data_dir
    stopped = stop(folder)
    print(f"Stopped {', '.join(stopped)}." if stopped else "Nothing was running.")
    if forget_account:
        print("The account is removed." if forget(folder) else "There was no account to remove.")


@app.command()
def doctor(json: AsJson = False, data: DataDir = None) -> None:
    """Tell what is there, what is missing, and how to mend it."""
    from dashplate.commands.checks.doctor import show_checks

    raise typer.Exit(show_checks(as_json=json, data=data))


@app.command()
def migrate(data: DataDir = None) -> None:
    """Bring the database to the newest schema."""
    from dashplate.bring_up import settings_for
    from db.engine import check
    from db.migrate import upgrade

    url = settings_for(data).require_database()
    check(url)
    upgrade(url)
    print("The schema is current.")


@app.command()
def worker(
    role: Annotated[str, typer.Argument(help="detect, read or control.")],
    concurrency: Annotated[int, typer.Option(min=1, max=1024, help="Processes; a GPU wants one.")] = 1,
    loglevel: str = "INFO",
) -> None:
    """Serve one queue until stopped."""
    from dashplate.signs_of_life import install_heartbeat
    from dashplate.stack import Layout
    from workers.serve import check_role, serve
    from workers.settings import settings

    check_role(role)
    data_dir = settings().data_dir
    Layout.at(data_dir).close_rooms()
    install_heartbeat(role, data_dir)
    serve(role, concurrency, loglevel)


@app.command()
def flower(
    port: Annotated[int, typer.Option(min=1, max=MOST_PORT)] = 5555,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Serve Flower on the broker; DASHPLATE_FLOWER_AUTH=user:password protects it."""
    from workers.celery_app.flower import serve

    serve(port, address)


@app.command()
def metrics(
    port: Annotated[int, typer.Option(min=1, max=MOST_PORT)] = 9464,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    data: DataDir = None,
) -> None:
    """Serve figures for Prometheus until stopped; DASHPLATE_METRICS_TOKEN opens them to other machines."""
    from dashplate.commands.serve import serve_metrics

    serve_metrics(data, address, port)


@app.command("serve")
def serve_http(
    port: Annotated[int, typer.Option(min=1, max=MOST_PORT)] = 8080,
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    codeproject_port: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_PORT, help="Answer on this port too: 32168.", show_default=False),
    ] = None,
    no_token: Annotated[
        bool, typer.Option("--no-token", help="Read photographs for programs of this machine without a token.")
    ] = False,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="A proxy, or its network, whose X-Forwarded-For names the caller.", show_default=False),
    ] = None,
    data: DataDir = None,
) -> None:
    """Serve photographs and jobs over HTTP until stopped; `dashplate token add` lets somebody in."""
    from dashplate.commands.serve import serve_http
    from dashplate.service.server import Place

    place = Place(address, tuple(filter(None, (port, codeproject_port))), tuple(proxy or ()))
    serve_http(data, place, no_token=no_token)


@app.command()
def health(
    service: Annotated[
        str, typer.Argument(help="redis, postgres, schema, worker, sender, flower, metrics or service.")
    ],
    role: Annotated[str | None, typer.Argument(help="The worker's role.", show_default=False)] = None,
) -> None:
    """Exit with 0 if a service of this machine is well; for health checks."""
    from dashplate.commands.checks.health import check

    check(service, role)
