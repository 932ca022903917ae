"""Sound and light, measured with a stop-watch of 1 ms against the tables of IEC 60601-1-8."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pump.core import annunciator
from pump.core.annunciator import HIGH, LOW, MEDIUM, NONE, PRIORITIES

MS = 1000
MINUTE_MS = 60_000
LATE_US = 1000  # what HAL.wait may be late
ANY_US = st.integers(0, 2**63)
ANY_PRIORITY = st.sampled_from([*PRIORITIES, NONE])

# The standard's ranges in ms, written down here apart from the module.
PULSES = {HIGH: (10, 10), MEDIUM: (3, 3), LOW: (1, 2)}
PULSE = {HIGH: (75, 200), MEDIUM: (125, 250), LOW: (125, 250)}
PAUSE = {HIGH: (50, 125), MEDIUM: (125, 250), LOW: (125, 250)}
MIDDLE = (350, 1300)
REST = {HIGH: (2500, 15000), MEDIUM: (2500, 30000), LOW: (15001, 60000)}
FLASH_MHZ = {HIGH: (1400, 2800), MEDIUM: (400, 800)}
COLOUR = {HIGH: "red", MEDIUM: "yellow", LOW: "yellow"}


def runs(ask, minutes=4):
    """[value, length in ms] of each stretch of equal values of ``ask(ms)``; the last is dropped
    because it is cut off."""
    found = []
    for at_ms in range(minutes * MINUTE_MS):
        value = ask(at_ms)
        if found and found[-1][0] == value:
            found[-1][1] += 1
        else:
            found.append([value, 1])
    return found[:-1]


def bursts(priority):
    """Every burst as [(pulse, pause after it), ...] in ms; the first begins at 0."""
    stretches = runs(lambda at_ms: annunciator.buzzer(priority, at_ms * MS))
    assert stretches[0][0] is True, "the sound begins at once"
    found = [[]]
    pulses = [length for _, length in stretches[0::2]]
    pauses = [length for _, length in stretches[1::2]]
    for pulse, pause in zip(pulses, pauses):  # a last pulse without its pause is left out
        found[-1].append((pulse, pause))
        if pause > MIDDLE[1]:
            found.append([])
    return found[:-1]


def within(bounds, value):
    return bounds[0] <= value <= bounds[1]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_bursts_are_those_of_the_standard(priority):
    heard = bursts(priority)
    assert len(heard) > 5
    for burst in heard:
        assert burst == heard[0]
    burst = heard[0]
    assert within(PULSES[priority], len(burst))
    assert all(within(PULSE[priority], pulse) for pulse, _ in burst)
    assert len({pulse for pulse, _ in burst}) == 1
    assert within(REST[priority], burst[-1][1])
    if priority != HIGH:
        assert all(within(PAUSE[priority], pause) for _, pause in burst[:-1])


def test_high_comes_in_twice_five_with_the_third_set_apart():
    for burst in bursts(HIGH):
        pulse = burst[0][0]
        x = burst[0][1]
        assert within(PAUSE[HIGH], x)
        assert within(MIDDLE, burst[4][1])
        for five in (burst[:5], burst[5:]):
            assert [pause for _, pause in five[:4]] == [x, x, 2 * x + pulse, x]


def test_the_more_urgent_is_the_faster():
    """Table 3: a medium pulse and its pause last at least as long as a high one's."""
    beat = {priority: sum(bursts(priority)[0][0]) for priority in PRIORITIES}
    rest = {priority: bursts(priority)[0][-1][1] for priority in PRIORITIES}
    assert beat[HIGH] <= beat[MEDIUM] <= beat[LOW]
    assert rest[HIGH] < rest[MEDIUM] < rest[LOW]


@pytest.mark.parametrize("priority", PRIORITIES)
def test_a_loop_that_is_late_stays_inside_the_standard(priority):
    """Each edge may come LATE_US late, so a length may be off by that either way; the standard
    also wants the pauses of a burst within 5 % of each other."""
    for pulse, pause in bursts(priority)[0][:2]:
        bounds = REST if pause > MIDDLE[1] else PAUSE
        for length, (least, most) in ((pulse, PULSE[priority]), (pause, bounds[priority])):
            assert least * MS + LATE_US <= length * MS <= most * MS - LATE_US
            assert length * MS >= 20 * LATE_US


@pytest.mark.parametrize("priority", [HIGH, MEDIUM])
def test_the_light_flashes_as_the_standard_says(priority):
    stretches = runs(lambda at_ms: annunciator.light(priority, at_ms * MS))
    assert {colour for (colour, _), _ in stretches} == {COLOUR[priority]}
    assert stretches[0][0] == (COLOUR[priority], True), "lit at once"
    for ((_, lit), on_ms), ((_, dark), off_ms) in zip(stretches[0::2], stretches[1::2]):
        assert lit and not dark
        assert within(FLASH_MHZ[priority], 1_000_000 // (on_ms + off_ms))
        assert 20 <= 100 * on_ms / (on_ms + off_ms) <= 60
    assert len(stretches) > 50


@given(ANY_US)
def test_low_is_lit_all_the_time(since_us):
    assert annunciator.light(LOW, since_us) == ("yellow", True)
    assert annunciator.light_change_us(LOW, since_us) is None


@given(ANY_US)
def test_no_alarm_is_silent_and_dark(since_us):
    assert not annunciator.buzzer(NONE, since_us)
    assert annunciator.light(NONE, since_us) == ("off", False)
    assert annunciator.buzzer_change_us(NONE, since_us) is None
    assert annunciator.light_change_us(NONE, since_us) is None


SIGNALS = [
    (annunciator.buzzer, annunciator.buzzer_change_us),
    (annunciator.light, annunciator.light_change_us),
]


@pytest.mark.parametrize(("signal", "change"), SIGNALS, ids=["buzzer", "light"])
@given(priority=ANY_PRIORITY, since_us=ANY_US, part=st.integers(1, 1000))
def test_the_next_change_is_the_next_change(signal, change, priority, since_us, part):
    """Nothing changes before it, and at it something does."""
    next_us = change(priority, since_us)
    if next_us is None:
        return
    assert next_us > since_us
    now = signal(priority, since_us)
    assert signal(priority, next_us - 1) == now
    assert signal(priority, since_us + (next_us - 1 - since_us) * part // 1000) == now
    assert signal(priority, next_us) != now


@pytest.mark.parametrize("priority", PRIORITIES)
@pytest.mark.parametrize(("signal", "change"), SIGNALS, ids=["buzzer", "light"])
def test_who_wakes_only_for_changes_misses_none(signal, change, priority):
    """Walking from change to change gives what sampling gives."""
    walked = []
    at_us = 0
    while change(priority, at_us) is not None and at_us < 2 * MINUTE_MS * MS:
        next_us = change(priority, at_us)
        walked.append([signal(priority, at_us), (next_us - at_us) // MS])
        at_us = next_us
    sampled = runs(lambda at_ms: signal(priority, at_ms * MS))
    assert walked == sampled[: len(walked)]
    assert bool(walked) == (signal is annunciator.buzzer or priority != LOW)


@given(ANY_PRIORITY, ANY_US)
def test_booleans_are_booleans(priority, since_us):
    assert annunciator.buzzer(priority, since_us) in (True, False)
    assert annunciator.light(priority, since_us)[1] in (True, False)


def test_an_unknown_priority_is_a_mistake():
    for ask in (
        annunciator.buzzer,
        annunciator.light,
        annunciator.buzzer_change_us,
        annunciator.light_change_us,
    ):
        with pytest.raises(KeyError):
            ask("urgent", 0)
