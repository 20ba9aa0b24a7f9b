from pathlib import Path

import pytest
from typer.testing import CliRunner

from runtime.cli import app


def test_a_file_of_rules_is_checked_put_in_force_and_shown(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    shown = CliRunner().invoke(app, ["rules", "show"])
    assert "[[clocks]]" in shown.output
    file = tmp_path / "rules.toml"
    file.write_text(shown.output.replace("promise_h = 48.0", "promise_h = 24.0"))
    loaded = CliRunner().invoke(app, ["rules", "load", str(file)])
    assert (loaded.exit_code, loaded.output) == (0, "rules 1 are in force\n")
    assert "promise_h = 24.0" in CliRunner().invoke(app, ["rules", "show"]).output
    file.write_text("promise_d = 2\n")
    refused = CliRunner().invoke(app, ["rules", "load", str(file)])
    assert refused.exit_code == 1
    assert "promise_h = 24.0" in CliRunner().invoke(app, ["rules", "show"]).output
