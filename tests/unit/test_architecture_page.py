"""The page that follows one fix through the code names the steps that there are."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.pipeline import STEPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"


def test_the_table_of_steps_is_the_pipeline() -> None:
    listed = re.findall(r"^ *\| `(\w+)` \| `", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert listed == [step.__name__ for step in STEPS]
