"""Print what pyproject.toml asks for: to build and to run, and for each extra named."""

import sys
import tomllib
from pathlib import Path

declared = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
project = declared["project"]
requirements = [*declared["build-system"]["requires"], *project["dependencies"]]
for extra in filter(None, sys.argv[1:]):
    requirements += project["optional-dependencies"][extra]
print("\n".join(requirements))  # noqa: T201
