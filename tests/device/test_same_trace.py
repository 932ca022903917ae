"""CPython and MicroPython tell the same story, byte for byte (boards/sim/scenario.py)."""

import re
import subprocess
from pathlib import Path

import pytest

from titra.simulator import _interpreter

from .therapies import SHORT_STEPS, steps_of

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 100


def trace_of(runtime: str, board: str = "rpi_pico") -> str:
    script = str(ROOT / "boards/sim/scenario.py")
    done = subprocess.run(
        [*_interpreter(runtime), script, str(ROOT), board],
        capture_output=True,
        timeout=SECONDS,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def trace() -> str:
    return trace_of("cpython")


@pytest.mark.requirement("VER-02")
def test_same_on_both(trace):
    other = trace_of("micropython")
    for here, there in zip(trace.splitlines(), other.splitlines(), strict=False):
        assert here == there
    assert trace == other


@pytest.mark.requirement("VER-02", "HW-02")
def test_same_on_both_for_the_esp32():
    traces = [trace_of(runtime, "esp32_devkitc") for runtime in ("cpython", "micropython")]
    assert traces[0] == traces[1]
    assert re.search(r"^end complete 1712 \d+$", traces[0], re.MULTILINE)
    assert "\ncrash None\n" in traces[0]


@pytest.mark.parametrize(
    "wanted",
    [
        r"^\d+ 4 err code=no-plan state=idle",
        r"^\d+ 6 err code=bad-number field=dose given=\.5mg/kg",
        r"^\d+ 9 err code=rate-range field=rate",
        r"^\d+ - err code=bad-crc",
        r"^\d+ - err code=too-long",
        r"^\d+ - err code=unknown-verb field=verb given=se ",
        r"^\d+ 4711 err code=crc-required",
        r"^\d+ 10 ok plan=[0-9A-F]{8} state=ready .*steps=2521",
        r"^\d+ 13 ok state=infusing plan=[0-9A-F]{8} lease=4s on-loss=stop",
        r"^\d+ 14 ok state=paused",
        r"^\d+ 16 ok state=infusing",
        r"^225\d{5} !6 event t=\d+ms boot=1 name=complete .*steps=2521",
        r"^\d+ Titra,rpi_pico,",
        r"^25\d{6} !9 event t=\d+ms boot=1 name=stopped cause=disconnect",
        r"^\d+ 25 err code=stop-open state=stopped",
        r"^\d+ 27 ok state=idle",
        r"^\d+ !13 event t=\d+ms boot=1 name=host-lost on-loss=finish",
        r"^\d+ !14 event t=\d+ms boot=1 name=complete .*steps=1712",
        r"^\d+ !18 event t=\d+ms boot=1 name=stopped cause=host-lost",
        r"^\d+ 36 ok state=halted",
        r"^\d+ !1 event t=\d+ms boot=2 name=boot reset=power-on",
        r"^\d+ !2 event t=\d+ms boot=2 name=stopped cause=reset state=stopped steps=\d+",
        r"^\d+ 44 err code=no-plan state=stopped",
        r"^\d+ 45 ok state=idle",
        r"^\d+ 39 err code=no-plan state=idle",
        r"^\d+ ~\d{2,} t=\d+ms boot=1 state=infusing",
        r"^end complete 1712 \d+$",
        r"^crash None$",
        r"^flash .*/journal-[01].rec', b'\d+ boot=2 plan=\w{8} state=infusing steps=\d+ of=",
    ],
)
def test_it_is_a_whole_life(trace, wanted):
    assert len(re.findall(wanted, trace, re.MULTILINE)) >= 1


@pytest.mark.requirement("DEL-01")
def test_every_run_of_steps_is_told(trace):
    """The counts of all runs add up to the edges at the pin and to what the pump reports."""
    runs = [int(count) for count in re.findall(r"^STEP .* count=(\d+)$", trace, re.MULTILINE)]
    edges = int(re.search(r"^end \S+ \d+ (\d+)$", trace, re.MULTILINE).group(1))
    assert sum(runs) == edges
    ends = re.findall(r"^\d+ !.*boot=1 name=stopped .*steps=(\d+)", trace, re.MULTILINE)
    stopped = sum(int(steps) for steps in ends)
    halted = int(re.search(r"name=halted .*steps=(\d+)", trace).group(1))
    at_cut = edges - SHORT_STEPS - 2 * steps_of_second() - stopped - halted
    # 1.3 s at 126 steps/s between the last start and the power cut
    assert 150 <= at_cut <= 170


def steps_of_second() -> int:
    """0.07 mL in a bd-10 (14.43 mm bore)."""
    return steps_of("0.07", bore_mm="14.43")
