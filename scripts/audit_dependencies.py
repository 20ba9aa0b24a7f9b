"""Hold the installed packages against known vulnerabilities (pip-audit); say so when that was not possible.

Fails when one of them is vulnerable. Where the list cannot be reached nothing is known, and nothing fails.
"""

import json
import subprocess
import sys

PATIENCE_S = 120


def main() -> int:
    """Return 1 when a vulnerable package is installed."""
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--format", "json", "--timeout", "10"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, json.JSONDecodeError, KeyError):
        say("NOT AUDITED: the list of known vulnerabilities could not be reached.")
        return 0
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        ids = ", ".join(found["id"] for found in package["vulns"])
        say(f"{package['name']} {package['version']}: {ids}")
    unknown = sum("skip_reason" in package for package in packages)
    if unknown == len(packages):
        say(f"NOT AUDITED: the list knows none of the {unknown} packages installed here.")
    else:
        say(f"{len(packages) - unknown} audited, {len(vulnerable)} vulnerable, {unknown} not on the list")
    return 1 if vulnerable else 0


def say(sentence: str) -> None:
    """Print a line."""
    print(sentence)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
