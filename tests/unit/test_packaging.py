"""What is installed is what is in the checkout."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_package_is_listed() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    there = {
        ".".join(found.parent.relative_to(ROOT).parts)
        for root in declared["importlinter"]["root_packages"]
        for found in (ROOT / root).rglob("__init__.py")
    }

    assert set(declared["setuptools"]["packages"]) == there
