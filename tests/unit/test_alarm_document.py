"""firmware/ALARMS.md says what the code does: its columns and figures are made from it."""

import re
from pathlib import Path

import pytest

from pump.core import annunciator
from pump.core.alarms import (
    _LOCK_STOPS,
    _LOCK_WINDOW_US,
    _SILENCE_US,
    FOR_GOOD,
    LATCHED,
    SELF,
    row_of,
)
from titra.alarm_texts import TEXTS

DOCUMENT = (Path(__file__).resolve().parents[2] / "firmware/ALARMS.md").read_text()
ENDS = {SELF: "by itself", LATCHED: "`ack`", FOR_GOOD: "reset"}


def alarm_cells():
    """What the document must say of each alarm, in its first five columns."""
    cells = []
    for cause, text in TEXTS.items():
        _, priority, latching, stops = row_of(cause)
        cells.append(["`%s`" % cause, priority, "stops" if stops else "-", ENDS[latching], text])
    return cells


def sound_rows():
    """The table of sounds, from the constants."""
    a = annunciator

    def ms(us):
        assert us % 1000 == 0
        return "%d ms" % (us // 1000)

    return [
        ["high", "10 (5+5)", ms(a._HIGH_PULSE_US), ms(a._HIGH_PAUSE_US)]
        + [ms(a._HIGH_THIRD_US), ms(a._HIGH_MIDDLE_US), ms(a._HIGH_REST_US)],
        ["medium", "3", ms(a._MEDIUM_PULSE_US), ms(a._MEDIUM_PAUSE_US)]
        + ["-", "-", ms(a._MEDIUM_REST_US)],
        ["low", "2", ms(a._LOW_PULSE_US), ms(a._LOW_PAUSE_US), "-", "-", ms(a._LOW_REST_US)],
    ]


def light_rows():
    """The table of lights, from the constants."""
    rows = []
    for priority, on_us, off_us in (
        (annunciator.HIGH, annunciator._RED_ON_US, annunciator._RED_OFF_US),
        (annunciator.MEDIUM, annunciator._YELLOW_ON_US, annunciator._YELLOW_OFF_US),
    ):
        hertz = "%g Hz" % (1_000_000 / (on_us + off_us))
        on, off = "%d ms" % (on_us // 1000), "%d ms" % (off_us // 1000)
        rows.append([priority, annunciator.light(priority, 0)[0], on, off, hertz])
    return rows + [[annunciator.LOW, annunciator.light(annunciator.LOW, 0)[0], "always", "-", "-"]]


def rows(title):
    """The cells of the table under ``title``, without its two head rows."""
    section = DOCUMENT.split("## %s\n" % title)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_each_alarm_has_its_row():
    assert [row[:5] for row in rows("Alarms")] == alarm_cells()


@pytest.mark.parametrize("row", rows("Alarms"), ids=lambda row: row[0])
def test_each_row_says_when_and_what_to_do(row):
    assert len(row) == 7
    assert len(row[5]) > 10 and len(row[6]) > 3


def test_sounds():
    assert rows("Sound") == sound_rows()


def test_lights():
    assert rows("Light") == light_rows()


def test_what_is_heard_is_what_the_rows_say():
    """The pulses counted over one burst and its rest."""
    for row in rows("Sound"):
        at, pulses = 0, 0
        while True:
            after = annunciator.buzzer_change_us(row[0], at)
            pulses += annunciator.buzzer(row[0], at)
            if "%d ms" % ((after - at) // 1000) == row[6]:
                break
            at = after
        assert pulses == int(row[1].split()[0]), row


def test_figures_in_the_text():
    text = re.sub(r"\s+", " ", DOCUMENT)
    assert "for %d s" % (_SILENCE_US // 10**6) in text
    assert _LOCK_STOPS == 3 and "the third stop of the same cause" in text
    assert "within %d min" % (_LOCK_WINDOW_US // 60_000_000) in text


def test_one_page():
    assert len(DOCUMENT.splitlines()) <= 100
    assert max(len(line) for line in DOCUMENT.splitlines() if not line.startswith("|")) <= 100
