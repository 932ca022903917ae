"""Prime: two acts, bounded, before a therapy only, counted apart."""

import pytest
from controller_bench import PRIME, bench_beside, bench_in
from fake_hal import SHORT, FakeHal
from run_makers import plan_of, prime, refused, volume_ml

from pump.app import runs
from pump.core import states
from pump.core.refusal import Refusal

S = 1_000_000


@pytest.mark.requirement("DEL-12")
def test_a_prime_needs_the_word_that_nobody_is_connected():
    assert refused("missing-field", "connected", lambda: prime(connected=None)).accepts == "no"
    for word in ("yes", "No", "NO", "0", ""):
        refused("bad-value", "connected", lambda word=word: prime(connected=word))
    assert prime().kind == runs.PRIME


@pytest.mark.requirement("DEL-12")
def test_a_prime_is_bounded_to_3_ml():
    assert volume_ml(prime(volume="3mL")) == 3
    said = refused("out-of-range", "volume", lambda: prime(volume="3.000001mL"))
    assert said.limit == "3mL" and said.given == "3.000001mL"
    refused("missing-field", "volume", lambda: prime(volume=None, over="10s"))
    refused("missing-field", "volume", lambda: prime(volume=None, rate="1200mL/h", over="96h"))


@pytest.mark.requirement("DEL-12")
def test_a_prime_takes_two_acts_and_moves_nothing_before_the_second():
    bench = bench_in(states.IDLE)
    bench.controller.prime(PRIME)
    assert bench.names() == ["prime-offered"] and bench.controller.state == states.READY
    bench.run(60 * S)
    assert bench.hal.counter.count == FakeHal().counter.count and bench.still()
    with pytest.raises(Refusal) as caught:
        bench.controller.start(plan_of(SHORT).hash, 0, "stop")
    assert caught.value.code == "wrong-plan"
    bench.start()
    assert bench.controller.state == states.PRIMING


@pytest.mark.requirement("DEL-12")
@pytest.mark.parametrize("state", states.STATES)
def test_a_prime_comes_before_a_therapy_only(state):
    bench = bench_in(state)
    if states.follow(state, states.PROGRAM) == states.REFUSED:
        with pytest.raises(Refusal) as caught:
            bench.controller.prime(PRIME)
        assert caught.value.code == "not-now" and bench.controller.state == state
    else:
        bench.controller.prime(PRIME)
        assert bench.controller.state == states.READY
    assert state not in (states.INFUSING, states.PAUSED, states.BOLUS, states.KVO) or (
        states.follow(state, states.PROGRAM) == states.REFUSED
    )


@pytest.mark.requirement("DEL-12")
def test_a_prime_is_counted_apart():
    bench = bench_beside(states.PRIMING)
    assert [key for key, _ in bench.controller.delivered()] == ["steps", "primed"]
    total = bench.controller.plan.total_steps
    bench.run(10 * S)
    primed = bench.events[-1]
    assert primed[0] == "primed" and primed[1] == {"steps": str(total), "primed": "0.050mL"}
    controller = bench.controller
    assert (controller.state, controller.run, controller.steps()) == (states.IDLE, None, 0)
    controller.program(SHORT)
    bench.start()
    bench.run(11 * S)
    assert bench.events[-1][0] == "complete"
    assert bench.events[-1][1]["steps"] == str(controller.plan.total_steps)
    assert bench.events[-1][1]["delivered"] == "0.167mL"


@pytest.mark.requirement("DEL-12", "STOP-07")
def test_a_prime_that_is_stopped_is_over():
    bench = bench_beside(states.PRIMING)
    bench.controller.stop()
    assert bench.controller.state == states.IDLE and bench.still()
    assert bench.events[-1][0] == "halted" and "primed" in bench.events[-1][1]
    with pytest.raises(Refusal) as caught:
        bench.controller.resume()
    assert caught.value.code == "not-now"
