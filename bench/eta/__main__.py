"""`zaitu bench eta`: learn from one folder of recorded drives, estimate those of another, and say how well.

The estimates are made by the code that runs in watch. Answers are kept apart from it. The datasets `fleet`
(simulated) and `learning` (speed) need no folders.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from bench.eta import b63, chengdu, fleet, learning_speed, madison, report
from bench.eta.scoring import Scored

Advance = Callable[[float], None]
Run = Callable[[Path, Path, Advance], Scored]
Summarise = Callable[[Scored], dict[str, Any]]

RECORDED: dict[str, tuple[Run, Summarise]] = {
    "madison": (madison.run, report.of_buses),
    "chengdu": (chengdu.run, report.of_taxis),
    "b63": (b63.run, partial(report.of_buses, rival="timetable")),
}
SIMULATED = {"fleet": fleet.run, "learning": learning_speed.run}


def main() -> None:
    """Run the benchmark the arguments ask for."""
    parser = argparse.ArgumentParser(prog="zaitu bench eta", description=__doc__)
    parser.add_argument("--dataset", choices=[*RECORDED, *SIMULATED], required=True)
    parser.add_argument("--train", type=Path, help="folder of recorded drives to learn from")
    parser.add_argument("--test", type=Path, help="folder to estimate; may be the same")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    options = parser.parse_args()
    if options.dataset in RECORDED and (options.train is None or options.test is None):
        parser.error(f"--dataset {options.dataset} needs --train and --test")
    began = time.monotonic()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"eta {options.dataset}", total=1.0)

        def advance(done: float) -> None:
            progress.update(task, completed=done)

        try:
            figures = _figures(options.dataset, options.train, options.test, advance)
        except KeyError as exc:
            parser.error(f"the recorded drives cannot be used: a table has no column {exc}")
        except (OSError, EOFError, ValueError) as exc:
            parser.error(f"the recorded drives cannot be used: {exc}")
    result = {"dataset": options.dataset, **figures, "seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(result, indent=None if options.json else 2) + "\n")


def _figures(dataset: str, train: Path, test: Path, advance: Advance) -> dict[str, Any]:
    if dataset in SIMULATED:
        return SIMULATED[dataset](advance)
    run, summarise = RECORDED[dataset]
    return summarise(run(train, test, advance))


if __name__ == "__main__":
    main()
