"""Runs as the bench board makes them, and what a refusal to make one says."""

from fractions import Fraction

import pytest
from controller_bench import PRIME
from fake_hal import BOARD, FakeHal

from pump.app import runs
from pump.core.bounds import Bounds
from pump.core.order import Order, settle
from pump.core.refusal import Refusal

BOUNDS = Bounds(BOARD.HARD_LIMITS)


def infusion(fields):
    settled = settle(Order(fields), BOARD.MECHANICS, BOUNDS)
    return runs.infusion(FakeHal(), BOARD, settled)


def plan_of(fields):
    return infusion(fields)[0]


def volume_ml(run):
    return Fraction(*run.plan.total_volume_nl) / 10**6


def refused(code, field, make):
    with pytest.raises(Refusal) as caught:
        make()
    assert (caught.value.code, caught.value.field) == (code, field)
    return caught.value


def prime(**changes):
    fields = {**PRIME, **{name.replace("_", "-"): text for name, text in changes.items()}}
    fields = {name: text for name, text in fields.items() if text is not None}
    return runs.prime(FakeHal(), BOARD, fields)
