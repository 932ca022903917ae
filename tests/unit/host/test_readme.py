"""What the README shows does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from titra.simulator import SpawnedPump

README = (Path(__file__).resolve().parents[3] / "README.md").read_text()


def test_the_ten_line_script_runs_as_often_as_one_likes(tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", README, re.S)
    assert found
    link = tmp_path / "pump"
    script = found.group(1).replace("/tmp/pump", str(link))
    pump = SpawnedPump(runtime="cpython", speed=1, link=str(link))
    times: set[str] = set()
    try:
        for _ in range(2):
            said = subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, timeout=30
            )
            assert said.returncode == 0, said.stderr
            assert "'state': 'infusing'" in said.stdout
            assert "'state': 'halted'" in said.stdout
            times.update(re.findall(r"'t': '(\d+ms)'", said.stdout))
    finally:
        pump.close()
    assert len(times) == 2  # the second run was not answered from the pump's memory of the first
