"""The page that follows one fix through the code names the steps that there are."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.pipeline import STEPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_table_of_steps_is_the_pipeline() -> None:
    listed = re.findall(r"^ *\| `(\w+)` \| `([\w/.]+)`", PAGE, re.MULTILINE)

    assert listed == [(step.__name__, step.__module__.replace(".", "/") + ".py") for step in STEPS]


def test_every_file_it_leads_through_is_there() -> None:
    named = re.findall(r"`([a-z_]+/[\w/.]*)`", PAGE)

    assert len(named) > 50
    assert [path for path in named if not (ROOT / path).exists()] == []
