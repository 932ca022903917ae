"""A change while infusing: one step after another to the instant, none lost, none twice.

The oracle works in fractions.Fraction from the definition: the first step of the new segment comes
after (1 - f) of its interval, f being the part of a step that is due at the change; the others
follow evenly to its end; the steps of the whole are rounded once.
"""

from fractions import Fraction
from math import floor

import pytest
from controller_bench import BOLUS, PRIME, Bench, bench_in
from fake_hal import BOARD, FakeHal
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from witness import Witness

from pump.core import dose, states
from pump.core.plan import Past
from pump.core.ratio import make
from pump.core.refusal import Refusal

S = 1_000_000
ML_H = Fraction(10**6, 3600)  # nL/s
BD10 = "40nL"
COMMON = {"syringe": "bd-10", "volume-per-step": BD10}
V = Fraction(40)
START_STOP_S = Fraction(1, 5000)  # no step comes sooner from standstill
NEAR_S = Fraction(200, 10**9)  # a quantum of the generator, and the ticks of the change


def running(fields, seconds):
    """A bench in the midst of an infusion, with its witness, and when it began."""
    bench = Bench()
    bench.controller.self_test([], None, False)
    witness = Witness(bench.hal)
    bench.controller.program({**COMMON, **fields})
    begun = bench.hal.clock.us
    bench.start()
    bench.run(int(seconds * S))
    return bench, witness, Fraction(begun, S)


def apply(bench, fields, **more):
    bench.controller.change(fields)
    bench.controller.start(bench.controller.offer.hash, 0, "stop", **more)


def meant(rate, before):
    """Whether a rate wants a word of its own."""
    return rate >= 10 * before or 10 * rate <= before


def expected(done, f, at, rate, volume, past_nl):
    """The instants of the steps after a change, and the steps of the whole."""
    total = floor((past_nl + volume) / V + Fraction(1, 2))
    count, duration, interval = total - done, volume / rate, V / rate
    first = (1 - f) * interval
    rest = duration - first
    if rest <= 0 or 2 * rest < (count - 1) * interval:
        return [at + duration * (n + 1) / count for n in range(count)], total
    at += max(Fraction(0), START_STOP_S - first)
    later = [at + first + rest * (n + 1) / (count - 1) for n in range(count - 1)]
    return [at + first, *later], total


RATES = st.integers(40, 1000).map(lambda tenths: Fraction(tenths, 10))


def text(rate):
    return "%d.%dmL/h" % divmod(int(rate * 10), 10)


@pytest.mark.requirement("DOSE-17", "DEL-01")
@settings(max_examples=60, deadline=None)
@given(RATES, RATES, st.integers(10**6, 9 * 10**6), st.integers(2, 20) | st.none())
def test_the_steps_go_on_by_the_oracle(first, second, at_us, seconds):
    bench, witness, begun = running({"rate": text(first), "over": "10s"}, Fraction(at_us, S))
    whole = first * ML_H * 10
    steps = floor(whole / V + Fraction(1, 2))
    due = Fraction(at_us, S) * steps / 10
    done, f = floor(due), due - floor(due)
    near = NEAR_S * steps / 10
    assume(near < f < 1 - near)  # else it is a matter of nanoseconds which step was the last
    past = whole * due / steps
    rate = second * ML_H
    volume = whole - past if seconds is None else rate * seconds
    assume(past + volume < 10**7 and volume / rate >= 1)
    fields = {"rate": text(second)} | ({} if seconds is None else {"over": "%ds" % seconds})
    want, total = expected(done, f, begun + Fraction(at_us, S), rate, volume, past)
    assume(total > done)
    apply(bench, fields, tenfold=meant(second, first))
    assert len(witness.steps) == done
    bench.run(int(volume / rate * S) + S)
    assert bench.controller.state == states.COMPLETE
    made = witness.steps[done:]
    assert (
        len(witness.steps)
        == total
        == bench.controller.steps()
        == bench.controller.plan.total_steps
    )
    for seen, wanted in zip(made, want, strict=True):
        assert abs(seen - wanted) <= NEAR_S, (float(seen), float(wanted))
    if seconds is None:
        assert total == steps


@pytest.mark.requirement("DOSE-17")
@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(RATES, st.integers(2 * 10**5, 10**6)), min_size=2, max_size=6))
def test_many_changes_round_once(changes):
    """The rest of 0.3 mL at one rate after another is 7500 steps all the same."""
    bench, witness, _ = running({"rate": "100mL/h", "volume": "0.3mL"}, 1)
    before = Fraction(100)
    for rate, us in changes:
        apply(bench, {"rate": text(rate)}, tenfold=meant(rate, before))
        before = rate
        bench.run(us)
    bench.run(1000 * S)
    assert len(witness.steps) == 7500 == bench.controller.steps()
    assert sorted(set(witness.steps)) == witness.steps
    assert (bench.controller.state, len(bench.controller.plan.phases)) == (states.COMPLETE, 2)


@pytest.mark.requirement("DOSE-17")
def test_a_change_of_a_change_in_the_first_step_keeps_its_fraction():
    """A step of 40 nL at 0.36 mL/h takes 0.4 s. Half is due at the first change, to a quarter of
    the rate; of the rest (0.8 s) three tenths at the second, back to the old rate."""
    bench, witness, begun = running({"rate": "0.36mL/h", "over": "10min"}, Fraction(2, 10))
    apply(bench, {"rate": "0.09mL/h"})
    bench.run(240_000)
    apply(bench, {"rate": "0.36mL/h"})
    bench.run(2 * S)
    bench.controller.pause()
    assert abs(witness.steps[0] - begun - Fraction(58, 100)) < NEAR_S
    assert abs(witness.steps[1] - witness.steps[0] - Fraction(4, 10)) < NEAR_S


@pytest.mark.requirement("DEL-01")
def test_a_change_while_paused_moves_nothing_before_the_resume():
    bench, witness, _ = running({"rate": "40mL/h", "over": "10s"}, 5)
    bench.controller.pause()
    done = bench.controller.steps()
    apply(bench, {"rate": "20mL/h"})
    assert bench.controller.state == states.PAUSED and bench.names()[-1] == "changed"
    bench.run(60 * S)
    assert bench.controller.steps() == done and not bench.hal.generator.running
    bench.controller.resume()
    bench.run(11 * S)
    assert bench.controller.state == states.COMPLETE
    assert len(witness.steps) == 2778 == bench.controller.steps()
    assert bench.hal.fuse.left == 0


@pytest.mark.requirement("DOSE-13")
def test_nothing_changes_before_the_start():
    bench, _, _ = running({"rate": "40mL/h", "over": "10s"}, 5)
    plan, motion = bench.controller.run.hash, bench.controller.motion
    bench.controller.change({"rate": "20mL/h"})
    assert bench.events[-1][0] == "change-offered"
    assert bench.events[-1][1]["plan"] == bench.controller.offer.hash != plan
    bench.run(5 * S + 1000)
    assert bench.controller.state == states.COMPLETE and bench.controller.run.hash == plan
    assert bench.controller.motion is motion


STALE = {
    "pause": lambda bench: bench.controller.pause(),
    "bolus": lambda bench: bench.controller.bolus(BOLUS),
    "another": lambda bench: bench.controller.change({"rate": "21mL/h"}),
    "stop": lambda bench: bench.controller.stop(),
    "button": lambda bench: bench.hal.stop.press() or bench.run(1000),
    "the end": lambda bench: bench.run(6 * S),
}


@pytest.mark.parametrize("how", STALE)
def test_an_offer_is_dropped_by_what_makes_it_stale(how):
    bench, _, _ = running({"rate": "40mL/h", "over": "10s"}, 5)
    bench.controller.change({"rate": "20mL/h"})
    stale = bench.controller.offer.hash
    STALE[how](bench)
    with pytest.raises(Refusal) as caught:
        bench.controller.start(stale, 0, "stop")
    assert caught.value.code in ("wrong-plan", "no-plan")


def test_an_offer_of_a_pause_is_dropped_by_the_resume():
    bench = bench_in(states.PAUSED)
    bench.controller.change({"rate": "30mL/h"})
    stale = bench.controller.offer.hash
    bench.controller.resume()
    with pytest.raises(Refusal) as caught:
        bench.controller.start(stale, 0, "stop")
    assert caught.value.code == "wrong-plan"


def test_a_bolus_offered_is_dropped_by_the_offer_of_a_change():
    bench = bench_in(states.INFUSING)
    bench.controller.bolus(BOLUS)
    stale = bench.controller.side.hash
    bench.controller.change({"rate": "30mL/h"})
    with pytest.raises(Refusal):
        bench.controller.start(stale, 0, "stop")
    assert bench.controller.state == states.INFUSING


@pytest.mark.parametrize("state", states.STATES)
def test_a_change_is_of_an_infusion_only(state):
    bench = bench_in(state)
    if state in (states.INFUSING, states.PAUSED):
        bench.controller.change({"rate": "30mL/h"})
        return
    with pytest.raises(Refusal) as caught:
        bench.controller.change({"rate": "30mL/h"})
    assert caught.value.code == "not-now" and bench.controller.offer is None


@pytest.mark.requirement("DEL-05")
def test_the_fuse_lets_pass_what_the_new_plan_still_gives_and_no_more():
    bench, _, _ = running({"rate": "40mL/h", "over": "10s"}, 5)
    armed = []
    arm = bench.hal.fuse.arm
    bench.hal.fuse.arm = lambda steps: armed.append(steps) or arm(steps)
    done = bench.controller.steps()
    apply(bench, {"rate": "20mL/h", "over": "3s"})
    assert armed == [bench.controller.plan.total_steps - done] == [417]
    assert bench.controller.planned_steps() == done + 417


@pytest.mark.requirement("DOSE-07", "DOSE-09")
def test_limits_are_about_the_whole_and_are_asked_again_at_the_start():
    fields = {"rate": "100mL/h", "volume": "9mL", "weight": "1kg", "concentration": "0.1mg/mL"}
    bench, _, _ = running(fields, 36)  # 1 mL
    with pytest.raises(Refusal) as caught:
        bench.controller.change({"volume": "9.01mL", "over": "10min"})
    assert (caught.value.code, caught.value.limit) == ("capacity", "10mL")
    bench.controller.change({"volume": "8.9mL", "over": "10min"})
    bench.run(2 * S)
    bench.controller.start(bench.controller.offer.hash, 0, "stop")
    bench.controller.change({"volume": "8.8mL", "over": "10min"})
    bench.run(100 * S)  # 1.5 mL
    with pytest.raises(Refusal) as caught:
        bench.controller.start(bench.controller.offer.hash, 0, "stop")
    assert caught.value.code == "capacity" and bench.events[-1][0] == "resumed"
    before = bench.controller.steps()
    bench.run(S)
    assert bench.controller.state == states.INFUSING and bench.controller.steps() > before


def test_a_change_is_a_phase_with_flow():
    bench = bench_in(states.INFUSING)
    for fields, code in (
        ({"pause": "1min"}, "unknown-field"),
        ({}, "missing-field"),
        ({"volume": "1mL"}, "missing-field"),
        ({"rate": "0.001mL/h"}, "out-of-range"),
        ({"rate": "20mL/h", "over": "1h"}, "capacity"),
        ({"rate": "20mL/h", "override": "x"}, "needless"),
    ):
        with pytest.raises(Refusal) as caught:
            bench.controller.change(fields)
        assert caught.value.code == code, fields


@pytest.mark.parametrize("rate", ["600mL/h", "6mL/h"])
def test_a_tenfold_change_wants_its_own_word(rate):
    bench = bench_in(states.INFUSING)
    bench.controller.change({"rate": rate, "over": "1s"})
    offered = bench.controller.offer.hash
    assert bench.controller.tenfold_of(bench.controller.offer.plan.rate_nl_per_s) == "60.000mL/h"
    with pytest.raises(Refusal) as caught:
        bench.controller.start(offered, 0, "stop")
    said = caught.value
    assert (said.code, said.given, said.limit) == (
        "tenfold", rate.replace("mL", ".000mL"), "60.000mL/h",
    )  # fmt: skip
    assert bench.controller.state == states.INFUSING and bench.hal.generator.running
    bench.controller.start(offered, 0, "stop", True)
    assert bench.controller.plan.phases[1].entered[0].text == rate


@pytest.mark.parametrize("rate", ["599.9mL/h", "6.1mL/h"])
def test_less_than_tenfold_does_not(rate):
    bench = bench_in(states.INFUSING)
    bench.controller.change({"rate": rate, "over": "1s"})
    with pytest.raises(Refusal) as caught:
        bench.controller.start(bench.controller.offer.hash, 0, "stop", True)
    assert caught.value.code == "needless"
    bench.controller.start(bench.controller.offer.hash, 0, "stop")


@pytest.mark.requirement("DOSE-10")
def test_the_plan_after_a_change_tells_volumes_by_steps():
    plan = dose.plan({**COMMON, "rate": "36mL/h", "over": "100s"}, BOARD.MECHANICS)  # 10 uL/s
    past = Past(500, make(1, 2), plan.ordered_nl((1001, 2)), (2_002_000, 1))
    assert past.volume_nl == (20_020, 1)
    changed = dose.change(plan, past, {"rate": "72mL/h"}, dose.NONE, (0, 1), None, ())
    assert changed.total_steps == plan.total_steps and changed.past_steps() == 500
    first, rest = changed.phases[1].stretches
    assert first == (1, (1000, 1)) and rest[0] == 24_499
    for steps, volume in ((make(1001, 2), 20_020), (make(25_000), 10**6), (make(500), 20_020),
                          (make(51_001, 4), Fraction(20_020 + 10**6, 2))):  # fmt: skip
        assert Fraction(*changed.ordered_nl(steps)) == volume
    assert changed.ordered_nl(make(30_000)) == (10**6, 1)


def test_too_few_steps_to_carry_anything_come_evenly():
    plan = dose.plan({**COMMON, "rate": "3.6mL/h", "over": "100s"}, BOARD.MECHANICS)  # 25 Hz
    for begun, volume, stretches in (
        (make(0), "0.001mL", [(25, (1_000_000, 1))]),
        (make(1, 2), "0.001mL", [(1, (20_000, 1)), (25, (980_000, 1))]),
    ):
        past = Past(100, begun, (4000 + 20 * (begun[0] > 0), 1), (4_000_000, 1))
        changed = dose.change(
            plan, past, {"rate": "3.6mL/h", "volume": volume}, dose.NONE, (0, 1), None, ()
        )
        assert changed.phases[1].stretches == stretches
    slow = {"rate": "0.036mL/h", "over": "5s"}  # 10 nL/s: a step in 4 s
    for begun, total, stretches in (
        (make(1, 2), 102, [(1, (2_000_000, 1)), (1, (3_000_000, 1))]),
        (make(1, 4), 102, [(1, (3_000_000, 1)), (1, (2_000_000, 1))]),
        (make(0), 101, [(1, (5_000_000, 1))]),
    ):
        past = Past(100, begun, (4000 + 40 * begun[0] // begun[1], 1), (4_000_000, 1))
        changed = dose.change(plan, past, slow, dose.NONE, (0, 1), None, ())
        assert (changed.total_steps, changed.phases[1].stretches) == (total, stretches)


@pytest.mark.parametrize(
    ("begun", "past_nl", "over", "stretches"),
    [
        ((1, 4), 4010, "2s", [(1, (2_000_000, 1))]),  # the rest of the step would take 3 s
        ((1, 4), 4010, "3s", [(1, (3_000_000, 1))]),
        ((1, 4), 4010, "3.1s", [(1, (3_000_000, 1)), (0, (100_000, 1))]),
        ((1, 2), 4036, "3.9s", [(2, (3_900_000, 1))]),  # and the other would have 1.9 s of 4
        ((1, 2), 4036, "4s", [(1, (2_000_000, 1)), (1, (2_000_000, 1))]),
    ],
)
def test_a_rest_too_short_for_the_begun_step_is_divided_evenly(begun, past_nl, over, stretches):
    plan = dose.plan({**COMMON, "rate": "3.6mL/h", "over": "100s"}, BOARD.MECHANICS)
    past = Past(100, begun, (past_nl, 1), (4_000_000, 1))
    slow = {"rate": "0.036mL/h", "over": over}  # a step in 4 s
    changed = dose.change(plan, past, slow, dose.NONE, (0, 1), None, ())
    assert changed.phases[1].stretches == stretches


def test_a_changed_infusion_goes_on_as_kvo():
    bench, _, _ = running({"rate": "40mL/h", "over": "10s", "kvo": "1mL/h"}, 5)
    apply(bench, {"rate": "20mL/h"})
    bench.run(11 * S)
    assert bench.controller.state == states.KVO
    bench, _, _ = running({"rate": "40mL/h", "over": "10s", "kvo": "1mL/h"}, 5)
    with pytest.raises(Refusal) as caught:
        bench.controller.change({"rate": "0.9mL/h", "over": "10s"})
    assert (caught.value.code, caught.value.field) == ("out-of-range", "kvo")


def test_a_stop_loop_that_is_open_changes_nothing():
    bench, _, _ = running({"rate": "40mL/h", "over": "10s"}, 5)
    bench.controller.change({"rate": "20mL/h"})
    offered, plan = bench.controller.offer.hash, bench.controller.run.hash
    bench.hal.stop.press()
    with pytest.raises(Refusal) as caught:
        bench.controller.start(offered, 0, "stop")
    assert caught.value.code == "stop-open" and bench.controller.run.hash == plan


def test_a_prime_is_not_changed_and_gets_no_phase():
    bench = bench_in(states.IDLE)
    bench.controller.prime(PRIME)
    for act in (bench.controller.phase, bench.controller.change):
        with pytest.raises(Refusal):
            act({"rate": "10mL/h", "over": "1min"})
    assert bench.controller.run.kind == "prime" and FakeHal().counter.count
