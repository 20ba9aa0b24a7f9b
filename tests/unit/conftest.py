"""What several unit tests share."""

from collections.abc import Iterator

import pytest
from kernel_twins import TWINS, using


@pytest.fixture(params=TWINS)
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once on the native kernels and once on their reference."""
    with using(request.param):
        yield request.param
