"""Running the commands in this process."""

from __future__ import annotations

import json
import signal
from typing import Any

from typer.testing import CliRunner, Result

from titra import cli

from .fake_pump import FakePump

BENCH = {
    "weight": "70kg",
    "dose": "0.5mg/kg",
    "over": "40min",
    "concentration": "1mg/mL",
    "syringe": "bd-60",
    "volume-per-step": "138.8246nL",
}
STEPS = 252_117


def options(**changes: str | None) -> list[str]:
    fields = {**BENCH, **{key.replace("_", "-"): value for key, value in changes.items()}}
    return [word for key, value in fields.items() if value for word in (f"--{key}", value)]


def run(*args: str) -> Result:
    return CliRunner().invoke(cli.app, list(args))


def run_json(*args: str) -> tuple[int, dict[str, Any]]:
    result = run(*args, "--json")
    assert result.stdout.count("\n") == 1, result.output
    return result.exit_code, json.loads(result.stdout)


def press_ctrl_c(times: int, at_us: int) -> Any:
    def tweak(pump: FakePump) -> None:
        left = [times]

        def before_read() -> None:
            if pump.now_us >= at_us and left[0]:
                left[0] -= 1
                signal.raise_signal(signal.SIGINT)

        pump.before_read = before_read

    return tweak
