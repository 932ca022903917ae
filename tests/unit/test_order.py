"""A whole prescription: several phases, options, and what the hash stands for."""

from fractions import Fraction

import pytest
from controller_bench import BOLUS, Bench, bench_in
from fake_hal import BOARD

from pump.core import order, states
from pump.core.bounds import Bounds
from pump.core.mechanics import Mechanics
from pump.core.order import Order, settle
from pump.core.refusal import Refusal

S = 1_000_000
BENCH = Mechanics()
BASE = {"syringe": "bd-60", "rate": "10mL/h", "over": "1h"}
DRUG = {"syringe": "bd-60", "weight": "70kg", "concentration": "1mg/mL"}
SOFT = Bounds(soft=(("dose", "", "0.4mg/kg"), ("rate", "", "1mg/kg/h")))


def settled(fields, *phases, bounds=SOFT, known=()):
    made = Order(fields)
    for phase in phases:
        made = made.then(phase)
    return settle(made, BENCH, bounds, known)


def refused(act, *args):
    with pytest.raises(Refusal) as caught:
        act(*args)
    return caught.value


@pytest.mark.requirement("DOSE-12")
def test_the_hash_covers_every_option():
    plain = settled(BASE)
    assert plain.hash == plain.plan.hash
    hashes = {plain.hash}
    for more in (
        {"lockout": "10min"},
        {"lockout": "11min"},
        {"hourly": "2mL"},
        {"kvo": "1mL/h"},
        {"kvo": "0.9mL/h"},
        {"fill": "50mL"},
    ):
        hashes.add(settled({**BASE, **more}).hash)
    hashes.add(settled(BASE, {"pause": "1min"}).hash)
    drugs = [Bounds(drug=name) for name in ("a:1", "a:2")]
    fields = {**DRUG, "dose": "0.1mg/kg", "over": "1h"}
    hashes |= {settled(fields, bounds=bounds).hash for bounds in drugs}
    over = {**DRUG, "dose": "0.5mg/kg", "over": "1h"}
    hashes.add(settled({**over, "override": "x"}).hash)
    hashes.add(settled(over, bounds=Bounds()).hash)
    assert len(hashes) == 12


def test_phases_are_what_they_are_together():
    first, second = {"rate": "10mL/h", "over": "1h"}, {"rate": "20mL/h", "over": "1h"}
    common = {"syringe": "bd-60", "kvo": "1mL/h", "lockout": "10min"}
    both = settled({**common, **first}, second)
    assert Fraction(*both.plan.total_volume_nl) == 30_000_000
    assert (both.lockout_us, both.hourly_nl) == (600 * S, None)
    assert both.kvo.phases[0].entered[0].text == "1mL/h"
    swapped = settled({**common, **second}, first)
    assert both.hash != swapped.hash
    for name in ("syringe", "kvo", "weight"):
        said = refused(settled, {**common, **first}, {**second, name: "1mL/h"})
        assert (said.code, said.field) == ("unknown-field", name)


def test_kvo_is_not_faster_than_the_last_phase_with_any_flow():
    slow, none = {"rate": "0.5mL/h", "over": "1h"}, {"pause": "1min"}
    fast = {"syringe": "bd-60", "rate": "10mL/h", "over": "1h"}
    assert settled({**fast, "kvo": "0.5mL/h"}, slow, none).kvo
    assert refused(settled, {**fast, "kvo": "0.501mL/h"}, slow, none).limit == "0.5mL/h"


@pytest.mark.parametrize(
    ("field", "text", "code"),
    [
        ("lockout", "59.999s", "out-of-range"),
        ("lockout", "24.001h", "out-of-range"),
        ("lockout", "10", "missing-unit"),
        ("hourly", "151mL", "out-of-range"),
        ("hourly", "0mL", "out-of-range"),
        ("hourly", "1mL/h", "bad-unit"),
        ("hourly", "1mg", "missing-field"),
        ("override", "", "bad-value"),
        ("override", "x", "needless"),
    ],
)
def test_options_are_checked(field, text, code):
    assert refused(settled, {**BASE, field: text}).code == code


def test_limits_of_boluses_come_from_prescription_drug_or_board():
    board = Bounds(lockout="5min", hourly="5mL")
    assert (settled(BASE, bounds=board).lockout_us, settled(BASE, bounds=board).hourly_nl) == (
        300 * S, (5_000_000, 1),
    )  # fmt: skip
    looser = {**BASE, "lockout": "1min", "hourly": "0.1L"}
    assert settled(looser, bounds=board).hourly_nl == (100_000_000, 1)
    drug = Bounds(lockout="5min", hourly="0.1mg/kg", drug="k:1")
    fields = {**DRUG, "dose": "0.1mg/kg", "over": "1h"}
    assert settled(fields, bounds=drug).hourly_nl == (7_000_000, 1)
    for more in ({"lockout": "6min"}, {"hourly": "0.09mg/kg"}, {"lockout": "300s"}):
        assert settled({**fields, **more}, bounds=drug)
    for more in ({"lockout": "299s"}, {"hourly": "0.101mg/kg"}, {"hourly": "1mL"}):
        (name,) = more
        with pytest.raises(Refusal) as caught:
            settled({**fields, **more}, bounds=drug)
        said = caught.value
        assert (said.code, said.field, said.given) == ("hard-limit", name, more[name])


def test_a_reason_is_for_what_is_passed_in_that_request():
    over = {**DRUG, "dose": "0.5mg/kg", "over": "1h"}
    said = refused(settled, over)
    assert (said.code, said.field, said.limit) == ("soft-limit", "dose", "0.4mg/kg")
    first = settled({**over, "override": "ordered"})
    assert (first.reason, order.fields_of(first.plan.overridden)) == ("ordered", "dose")
    pause = Order({**over, "override": "ordered"}).then({"pause": "1min"})
    assert settle(pause, BENCH, SOFT, first.plan.overridden).plan.overridden
    assert refused(settle, pause, BENCH, SOFT, ()).code == "soft-limit"
    more = {"dose": "0.1mg/kg", "over": "1min"}
    longer = Order({**over, "override": "ordered"}).then(more)
    assert refused(settle, longer, BENCH, SOFT, first.plan.overridden).given == "0.600mg/kg"
    longer = Order(over).then({**more, "override": "ordered too"})
    both = settle(longer, BENCH, SOFT, first.plan.overridden)
    assert order.fields_of(both.plan.overridden) == "dose,rate"


@pytest.mark.requirement("DOSE-07")
def test_a_field_beyond_two_limits_is_named_once_and_both_are_kept():
    soft = Bounds(soft=(("rate", "", "9mL/h"), ("rate", "", "0.1mg/kg/h"), ("over", "", "59min")))
    fields = {**DRUG, "rate": "10mL/h", "over": "1h", "override": "ordered"}
    both = settled(fields, bounds=soft)
    assert [limit for _, _, limit in both.plan.overridden][:2] == ["9mL/h", "0.1mg/kg/h"]
    assert order.fields_of(both.plan.overridden) == "rate,over"


@pytest.mark.requirement("DOSE-09")
def test_kvo_wants_room_for_a_second_of_it():
    full = {"syringe": "bd-60", "rate": "100mL/h", "kvo": "0.9mL/h"}  # 250 nL/s of 60 mL
    assert settled({**full, "volume": "59.99975mL"}).kvo.total_duration_us == (S, 1)
    said = refused(settled, {**full, "volume": "59.99976mL"})
    assert (said.code, said.field, said.limit) == ("capacity", "kvo", "0.00024mL")


# ---- with the pump ---------------------------------------------------------------------------


def bench_with(soft):
    bench = Bench()
    bench.controller.self_test([], None, False)
    board = type(BOARD)(**{**vars(BOARD), "SOFT_LIMITS": soft})
    bench.controller._board = board
    return bench


ESCALATION = [{"pause": "2s"}, {"rate": "60mL/h", "over": "2s"}, {"rate": "36mL/h", "to": "0mL/h",
                                                                 "over": "10s"}]  # fmt: skip


@pytest.mark.requirement("DOSE-17", "DEL-01")
@pytest.mark.requirement("DOSE-15")
def test_phases_run_one_after_another_with_the_pause_between():
    bench = bench_in(states.IDLE)
    controller = bench.controller
    controller.program({"syringe": "bd-10", "rate": "30mL/h", "over": "4s"})
    hashes = {controller.run.hash}
    for phase in ESCALATION:
        controller.phase(phase)
        hashes.add(controller.run.hash)
    assert len(hashes) == 4 and bench.names() == ["programmed"] * 4
    bench.start()
    count = bench.hal.counter.count
    per_step = float(Fraction(*controller.plan.volume_per_step_nl))
    seen = []
    for _ in range(18):
        bench.run(S)
        seen.append((bench.hal.counter.count - count) * per_step / 1000)
    bench.run(100)
    ml_h = 1000 / 3600  # mcL/s
    taper = [(36 * t - 1.8 * t * t) * ml_h for t in range(1, 11)]
    wanted = [30 * ml_h * t for t in (1, 2, 3, 4, 4, 4)]
    wanted += [wanted[-1] + 60 * ml_h * t for t in (1, 2)]
    wanted += [wanted[-1] + part for part in taper]
    assert all(abs(a - b) < 0.12 for a, b in zip(seen, wanted, strict=True)), (seen, wanted)
    assert controller.state == states.COMPLETE
    assert controller.steps() == controller.plan.total_steps == bench.hal.counter.count - count


def test_the_phase_in_progress_is_told():
    bench = bench_in(states.IDLE)
    controller = bench.controller
    controller.program({"syringe": "bd-10", "rate": "30mL/h", "over": "4s"})
    for phase in ESCALATION:
        controller.phase(phase)
    bench.start()
    seen = []
    for us in (1, 4_000_000, 2_000_000, 2_000_000, 1_500_000):
        bench.run(us)
        seen.append(controller.motion.present(bench.hal.clock.us))
    assert seen == [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1)]
    assert Fraction(*controller.plan.phases[3].rate_of(1)) == Fraction(306, 10) * 10**6 / 3600


def test_a_pause_amid_a_pause_and_in_a_stair_keeps_the_place():
    bench = bench_in(states.IDLE)
    controller = bench.controller
    controller.program({"syringe": "bd-10", "rate": "30mL/h", "over": "4s"})
    for phase in ESCALATION:
        controller.phase(phase)
    bench.start()
    for us in (5_000_000, 5_500_000):
        bench.run(us)
        controller.pause()
        bench.run(60 * S)
        controller.resume()
    bench.run(8 * S)
    assert controller.state == states.COMPLETE
    assert controller.steps() == controller.plan.total_steps


def test_a_phase_is_added_to_a_plan_that_waits_and_to_no_other():
    for state in states.STATES:
        bench = bench_in(state)
        if state == states.READY:
            bench.controller.phase({"pause": "1min"})
            continue
        assert refused(bench.controller.phase, {"pause": "1min"}).code == "not-now"


def test_a_phase_that_is_refused_leaves_the_plan_as_it_was():
    bench = bench_in(states.READY)
    run = bench.controller.run
    for phase in ({"rate": "1mL/h"}, {"rate": "60mL/h", "over": "1h"}, {"kvo": "1mL/h"}):
        refused(bench.controller.phase, phase)
        assert bench.controller.run is run


@pytest.mark.requirement("DOSE-07")
def test_an_override_is_recorded_with_its_reason_and_ends_with_the_therapy():
    bench = bench_with((("rate", "", "59mL/h"),))
    fields = {"rate": "60mL/h", "over": "10s", "syringe": "bd-10"}
    controller = bench.controller
    assert refused(controller.program, fields).code == "soft-limit"
    controller.program({**fields, "override": "bench test"})
    said = bench.events[-1][1]
    assert (said["override"], said["reason"]) == ("rate", "bench test")
    bench.start()
    bench.run(2 * S)
    assert controller.overridden == (("rate", "60mL/h", "59mL/h"),)
    assert refused(controller.bolus, {"volume": "0.1mL", "over": "2s"}).code == "soft-limit"
    controller.bolus({"volume": "0.1mL", "over": "2s", "override": "pain"})
    assert bench.events[-1][1]["reason"] == "pain"
    controller.start(controller.side.hash, 0, "stop")
    assert len(controller.overridden) == 2
    bench.run(20 * S)
    assert controller.state == states.COMPLETE and controller.overridden
    controller.clear()
    assert controller.overridden == ()


@pytest.mark.parametrize(("rate", "wanted"), [("600mL/h", True), ("599.9mL/h", False),
                                              ("6mL/h", True), ("6.1mL/h", False)])  # fmt: skip
@pytest.mark.requirement("DOSE-11")
def test_a_plan_tenfold_the_last_one_wants_its_own_word(rate, wanted):
    bench = bench_in(states.HALTED)  # after 60 mL/h
    controller = bench.controller
    controller.program({"rate": rate, "over": "2s", "syringe": "bd-10"})
    said = controller.tenfold_of(controller.plan.rate_nl_per_s)
    assert said == ("60.000mL/h" if wanted else "")
    wrong = refused(controller.start, controller.run.hash, 0, "stop", not wanted)
    assert wrong.code == ("tenfold" if wanted else "needless")
    assert controller.state == states.READY and bench.still()
    controller.start(controller.run.hash, 0, "stop", wanted)
    assert controller.state == states.INFUSING


def test_the_first_plan_of_a_boot_has_nothing_to_be_compared_with():
    bench = bench_in(states.READY)
    assert bench.controller.tenfold_of((1, 1000)) == ""


def given_a_bolus():
    bench = bench_in(states.IDLE)
    controller = bench.controller
    fields = {"rate": "6mL/h", "over": "1h", "syringe": "bd-10", "lockout": "2min"}
    controller.program({**fields, "hourly": "0.1mL"})
    bench.start()
    bench.run(2 * S)
    controller.bolus(BOLUS)
    controller.start(controller.side.hash, 0, "stop")
    bench.run(5 * S + 1000)
    assert controller.state == states.INFUSING
    return bench


def test_a_bolus_is_locked_out_after_the_last_one():
    bench = given_a_bolus()
    assert refused(bench.controller.bolus, BOLUS).code == "lockout"
    bench.run(121 * S)
    bench.controller.bolus(BOLUS)
    said = refused(bench.controller.bolus, {"volume": "0.051mL", "over": "5s"})
    assert (said.code, said.limit) == ("hourly-limit", "0.05mL")


def test_boluses_of_a_therapy_before_count():
    bench = given_a_bolus()
    bench.controller.stop()
    bench.controller.program({"rate": "6mL/h", "over": "1h", "syringe": "bd-10"})
    bench.start()
    bench.run(S)
    assert refused(bench.controller.bolus, BOLUS).code == "lockout"


def test_a_bolus_that_was_interrupted_counts_by_what_it_gave():
    bench = bench_in(states.BOLUS)
    bench.controller.pause()
    bench.controller.resume()
    bench.run(S)
    assert refused(bench.controller.bolus, BOLUS).code == "lockout"
    (given,) = bench.controller.boluses._given
    assert 9_000 < Fraction(*given[1]) < 11_000
