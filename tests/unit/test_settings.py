"""What the environment may say, and what is said back when it is wrong."""

import base64
import json
import re
import socket
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.metrics import Metrics, MetricsServer
from runtime.settings import Settings, load_settings, refuse_taken

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "MQTT_URL", "ZAITU_ADMIN_TOKEN", "ZAITU_CONTACT_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"`([A-Z_]+)`", (ROOT / "docs" / "operations.md").read_text()))
    names = {
        name.upper() if name in ("database_url", "mqtt_url") else f"ZAITU_{name.upper()}"
        for name in Settings.model_fields
    }
    assert names - documented == set()


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@db/zaitu")
    monkeypatch.setenv("MQTT_URL", "mqtt://u:p@broker")
    monkeypatch.setenv("ZAITU_BATCH_MESSAGES", "500")
    monkeypatch.setenv("ZAITU_LOG_LEVEL", "WARNING")

    settings = load_settings()

    assert settings.required_database_url() == "postgresql://u:p@db/zaitu"
    assert settings.required_mqtt_url() == "mqtt://u:p@broker"
    assert settings.batch_messages == 500
    assert settings.log_level == "warning"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "DATABASE_URL",
            "mysql://u:hunter2@db",
            "The setting DATABASE_URL is wrong: it must look like postgresql://",
        ),
        (
            "DATABASE_URL",
            "postgresql://u:hunter2@db:5432,db2:port/zaitu",
            "The setting DATABASE_URL is wrong: its port must be a number",
        ),
        (
            "MQTT_URL",
            "mqtt://u:hunter2@broker:99999",
            "The setting MQTT_URL is wrong: its port must be a number",
        ),
        ("MQTT_URL", "broker.example", "The setting MQTT_URL is wrong: it must look like mqtt://"),
        ("ZAITU_API_PORT", "70000", "The setting ZAITU_API_PORT is wrong: Input should be less than"),
        (
            "ZAITU_BATCH_AGE_MS",
            "soon",
            "The setting ZAITU_BATCH_AGE_MS is wrong: Input should be a valid integer",
        ),
        (
            "ZAITU_INFLIGHT_WINDOW",
            "65535",
            "The setting ZAITU_INFLIGHT_WINDOW is wrong: Input should be less than",
        ),
        (
            "ZAITU_CONTACT_KEY",
            "c2hvcnQ=",
            "The setting ZAITU_CONTACT_KEY is wrong: it must be 32 bytes in base64",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_exit_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit) as ended:
        load_settings()

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert sentence in said
    assert said.count("\n") == 1
    assert "hunter2" not in said


def test_a_missing_server_is_one_sentence_and_exit_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        Settings().required_database_url()

    assert ended.value.code == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err


def test_a_port_that_is_taken_is_one_sentence_that_names_its_setting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        refuse_taken("127.0.0.1", taken.getsockname()[1], "ZAITU_API_PORT")

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("zaitu: Cannot listen on 127.0.0.1:")
    assert "(Address already in use)" in said
    assert "set ZAITU_API_PORT" in said
    assert said.count("\n") == 1


def test_a_port_that_is_free_is_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    refuse_taken("127.0.0.1", port, "ZAITU_API_PORT")

    socket.create_server(("127.0.0.1", port)).close()


def test_secrets_that_are_not_set_are_made_once_and_kept_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")

    token, key = settings.admin_token_text(), settings.contact_key_text()

    assert (settings.admin_token_text(), settings.contact_key_text()) == (token, key)
    assert len(token) >= 32
    assert len(base64.b64decode(key)) == 32
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    assert modes == {0o600}


def test_secrets_that_are_set_are_used_and_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = bytes(range(32))
    monkeypatch.setenv("ZAITU_CONTACT_KEY", base64.b64encode(key).decode())
    monkeypatch.setenv("ZAITU_ADMIN_TOKEN", "sesame, said the forty thieves")
    settings = Settings(data_dir=tmp_path)

    assert settings.contact_key_text() == base64.b64encode(key).decode()
    assert settings.admin_token_text() == "sesame, said the forty thieves"
    assert "sesame, said the forty thieves" not in repr(settings)
    assert list(tmp_path.iterdir()) == []


def test_a_log_line_is_one_json_object_with_the_process_named() -> None:
    program = (
        "from runtime.logging import configure_logging; import logging, structlog, threading\n"
        "configure_logging('info', 'json', 'ingest')\n"
        "work = lambda: structlog.get_logger('ingest.commit').info('committed', fixes=3)\n"
        "thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        "logging.getLogger('library').warning('slow %s', 'query')\n"
        "logging.getLogger('library').debug('not shown')\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    first, second = (json.loads(line) for line in ended.stderr.splitlines())
    assert (first["event"], first["fixes"], first["level"]) == ("committed", 3, "info")
    assert (second["event"], second["level"]) == ("slow query", "warning")
    assert first["process"] == second["process"] == "ingest"
    assert first["timestamp"].endswith("Z")


def test_metrics_are_shown_over_http() -> None:
    metrics = Metrics()
    metrics.counter("rejected_total", "payloads that could not be used", "reason").labels("malformed").inc(2)
    metrics.latency("commit", "from receipt to commit").observe(0.02)
    server = MetricsServer(metrics, "127.0.0.1", 0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
            shown = answer.read().decode()
    finally:
        server.close()

    samples = {
        (sample.name, sample.labels.get("reason")): sample.value
        for family in text_string_to_metric_families(shown)
        for sample in family.samples
    }
    assert samples["zaitu_rejected_total", "malformed"] == 2
    assert samples["zaitu_commit_seconds_count", None] == 1
