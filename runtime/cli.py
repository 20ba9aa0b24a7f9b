"""The one command line, `zaitu`.

Where DATABASE_URL or MQTT_URL is not set, a command that needs the server starts the embedded one and leaves
it running; `zaitu stack stop` stops both.
"""

import importlib
import os
import pkgutil
import runpy
import sys
from typing import Annotated

import typer
from rich.console import Console

from migrations.runner import MigrationError, migrate
from runtime.audit_commands import audit_app
from runtime.customer_commands import customer_app
from runtime.device_commands import device_app
from runtime.doctor import Verdict, examine, show
from runtime.eta_commands import eta_app
from runtime.key_commands import keys_app
from runtime.rejected_commands import rejected_app
from runtime.rules_commands import rules_app
from runtime.settings import Settings, load_settings
from runtime.stack.embedded import EmbeddedStack
from runtime.stack.errors import StackError
from runtime.trip_commands import trip_app
from runtime.user_commands import user_app

app = typer.Typer(
    help="Zaitu: GPS fixes and scans over MQTT become order milestones within seconds.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
stack_app = typer.Typer(help="The embedded PostgreSQL and Mosquitto.", no_args_is_help=True)
app.add_typer(stack_app, name="stack")
app.add_typer(device_app, name="device")
app.add_typer(rejected_app, name="rejected")
app.add_typer(eta_app, name="eta")
app.add_typer(rules_app, name="rules")
app.add_typer(trip_app, name="trip")
app.add_typer(user_app, name="user")
app.add_typer(customer_app, name="customer")
app.add_typer(audit_app, name="audit")
app.add_typer(keys_app, name="keys")

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def demo(
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so long; default: at Ctrl-C.", min=1)
    ] = None,
    vehicles: Annotated[int, typer.Option(help="How many trucks drive.", min=8, max=999)] = 42,
) -> None:
    """Drive a fleet through the whole system and show it live."""
    raise typer.Exit(importlib.import_module("runtime.demo").main(seconds, vehicles))


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database's schema up to date."""
    url = _provide_database(load_settings())
    applied = migrate(url, report=lambda file: typer.echo(f"{file.number:04}_{file.name}"))
    typer.echo(f"applied {len(applied)}" if applied else "up to date")


@app.command()
def ingest() -> None:
    """Take facts from the broker and from devices' HTTP requests into the database."""
    settings = load_settings()
    _provide_database(settings)
    _provide_broker(settings)
    _run_process("ingest")


@app.command()
def watch() -> None:
    """Keep estimates, alerts and deadlines up to date as time passes."""
    _provide_database(load_settings())
    _run_process("watch")


@app.command()
def api() -> None:
    """Serve the API, the live streams and the pages."""
    _provide_database(load_settings())
    _run_process("api")


@app.command(context_settings=PASS_ON)
def simulate(context: typer.Context) -> None:
    """Drive simulated vehicles and scanners (options: zaitu simulate --help)."""
    _run_simulator("simulators.fleet", context.args)


@app.command(context_settings=PASS_ON)
def replay(context: typer.Context) -> None:
    """Send recorded traces as if they happened now (options: zaitu replay --help)."""
    _run_simulator("simulators.replay", context.args)


@app.command(context_settings=PASS_ON)
def bench(context: typer.Context, name: Annotated[str | None, typer.Argument()] = None) -> None:
    """Run a benchmark, which prints JSON; without a name, say which there are."""
    benchmarks = [module.name for module in pkgutil.iter_modules(importlib.import_module("bench").__path__)]
    if name is None:
        typer.echo("\n".join(benchmarks) or "there is no benchmark yet")
        return
    if name not in benchmarks:
        raise typer.BadParameter(
            f"there is no benchmark {name!r}: choose from {', '.join(benchmarks) or 'none'}"
        )
    sys.argv = [f"zaitu bench {name}", *context.args]
    runpy.run_module(f"bench.{name}", run_name="__main__")


@app.command()
def doctor() -> None:
    """Look at the servers and this machine; exit status 1 when something is wrong."""
    settings = load_settings()
    findings = examine(
        lambda: settings.database_url or EmbeddedStack(settings.data_dir).postgres.url,
        lambda: settings.mqtt_url or EmbeddedStack(settings.data_dir).broker.url,
        settings.data_dir,
        settings.inflight_window,
    )
    show(findings, Console())
    if any(finding.verdict is Verdict.WRONG for finding in findings):
        raise typer.Exit(1)


@stack_app.command("start")
def stack_start() -> None:
    """Start both servers, or find them running."""
    stack = EmbeddedStack(load_settings().data_dir)
    stack.start_database()
    stack.start_broker()
    stack_status()


@stack_app.command("stop")
def stack_stop() -> None:
    """Stop both servers cleanly."""
    EmbeddedStack(load_settings().data_dir).stop()
    stack_status()


@stack_app.command("status")
def stack_status() -> None:
    """Say which server runs."""
    for name, running in EmbeddedStack(load_settings().data_dir).status().items():
        typer.echo(f"{name}: {'running' if running else 'stopped'}")


def main() -> None:
    """Run the command line; what a person can put right ends it with one sentence."""
    try:
        app()
    except (StackError, MigrationError) as exc:
        typer.echo(f"zaitu: {exc}", err=True)
        raise SystemExit(1) from exc


def _provide_database(settings: Settings) -> str:
    """Return the URL of the database, the embedded one where none is named; processes look for it here."""
    url = settings.database_url or EmbeddedStack(settings.data_dir).start_database()
    os.environ["DATABASE_URL"] = url
    return url


def _provide_broker(settings: Settings) -> str:
    """Return the URL simulators connect with; ingest's own is put where it looks for it."""
    simulator_url = settings.simulator_mqtt_url or settings.mqtt_url
    if settings.mqtt_url is None:
        broker = EmbeddedStack(settings.data_dir).start_broker()
        os.environ["MQTT_URL"] = broker.url
        simulator_url = broker.simulator_url
    return os.environ.setdefault("ZAITU_SIMULATOR_MQTT_URL", simulator_url or "")


def _run_process(name: str) -> None:
    importlib.import_module(f"{name}.__main__").main()


def _run_simulator(module: str, arguments: list[str]) -> None:
    if not {"--help", "-h"} & set(arguments):
        arguments = [*_simulator_defaults(arguments, load_settings()), *arguments]
    importlib.import_module(module).main(arguments)


def _simulator_defaults(arguments: list[str], settings: Settings) -> list[str]:
    """Return what a simulator must be told and was not: it knows nothing of settings."""
    defaults = {
        "--mqtt-url": lambda: _provide_broker(settings),
        "--api-url": lambda: f"http://{settings.api_host}:{settings.api_port}",
        "--token": settings.admin_token_text,
    }
    given = {argument.partition("=")[0] for argument in arguments}
    return [f"{option}={value()}" for option, value in defaults.items() if option not in given]


if __name__ == "__main__":
    main()
