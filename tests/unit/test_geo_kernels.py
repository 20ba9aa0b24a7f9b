import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


SHOW = "import geo.kernels; print(geo.kernels.FenceGrid.__module__)"


def choose(choice: str, code: str = SHOW) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ZAITU_KERNELS": choice, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )


@pytest.mark.parametrize(
    ("choice", "module"), [("native", "native.fences"), ("reference", "geo.reference.fences")]
)
def test_the_environment_chooses_the_kernels(choice: str, module: str) -> None:
    assert choose(choice).stdout.strip() == module


def test_another_choice_is_refused_with_the_ones_there_are() -> None:
    assert "must be `native` or `reference`" in choose("fast").stderr


def test_a_missing_native_build_says_what_to_do() -> None:
    hidden = "import sys; sys.modules['native.crossings'] = None; import geo.kernels"
    assert "run `make setup`" in choose("native", hidden).stderr
