"""Bolus and KVO: what is taken and refused, what a hash stands for, what is counted."""

from fractions import Fraction

import pytest
from controller_bench import BOLUS, PRIME, Bench, bench_beside, bench_in
from fake_hal import BOARD, PRESCRIPTION, FakeHal
from run_makers import BOUNDS, infusion, plan_of, prime, refused, volume_ml

from pump.app import runs
from pump.app.therapy import Therapy
from pump.core import states
from pump.core.order import Order, settle
from pump.core.refusal import Refusal

S = 1_000_000
RATE = {"rate": "60mL/h", "over": "30min", "syringe": "bd-60"}  # 30 mL
STRONG = {**PRESCRIPTION, "dose": "1mg/kg", "concentration": "2mg/mL"}  # 35 mL


# ---- bolus --------------------------------------------------------------------------------------


def bolus(main, fields, given_steps=0, common=RATE, bounds=BOUNDS):
    therapy = Therapy()
    therapy.run, therapy.extra_steps = main, given_steps
    therapy.order, therapy.bounds = Order(common), bounds
    therapy.settled = settle(therapy.order, BOARD.MECHANICS, bounds)
    return runs.bolus(FakeHal(), BOARD, fields, therapy, 0)


def steps_for(main, ml):
    """So many whole steps as fit into a volume."""
    return int(Fraction(ml) * 10**6 / Fraction(*main.plan.volume_per_step_nl))


def test_a_bolus_fits_the_syringe_together_with_the_plan():
    main = plan_of(RATE)
    at = {"over": "10min"}
    assert volume_ml(bolus(main, {"volume": "30mL", "over": "2min"})) == 30
    said = refused("capacity", "volume", lambda: bolus(main, {"volume": "30.001mL", **at}))
    assert said.limit == "30mL" and said.given == "30.001mL"
    given = steps_for(main, 10)
    assert bolus(main, {"volume": "20mL", **at}, given)
    refused("capacity", "volume", lambda: bolus(main, {"volume": "20.001mL", **at}, given))
    little = {"volume": "0.01mL", "rate": "12mL/h"}
    refused("capacity", "volume", lambda: bolus(main, little, steps_for(main, 30) + 1))


@pytest.mark.requirement("DOSE-07")
def test_a_bolus_fits_the_hard_limit_together_with_the_plan():
    """1 mg/kg is planned and 1.5 mg/kg the limit, inclusive."""
    main = plan_of(STRONG)
    at = {"over": "20min"}
    assert bolus(main, {"dose": "0.5mg/kg", **at}, common=STRONG)
    said = refused("hard-limit", "dose", lambda: bolus(main, {"dose": "0.500001mg/kg", **at}, 0,
                                                       STRONG))  # fmt: skip
    assert "1.5" in said.limit
    given = steps_for(main, "8.75")  # a quarter mg/kg
    assert bolus(main, {"dose": "0.25mg/kg", **at}, given, STRONG)
    refused("hard-limit", "dose", lambda: bolus(main, {"dose": "0.251mg/kg", **at}, given, STRONG))


@pytest.mark.requirement("DOSE-07")
def test_the_hard_limit_is_not_got_round_by_giving_a_volume():
    main = plan_of(STRONG)
    at = {"over": "20min"}
    assert bolus(main, {"volume": "17.5mL", **at}, common=STRONG)
    refused("hard-limit", "dose", lambda: bolus(main, {"volume": "17.501mL", **at}, 0, STRONG))


def test_a_bolus_is_of_the_same_syringe_and_drug():
    main = plan_of(STRONG)
    for name in ("weight", "concentration", "syringe", "volume-per-step"):
        refused("unknown-field", name, lambda name=name: bolus(main, {name: "1", **BOLUS}, 0,
                                                               STRONG))  # fmt: skip
    made = bolus(main, BOLUS, common=STRONG)
    assert made.plan.syringe.id == "bd-60" and made.plan.concentration == main.plan.concentration
    assert made.plan.volume_per_step_nl == main.plan.volume_per_step_nl
    calibrated = {**STRONG, "volume-per-step": "140nL"}
    made = bolus(plan_of(calibrated), BOLUS, common=calibrated)
    assert made.plan.volume_per_step_nl == (140, 1)


def test_a_bolus_takes_two_acts():
    bench = bench_in(states.INFUSING)
    bench.controller.bolus(BOLUS)
    assert bench.events[-1][0] == "bolus-offered"
    assert bench.events[-1][1]["plan"] == bench.controller.side.hash
    bench.run(S)
    assert bench.controller.state == states.INFUSING
    with pytest.raises(Refusal) as caught:
        bench.controller.start("00000000", 0, "stop")
    assert caught.value.code == "wrong-plan"
    bench.controller.start(bench.controller.side.hash, 0, "stop")
    assert bench.controller.state == states.BOLUS


def totals(bench):
    """Steps of the plan, of the bolus, and counted at the pin since power-on."""
    return bench.controller.plan.total_steps, bench.hal.counter.count - FakeHal().counter.count


def test_the_infusion_waits_and_goes_on():
    bench = bench_beside(states.BOLUS)
    extra = bench.controller.side.plan.total_steps
    before = bench.controller.motion.measured()
    bench.run(3 * S)
    assert bench.controller.state == states.BOLUS
    assert bench.controller.motion.measured() == before
    bench.run(2 * S)
    assert bench.controller.state == states.INFUSING
    assert "bolus-complete" in bench.names()
    bench.run(20 * S)
    plan_steps, counted = totals(bench)
    assert bench.controller.state == states.COMPLETE
    assert counted == plan_steps + extra == bench.controller.steps()
    assert bench.events[-1][1]["steps"] == str(plan_steps + extra)


@pytest.mark.requirement("STOP-14", "STOP-13")
def test_an_interrupted_bolus_is_never_resumed():
    bench = bench_beside(states.BOLUS)
    controller = bench.controller
    offered = controller.side.hash
    controller.pause()
    given = controller.extra_steps
    assert controller.state == states.PAUSED and controller.side is None and given > 0
    steps = controller.steps()
    bench.run(60 * S)
    assert controller.steps() == steps
    controller.resume()
    assert controller.state == states.INFUSING
    with pytest.raises(Refusal) as caught:
        controller.start(offered, 0, "stop")
    assert caught.value.code == "wrong-plan"
    bench.run(20 * S)
    plan_steps, counted = totals(bench)
    assert controller.state == states.COMPLETE
    assert counted == plan_steps + given == controller.steps()
    assert "bolus-complete" not in bench.names()


INTERRUPTIONS = {
    "stop": lambda bench: bench.controller.stop(),
    "button": lambda bench: bench.hal.stop.press(),
    "alarm": lambda bench: bench.controller.trip("occlusion"),
    "fault": lambda bench: bench.controller.fail("internal"),
    "host-lost": lambda bench: bench.run(0) or setattr(bench.controller, "lease_us", 1),
}


@pytest.mark.requirement("STOP-14")
@pytest.mark.parametrize("how", INTERRUPTIONS)
def test_a_stop_or_an_alarm_ends_bolus_and_infusion(how):
    bench = bench_beside(states.BOLUS)
    offered = bench.controller.side.hash
    INTERRUPTIONS[how](bench)
    bench.run(1_000)
    assert bench.controller.state in (*states.LATCHED, states.HALTED) and bench.still()
    steps = bench.controller.steps()
    bench.run(60 * S)
    assert bench.controller.steps() == steps and bench.controller.side is None
    for act in (bench.controller.resume, lambda: bench.controller.start(offered, 0, "stop")):
        with pytest.raises(Refusal):
            act()
    assert bench.still()


@pytest.mark.requirement("STOP-14")
def test_a_bolus_that_is_only_offered_is_dropped_by_a_pause():
    bench = bench_in(states.INFUSING)
    bench.controller.bolus(BOLUS)
    offered = bench.controller.side.hash
    bench.controller.pause()
    bench.controller.resume()
    with pytest.raises(Refusal):
        bench.controller.start(offered, 0, "stop")
    assert bench.controller.state == states.INFUSING


@pytest.mark.requirement("STOP-14")
def test_a_bolus_offered_before_another_was_given_is_another():
    """The hash covers what has been given, so the same bolus is confirmed anew."""
    main = plan_of(RATE)
    assert bolus(main, BOLUS).hash != bolus(main, BOLUS, 100).hash
    assert bolus(main, BOLUS).hash == bolus(plan_of(RATE), BOLUS).hash


@pytest.mark.parametrize("state", [s for s in states.STATES if s != states.INFUSING])
def test_a_bolus_is_of_an_infusion_only(state):
    bench = bench_in(state)
    before = list(bench.events)
    with pytest.raises(Refusal) as caught:
        bench.controller.bolus(BOLUS)
    assert caught.value.code == "not-now" and bench.events == before


def test_a_bolus_is_not_planned_while_it_would_be_felt():
    bench = Bench()
    bench.controller.self_test([], None, False)
    bench.controller.program({"rate": "1200mL/h", "over": "10s", "syringe": "bd-60"})
    bench.start()
    bench.run(S)
    with pytest.raises(Refusal) as caught:
        bench.controller.bolus(BOLUS)
    assert caught.value.code == "busy" and bench.controller.state == states.INFUSING


# ---- KVO ----------------------------------------------------------------------------------------


def kvo(rate, fields=RATE):
    return infusion({**fields, "kvo": rate})


@pytest.mark.requirement("DEL-14")
def test_kvo_is_off_by_default():
    assert infusion(RATE)[1] is None
    bench = bench_in(states.COMPLETE)
    steps = bench.hal.counter.count
    bench.run(3600 * S)
    assert bench.controller.state == states.COMPLETE and bench.hal.counter.count == steps
    assert bench.still()


@pytest.mark.requirement("DEL-14")
@pytest.mark.parametrize(
    "main,most,over",
    [
        (RATE, "1mL/h", "1.001mL/h"),
        ({"rate": "0.5mL/h", "over": "30min", "syringe": "bd-60"}, "0.5mL/h", "0.501mL/h"),
        ({"rate": "1mL/h", "over": "30min", "syringe": "bd-60"}, "1mL/h", "1.001mL/h"),
    ],
)
def test_kvo_is_never_faster_than_1_ml_per_hour_or_than_the_infusion(main, most, over):
    assert kvo(most, main)[1].kind == runs.KVO
    said = refused("out-of-range", "kvo", lambda: kvo(over, main))
    assert said.given == over and said.limit.startswith(most.replace("mL/h", ""))
    refused("out-of-range", "kvo", lambda: kvo("0mL/h", main))
    refused("missing-unit", "kvo", lambda: kvo("1", main))


@pytest.mark.requirement("DEL-14")
def test_kvo_lasts_a_day_or_what_the_syringe_holds():
    day = kvo("1mL/h")[1]
    assert Fraction(*day.plan.total_duration_us) == 24 * 3600 * S and volume_ml(day) == 24
    little = kvo("1mL/h", {**RATE, "over": "58min"})[1]  # 58 mL of 60
    assert 2 - Fraction(1, 1000) < volume_ml(little) <= 2
    full = {**RATE, "over": "60min"}
    refused("capacity", "kvo", lambda: kvo("1mL/h", full))


@pytest.mark.requirement("DEL-14")
def test_kvo_follows_the_plan_and_a_stop_ends_it_for_good():
    bench = bench_beside(states.KVO)
    assert bench.events[-1][0] == "kvo" and bench.events[-1][1]["rate"] == "1mL/h"
    made = bench.hal.counter.count
    bench.run(60 * S)
    per_min = 10**6 / 60 / float(Fraction(*bench.controller.plan.volume_per_step_nl))
    assert abs(bench.hal.counter.count - made - per_min) <= 2
    bench.controller.stop()
    assert bench.controller.state == states.COMPLETE and bench.still()
    made = bench.hal.counter.count
    bench.run(3600 * S)
    assert bench.hal.counter.count == made


@pytest.mark.requirement("DEL-14")
def test_a_kvo_ends_by_itself_and_is_told():
    bench = Bench()
    bench.controller.self_test([], None, False)
    nearly = {"rate": "1200mL/h", "over": "10s", "diameter": "26.59mm", "capacity": "3.334mL"}
    bench.controller.program({**nearly, "kvo": "1mL/h"})
    last = bench.controller.kvo.plan.total_steps
    bench.start()
    bench.run(20 * S)
    assert bench.controller.state == states.COMPLETE
    assert bench.controller.steps() == bench.controller.plan.total_steps + last
    assert bench.names()[-2:] == ["kvo", "complete"]


# ---- what a hash stands for ---------------------------------------------------------------------


@pytest.mark.requirement("DOSE-12")
def test_each_hash_stands_for_all_that_will_move():
    main = plan_of(RATE)
    hashes = [
        main.hash,
        kvo("1mL/h")[0].hash,
        kvo("0.9mL/h")[0].hash,
        plan_of({**RATE, "over": "31min"}).hash,
        prime().hash,
        prime(volume="0.051mL").hash,
        prime(rate="61mL/h").hash,
        plan_of({name: text for name, text in PRIME.items() if name != "connected"}).hash,
        bolus(main, BOLUS).hash,
        bolus(main, {**BOLUS, "over": "6s"}).hash,
        bolus(main, {**BOLUS, "volume": "0.051mL"}).hash,
        bolus(plan_of({**RATE, "over": "31min"}), BOLUS).hash,
        bolus(main, BOLUS, 1).hash,
    ]
    assert len(set(hashes)) == len(hashes)
    assert kvo("1mL/h")[0].hash == kvo("1mL/h")[1].hash == kvo("1.0mL/h")[0].hash
