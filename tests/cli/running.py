"""The command line, run inside this process or as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from click.testing import CliRunner, Result

from derive.cli import main


def run(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(main, list(args), **options)


def fails(*args: str) -> str:
    """The message of wrong input: on stderr, exit code 2, no traceback, and the same in JSON."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert "Traceback" not in result.stderr
    error = json.loads(run(*args, "--json").stdout)["error"]
    assert error["kind"] == "input"
    assert error["got"]
    assert error["got"].splitlines()[0] in result.stderr
    return result.stderr


def python(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )
