"""A number that is none, anywhere in a batch: both twins refuse it in the same words, and nothing changes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import geo.reference.crossings
import geo.reference.fences
import geo.reference.progress
import native.crossings
import native.distance
import native.fences
import native.progress
from geo.crossings import DEFAULT_RULES as CROSSING_RULES
from geo.progress import DEFAULT_RULES as PROGRESS_RULES

COUNT = 5
SQUARE_LONS = np.array([121.0, 121.1, 121.1, 121.0, 121.0])
SQUARE_LATS = np.array([31.0, 31.0, 31.1, 31.1, 31.0])


def grid(module: Any) -> Any:
    starts = np.array([0, 5], dtype=np.int64), np.array([0, 1], dtype=np.int64)
    ids, widths = np.array([1], dtype=np.int64), np.full(1, 100.0)
    return module.FenceGrid(
        ids, np.zeros(1), np.full(1, math.inf), SQUARE_LONS, SQUARE_LATS, *starts, np.zeros(1), widths
    )


def crossing_fold(module: Any, fences: Any) -> Any:
    rules = [getattr(CROSSING_RULES, name) for name in CROSSING_RULES.__slots__]
    return module.CrossingFold(grid(fences), *rules)


def progress_fold(module: Any) -> Any:
    fold = module.ProgressFold(*(getattr(PROGRESS_RULES, name) for name in PROGRESS_RULES.__slots__))
    lats = np.array([31.0, 31.1])
    lons = np.array([121.0, 121.1])
    fold.assign(0, lats, lons, native.distance.cumulative_m(lats, lons), 0.0)
    return fold


FOLDS: dict[str, tuple[Callable[[], tuple[Any, Any]], str]] = {
    "crossings": (
        lambda: (
            crossing_fold(native.crossings, native.fences),
            crossing_fold(geo.reference.crossings, geo.reference.fences),
        ),
        "process",
    ),
    "progress": (lambda: (progress_fold(native.progress), progress_fold(geo.reference.progress)), "advance"),
}


@pytest.mark.parametrize("kernel", FOLDS)
@given(
    column=st.integers(1, 3),
    place=st.integers(0, COUNT - 1),
    wrong=st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_no_fold_takes_what_is_no_fix(kernel: str, column: int, place: int, wrong: float) -> None:
    make, name = FOLDS[kernel]
    columns = [np.zeros(COUNT, dtype=np.int64), np.arange(COUNT) * 10.0]
    columns += [np.full(COUNT, 31.05), np.full(COUNT, 121.05), np.full(COUNT, 5.0)]
    columns[column][place] = wrong
    said = []
    for fold in make():
        before = fold.save_state(0)
        with pytest.raises(ValueError, match=r"not on Earth|not a finite number") as refused:
            getattr(fold, name)(*columns)
        said.append(str(refused.value))
        assert fold.save_state(0) == before
    assert said[0] == said[1]


@given(
    column=st.integers(0, 2),
    place=st.integers(0, COUNT - 1),
    wrong=st.sampled_from([math.nan, math.inf, -math.inf]),
)
def test_no_grid_is_asked_where_there_is_nothing(column: int, place: int, wrong: float) -> None:
    columns = [np.full(COUNT, 31.05), np.full(COUNT, 121.05), np.zeros(COUNT)]
    columns[column][place] = wrong
    said = []
    for module in (native.fences, geo.reference.fences):
        with pytest.raises(ValueError, match=r"not on Earth|not a finite number") as refused:
            grid(module).query(*columns)
        said.append(str(refused.value))
    assert said[0] == said[1]


@given(place=st.integers(0, 4), axis=st.integers(0, 1), wrong=st.sampled_from([math.nan, math.inf, 200.0]))
def test_no_grid_is_laid_over_corners_that_are_nowhere(place: int, axis: int, wrong: float) -> None:
    lons, lats = SQUARE_LONS.copy(), SQUARE_LATS.copy()
    (lons, lats)[axis][place] = wrong
    starts = np.array([0, 5], dtype=np.int64), np.array([0, 1], dtype=np.int64)
    ids, widths = np.array([1], dtype=np.int64), np.full(1, 100.0)
    for module in (native.fences, geo.reference.fences):
        with pytest.raises(ValueError, match="not on Earth"):
            module.FenceGrid(ids, np.zeros(1), np.full(1, math.inf), lons, lats, *starts, np.zeros(1), widths)
