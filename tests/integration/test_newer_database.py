"""A program that is older than its database does not touch it."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from migrations.runner import refusal_of_newer


def make_newer(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into schema_migration (number, name, sha256, duration_ms)"
            " select max(number) + 1, 'of_tomorrow', '', 0 from schema_migration"
        )


@pytest.mark.parametrize("process", ["ingest", "watch", "api"])
def test_each_process_refuses_a_newer_database_with_one_sentence(
    process: str, database_url: str, tmp_path: Path
) -> None:
    make_newer(database_url)
    settings = {
        "DATABASE_URL": database_url, "MQTT_URL": "mqtt://127.0.0.1:1", "ZAITU_DATA_DIR": str(tmp_path),
        "ZAITU_API_PORT": "0", "ZAITU_DEVICE_HTTP_PORT": "0", "ZAITU_INGEST_METRICS_PORT": "0",
        "ZAITU_WATCH_METRICS_PORT": "0",
    }  # fmt: skip

    ended = subprocess.run(
        [sys.executable, "-m", process],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("zaitu: This database is newer than the program: it has migration ")
    assert sentence.endswith("of_tomorrow, which the program does not know. Run the newer program.")


def test_a_database_of_the_same_age_an_empty_one_and_one_that_is_away_are_not_refused(
    database_url: str, empty_database_url: str
) -> None:
    for url in (database_url, empty_database_url, "postgresql://nobody@127.0.0.1:1/none"):
        assert refusal_of_newer(url) is None
