"""Lock-out and hourly limit of boluses, at their boundaries from both sides."""

import pytest

from pump.core.boluses import HOUR_US, Boluses
from pump.core.refusal import Refusal

S = 1_000_000
ML = 1_000_000


def refused(boluses, *args):
    with pytest.raises(Refusal) as caught:
        boluses.check(*args)
    return caught.value.pairs()


def test_the_first_bolus_waits_for_nothing():
    Boluses().check(0, (5 * ML, 1), 300 * S, (5 * ML, 1))
    Boluses().check(0, (150 * ML, 1), 0, None)


def test_lockout_is_inclusive():
    boluses = Boluses()
    boluses.add(100 * S, (ML, 1))
    boluses.check(400 * S, (ML, 1), 300 * S, None)
    assert refused(boluses, 400 * S - 1, (ML, 1), 300 * S, None) == [
        ("code", "lockout"),
        ("field", "bolus"),
        ("limit", "0.001s"),
    ]
    assert ("limit", "300s") in refused(boluses, 100 * S, (ML, 1), 300 * S, None)
    boluses.check(100 * S, (ML, 1), 0, None)


@pytest.mark.requirement("DOSE-21")
def test_hourly_limit_is_inclusive_and_tells_what_is_left():
    boluses = Boluses()
    boluses.add(0, (2 * ML, 1))
    boluses.add(60 * S, (4 * ML, 3))
    most = (5 * ML, 1)
    boluses.check(120 * S, (5 * ML, 3), 0, most)
    assert refused(boluses, 120 * S, (5 * ML + 1, 3), 0, most) == [
        ("code", "hourly-limit"),
        ("field", "volume"),
        ("given", "1.666667mL"),
        ("limit", "1.666666mL"),
    ]
    boluses.add(120 * S, (2 * ML, 1))  # more than allowed, by another plan
    assert ("limit", "0mL") in refused(boluses, 121 * S, (1, 1), 0, most)


def test_the_hour_slides():
    boluses = Boluses()
    boluses.add(10 * S, (5 * ML, 1))
    most = (5 * ML, 1)
    assert refused(boluses, 10 * S + HOUR_US - 1, (1, 1), 0, most)[0] == ("code", "hourly-limit")
    boluses.check(10 * S + HOUR_US, most, 0, most)


def test_what_is_kept_is_bounded():
    boluses = Boluses()
    for minute in range(1000):
        boluses.add(minute * 60 * S, (1, 1))
    assert len(boluses._given) == 60
