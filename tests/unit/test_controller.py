"""The controller carries out the state table; stop works everywhere, faults latch."""

import pytest
from controller_bench import BOLUS, Bench, bench_in
from fake_hal import SHORT

from pump.app.controller import RELEASE_US
from pump.core import states
from pump.core.refusal import Refusal

every_state = pytest.mark.parametrize("state", states.STATES)


@every_state
def test_states_are_reached(state):
    assert bench_in(state).controller.state == state


@pytest.mark.requirement("STOP-07")
@every_state
def test_stop_works_in_every_state_and_however_often(state):
    bench = bench_in(state)
    moved = state in states.MOVING or state == states.PAUSED
    for _ in range(3):
        bench.controller.stop()
        assert bench.still()
        assert bench.controller.state == states.follow(state, states.STOP)
    steps = bench.controller.steps()
    bench.run(20_000_000)
    assert bench.controller.steps() == steps
    assert bench.names().count("halted") == (1 if moved or state == states.HALTED else 0)
    if moved:
        assert bench.controller.cause == "command"


@pytest.mark.requirement("STOP-06", "STOP-10")
@every_state
def test_the_stop_button_works_in_every_state(state):
    bench = bench_in(state)
    before = bench.controller.steps()
    bench.hal.stop.press()
    bench.controller.poll(bench.hal.clock.us)
    assert bench.still() and bench.controller.steps() == before
    expected = states.FAULT if state == states.FAULT else states.STOPPED
    assert bench.controller.state == expected
    bench.hal.stop.release()
    bench.run(20_000_000)
    assert bench.controller.state == expected and bench.controller.steps() == before


@pytest.mark.requirement("ALM-05")
@every_state
def test_an_own_fault_stops_and_latches_in_every_state(state):
    bench = bench_in(state)
    bench.controller.fail("internal")
    assert bench.still() and bench.controller.state == states.FAULT
    first = {"stopped": "disconnect", "alarm": "occlusion"}.get(state, "internal")
    assert bench.controller.cause == first
    bench.controller.fail("miscount")
    assert bench.controller.cause == first  # the first cause stays


REQUESTS = {
    states.PROGRAM: lambda bench: bench.controller.program(SHORT),
    states.START: lambda bench: bench.start(),
    states.PAUSE: lambda bench: bench.controller.pause(),
    states.RESUME: lambda bench: bench.controller.resume(),
    states.ACK: lambda bench: bench.controller.acknowledge(""),
}


@pytest.mark.requirement("PROG-02", "PROG-05", "PROG-06")
@every_state
@pytest.mark.parametrize("event", REQUESTS)
def test_requests_follow_the_table(state, event):
    bench = bench_in(state)
    follows = states.follow(state, event)
    if event == states.ACK and state not in states.LATCHED:
        bench.controller.alarms.acknowledge("", bench.hal.clock.us)  # else it has something to do
    if follows == states.REFUSED:
        events = list(bench.events)
        with pytest.raises((Refusal, AttributeError)) as caught:
            REQUESTS[event](bench)
        if isinstance(caught.value, Refusal):
            assert caught.value.code == "not-now"
            assert caught.value.accepts == states.accepting(event)
        else:  # the test asked for the hash of a plan that is not there
            assert event == states.START and bench.controller.plan is None
        assert bench.controller.state == state and bench.events == events
    else:
        REQUESTS[event](bench)
        assert bench.controller.state == follows


@pytest.mark.requirement("DOSE-12", "PROG-02")
def test_start_without_a_plan_or_with_another():
    bench = bench_in(states.IDLE)
    with pytest.raises(Refusal) as caught:
        bench.controller.start("00000000", 0, "stop")
    assert caught.value.code == "no-plan"
    bench = bench_in(states.READY)
    with pytest.raises(Refusal) as caught:
        bench.controller.start("00000000", 0, "stop")
    assert (caught.value.code, caught.value.accepts) == (
        "wrong-plan",
        bench.controller.run.hash,
    )
    assert bench.still()


@pytest.mark.requirement("DEL-01")
def test_a_whole_infusion():
    bench = bench_in(states.READY)
    total = bench.controller.plan.total_steps
    bench.start()
    assert bench.hal.driver.on
    bench.run(10_001_000)
    assert bench.controller.state == states.COMPLETE
    assert bench.controller.steps() == total and bench.still()
    assert bench.names() == ["programmed", "started", "complete"]
    assert bench.events[-1][1]["steps"] == str(total)


@pytest.mark.requirement("DEL-06")
def test_miscount_is_a_fault():
    bench = bench_in(states.INFUSING)
    bench.hal.counter.offset = 1
    bench.run(20_000_000)
    assert (bench.controller.state, bench.controller.cause) == (states.FAULT, "miscount")
    assert bench.events[-1][0] == "fault" and bench.still()


@pytest.mark.requirement("DEL-18")
def test_starvation_is_a_fault():
    bench = bench_in(states.INFUSING)
    bench.hal.go_to(bench.hal.clock.us + 3_000_000)
    bench.controller.poll(bench.hal.clock.us)
    assert (bench.controller.state, bench.controller.cause) == (states.FAULT, "starved")
    assert bench.still()


@pytest.mark.requirement("DEL-16")
def test_verifier_disagreement_is_a_fault(monkeypatch):
    bench = bench_in(states.INFUSING)
    monkeypatch.setattr(bench.controller.motion._verifier, "check", lambda *word: False)
    bench.run(5_000_000)
    assert (bench.controller.state, bench.controller.cause) == (states.FAULT, "internal")
    assert bench.still()


@pytest.mark.requirement("DEL-16")
@pytest.mark.parametrize("state", [states.READY, states.PAUSED])
def test_verifier_disagreement_at_the_start_is_a_fault(state, monkeypatch):
    bench = bench_in(state)
    monkeypatch.setattr(bench.controller.motion._verifier, "check", lambda *word: False)
    bench.events.clear()
    if state == states.READY:
        bench.start()
    else:
        bench.controller.resume()
    assert bench.controller.state == states.FAULT and bench.still()
    assert bench.names() == ["fault"]  # and not 'started' after it


@pytest.mark.requirement("DEL-05")
def test_the_fuse_bounds_a_runaway():
    bench = bench_in(states.INFUSING)
    total = bench.controller.plan.total_steps
    for _ in range(10 * total):
        bench.hal.generator._step()
    assert bench.controller.steps() <= total


# ---- the stop loop ------------------------------------------------------------------------------


@pytest.mark.requirement("STOP-06", "STOP-18")
def test_ack_is_refused_while_the_loop_is_open():
    bench = bench_in(states.INFUSING)
    bench.hal.stop.press()
    bench.controller.poll(bench.hal.clock.us)
    with pytest.raises(Refusal) as caught:
        bench.controller.acknowledge("")
    assert caught.value.code == "stop-open"
    assert (bench.controller.state, bench.controller.cause) == (states.STOPPED, "disconnect")
    bench.hal.stop.release()
    with pytest.raises(Refusal):
        bench.controller.acknowledge("")  # the button may bounce yet
    bench.run(RELEASE_US)
    bench.controller.acknowledge("")
    assert (bench.controller.state, bench.controller.cause) == (states.IDLE, "none")
    assert bench.controller.plan is None and bench.still()


@pytest.mark.requirement("STOP-05")
def test_a_press_too_short_to_see_still_latches():
    bench = bench_in(states.INFUSING)
    bench.hal.stop.press()
    bench.hal.stop.release()
    bench.run(1000)
    assert bench.controller.state == states.STOPPED


@pytest.mark.requirement("PROG-02")
@pytest.mark.parametrize("state", [states.READY, states.PAUSED])
def test_no_start_with_the_loop_open(state):
    bench = bench_in(state)
    bench.hal.stop.press()
    with pytest.raises(Refusal) as caught:
        REQUESTS[states.START if state == states.READY else states.RESUME](bench)
    assert caught.value.code == "stop-open"
    assert bench.controller.state == state and not bench.hal.generator.running


@pytest.mark.requirement("STOP-09")
def test_a_loop_open_at_power_on():
    bench = Bench()
    bench.hal.stop.open = True
    bench.controller.self_test([], None, False)
    assert (bench.controller.state, bench.controller.cause) == (states.STOPPED, "stop-open")
    assert bench.names() == ["stopped"]


# ---- the host lease -----------------------------------------------------------------------------


def leased(on_loss, lease_us=2_000_000):
    bench = bench_in(states.READY)
    bench.start(lease_us, on_loss)
    return bench


@pytest.mark.requirement("COM-02")
def test_a_silent_host_stops_the_pump():
    bench = leased("stop")
    bench.run(1_999_999)
    assert bench.controller.state == states.INFUSING
    bench.run(1)
    assert (bench.controller.state, bench.controller.cause) == (states.STOPPED, "host-lost")
    assert bench.names()[-2:] == ["host-lost", "stopped"] and bench.still()


def test_a_host_that_speaks_keeps_the_lease():
    bench = leased("stop")
    for _ in range(10):
        bench.run(1_500_000)
        bench.controller.heard(bench.hal.clock.us)
    assert bench.controller.state == states.COMPLETE
    assert "host-lost" not in bench.names()


@pytest.mark.requirement("COM-02")
def test_finish_goes_on_and_tells_once():
    bench = leased("finish")
    bench.run(11_000_000)
    assert bench.controller.state == states.COMPLETE
    assert bench.names().count("host-lost") == 1


def test_finish_tells_again_after_the_host_was_back():
    bench = leased("finish")
    bench.run(3_000_000)
    bench.controller.heard(bench.hal.clock.us)
    bench.run(3_000_000)
    assert bench.names().count("host-lost") == 2


@pytest.mark.requirement("COM-02")
def test_the_lease_holds_in_a_pause_too():
    bench = leased("stop")
    bench.run(500_000)
    bench.controller.pause()
    bench.run(2_000_000)
    assert bench.controller.state == states.STOPPED


def test_no_lease_no_loss():
    bench = leased("stop", lease_us=0)
    assert bench.controller.silence_due_us() is None
    bench.run(11_000_000)
    assert bench.controller.state == states.COMPLETE


def test_a_new_plan_forgets_the_lease():
    bench = leased("stop")
    bench.run(500_000)
    bench.controller.stop()
    bench.controller.program(SHORT)
    assert bench.controller.lease_us == 0


def test_an_acknowledged_stop_forgets_the_lease():
    bench = leased("stop")
    bench.run(2_000_000)
    bench.controller.acknowledge("")
    assert bench.controller.lease_us == 0


@pytest.mark.requirement("DEL-08")
@pytest.mark.parametrize("then", ["bolus", "end"])
def test_an_under_delivery_found_at_a_halt_does_not_leave_the_pump_between_two_states(then):
    """It is an alarm that stops nothing: the bolus is given, the infusion ends."""
    bench = bench_in(states.INFUSING)
    controller = bench.controller
    if then == "bolus":
        controller.bolus(BOLUS)
    honest = controller.guard.end
    controller.guard.end = lambda: honest() or "under-delivery"
    if then == "bolus":
        controller.start(controller.side.hash, 0, "stop")
        assert controller.state == states.BOLUS and bench.hal.generator.running
    else:
        bench.run(9_000_000)
        assert controller.state == states.COMPLETE
    assert "under-delivery" in controller.alarms.active()
