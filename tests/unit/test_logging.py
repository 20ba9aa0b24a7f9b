"""Logs tell what went wrong, and never with what values."""

import json
import logging
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread

import httpx
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


@pytest.mark.parametrize("level", ["debug", "info"])
def test_what_others_are_asked_for_is_not_logged(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    configure_logging(level, "json", "test")
    try:
        with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
            Thread(target=server.handle_request, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_port}/nowhere"
            headers = {"Authorization": "Bearer SECRET77"}
            assert httpx.get(url, params={"q": "SIPINGROAD1239"}, headers=headers).status_code == 404
        logging.getLogger("test").info("asked")
    finally:
        logging.getLogger().handlers, logging.getLogger().level = before

    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    assert "asked" in said[-1]
    assert not any("SIPINGROAD1239" in line or "SECRET77" in line for line in said)


def _fail_with(phone: str) -> None:
    digits = list(phone)
    try:
        raise ValueError(f"{len(digits)} digits")
    except ValueError:
        logging.getLogger("test").exception("the driver cannot be reached")
