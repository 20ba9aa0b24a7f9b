"""Test the kernels with every check on: bounds and, with --sanitize, AddressSanitizer.

Cython's directives stand beside each function that turns them off, where no build option reaches them. So
this copies the sources to build/checked, turns the directives on there, compiles them, and runs the kernels'
tests on them.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKED = ROOT / "build" / "checked"
SANITIZE = "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
BUILD = "import sys, setuptools; sys.argv[1:] = ['-q', 'build_ext', '--inplace']; setuptools.setup()"


def main() -> int:
    """Build and test; the tests' exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sanitize", action="store_true", help="under AddressSanitizer and UBSan as well (gcc)"
    )
    sanitize: bool = parser.parse_args().sanitize
    copy_with_checks()
    flags = SANITIZE if sanitize else "-UNDEBUG"
    subprocess.run(
        [sys.executable, "-c", BUILD], cwd=CHECKED, env={**os.environ, "CFLAGS": flags}, check=True
    )
    tests = sorted([*ROOT.glob("tests/unit/test_geo_*.py"), *ROOT.glob("tests/property/test_kernels_*.py")])
    environment = {**os.environ, "PYTHONPATH": str(CHECKED)}
    if sanitize:
        # Python's own allocations outlive the run; only the kernels' memory is in question.
        environment |= {"LD_PRELOAD": sanitizer_library(), "ASAN_OPTIONS": "detect_leaks=0"}
        environment |= {"PYTHONMALLOC": "malloc"}
    # The pytest command, not `python -m pytest`: that would find the checkout's kernels before these.
    command = [
        str(Path(sys.executable).with_name("pytest")),
        "-q",
        "-p",
        "no:cacheprovider",
        *map(str, tests),
    ]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def copy_with_checks() -> None:
    """The kernels' sources with their directives turned on, and what their build declares."""
    shutil.rmtree(CHECKED, ignore_errors=True)
    (CHECKED / "native").mkdir(parents=True)
    for source in [*ROOT.glob("native/*.p*"), ROOT / "native" / "__init__.py"]:
        text = re.sub(r"@cython\.boundscheck\(False\)", "@cython.boundscheck(True)", source.read_text())
        (CHECKED / "native" / source.name).write_text(text)
    declared = (ROOT / "pyproject.toml").read_text()
    modules = re.search(r"^ext-modules = \[\n.*?^\]\n", declared, re.DOTALL | re.MULTILINE)
    if modules is None:
        raise SystemExit("pyproject.toml declares no ext-modules")
    name = '[project]\nname = "zaitu-checked-kernels"\nversion = "0"\n'
    (CHECKED / "pyproject.toml").write_text(f'{name}\n[tool.setuptools]\npackages = ["native"]\n{modules[0]}')


def sanitizer_library() -> str:
    """Where gcc keeps AddressSanitizer's run-time library."""
    command = ["gcc", "-print-file-name=libasan.so"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
