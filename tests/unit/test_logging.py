"""Logs tell what went wrong, and never with what values."""

import json
import logging

import pytest

from runtime.logging import configure_logging


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_logged_exception_does_not_show_local_variables(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = logging.getLogger().handlers[:]
    configure_logging("info", log_format, "test")  # type: ignore[arg-type]
    try:
        _fail_with("13800138000")
    finally:
        logging.getLogger().handlers = before

    said = capsys.readouterr().err
    assert "the driver cannot be reached" in said
    assert "ValueError" in said
    assert "13800138000" not in said
    if log_format == "json":
        assert json.loads(said)["process"] == "test"


def _fail_with(phone: str) -> None:
    digits = list(phone)
    try:
        raise ValueError(f"{len(digits)} digits")
    except ValueError:
        logging.getLogger("test").exception("the driver cannot be reached")
