"""5 kHz sustained on the emulated chip: half a second, eight times what the queue holds, with
telemetry at 20 ms, the slowest requests one behind the other, and a collection in every turn.

``tests/timing/test_sustained.py`` holds the same for longer, in simulation.
"""

import re

import pytest

from tests.emulator import chip
from tests.emulator.chip_bench import BOUND_NS, plan, step_errors

HZ = 5010  # the steps there are bring it to 5 kHz or just above
LENGTH_MS = 500
PLANS = {"uneven": plan(HZ, LENGTH_MS), "even": plan(HZ, LENGTH_MS, even=True)}
pytestmark = pytest.mark.xdist_group("chip-sustained")


@pytest.fixture(scope="module")
def seen(tmp_path_factory) -> dict:
    """What both plans came to, from one boot."""
    if reason := chip.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("sustained") / "files"
    chip.make_files(folder, chip.FAST_BOARD, chip.HARSH_LOOP)
    programs = [program for program, _ in PLANS.values()]
    return dict(zip(PLANS, chip.run("timing_runs.py", folder, "sustained", *programs)))


@pytest.mark.parametrize("intervals", PLANS)
def test_5_khz_is_sustained(seen, intervals) -> None:
    run, duration_ns = seen[intervals], PLANS[intervals][1]
    steps, rises = run["steps"], run["rises"]
    assert steps / float(duration_ns) * 10**9 >= 5000
    assert " state=complete " in run["ended"] and f" steps={steps} " in run["ended"]
    assert len(rises) == steps
    assert max(map(abs, step_errors(rises, duration_ns))) <= BOUND_NS
    assert run["fewest"] >= 1  # and one in progress: not within a word of starving
    assert len(re.findall(r"^\d+ ok ", run["text"], re.M)) >= 6
    assert re.search(r"^~\d+ .*state=infusing", run["text"], re.M)
