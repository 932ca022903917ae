"""The examples do what they say, on a virtual pump behind a pty."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from titra import Pump, Status
from titra.recording import load
from titra.runs import chosen
from titra.simulator import SpawnedPump

EXAMPLES = Path(__file__).resolve().parents[3] / "host_tools" / "examples"
STEPS = "1441 of 1441 steps"
LIBRARY = EXAMPLES.parent / "titra" / "LIBRARY.md"
SCRIPT_LINES_MAX = 20


@pytest.fixture
def amid_a_line() -> Iterator[str]:
    """A port that is opened while a line goes by; then telemetry, then the answer."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)

    def answer() -> None:
        for said in (b"Titra,rpi_pico,1,2", b"- ok state=idle", b"- ok syringe=bd-60"):
            while os.read(ours, 1) != b"\n":
                pass
            os.write(ours, b"mL/h steps=0*75AD\n~ t=1 state=idle*0000\n" + said + b"\n")

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    yield os.ttyname(theirs)
    os.close(theirs)  # ends a wait for a request that does not come
    thread.join()
    os.close(ours)


@pytest.fixture
def port() -> Iterator[str]:
    pump = SpawnedPump(runtime="cpython", speed="max")
    yield pump.port
    pump.close()


def ran(name: str, *args: str) -> str:
    said = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *args], capture_output=True, text=True, timeout=60
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


def test_pyserial_alone(port: str) -> None:
    out = ran("pyserial_only.py", port)
    assert f"complete {STEPS}, 0.200mL" in out and "'lease': '10s'" in out


def test_the_library(port: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    assert f"complete {STEPS}, 0.2 mL" in ran("library.py", port, str(path))
    run, _ = chosen(load(path), None)
    assert run.state == "complete" and run.plan and run.plan.steps == 1441


def test_an_instrument_for_visa(port: str) -> None:
    identity, status, limits = ran("visa.py", port).splitlines()
    assert identity.startswith("Titra,rpi_pico,")
    assert status.startswith("- ok state=idle ") and limits.startswith("- ok syringe=bd-60 ")


def test_visa_takes_the_rest_of_a_line_for_no_answer(amid_a_line: str) -> None:
    answers = ["Titra,rpi_pico,1,2", "- ok state=idle", "- ok syringe=bd-60"]
    assert ran("visa.py", amid_a_line).splitlines() == answers


def test_the_notebook_plots_a_run(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TITRA_PORT", port)
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(EXAMPLES / "plot_a_run.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)  # kept without results
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute(env=dict(os.environ))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert "('complete', 1441, 1441)" in str(outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)


def test_scripts_are_short() -> None:
    for path in EXAMPLES.glob("*.py"):
        lines = [line for line in path.read_text().splitlines() if line.strip()]
        assert len(lines) <= SCRIPT_LINES_MAX, path.name


def test_the_document_shows_code_that_runs(port: str, tmp_path: Path) -> None:
    found = re.search(r"```python\n(.*?)```", LIBRARY.read_text(), re.S)
    assert found
    code = found.group(1).replace("/dev/ttyACM0", port)
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert said.returncode == 0, said.stderr
    assert "complete none 1441" in said.stdout and (tmp_path / "run.jsonl").exists()


def test_the_document_names_what_there_is() -> None:
    names = re.findall(r"`([a-z_]+)\(", LIBRARY.read_text())
    for name in {name for name in names if name not in ("load", "runs_of")}:
        assert hasattr(Pump, name), name
    assert {field.name for field in fields(Status)} <= set(re.findall(r"\w+", LIBRARY.read_text()))
