"""The stop button, the stop verb, power: the motor ends up off and stays off."""

import pytest

from titra.targets import AT_ONCE

from .test_infusion import bring
from .therapies import (
    SHORT,
    SHORT_STEPS,
    SHORT_US,
    TAIL_US,
    TINY,
    TINY_STEPS,
    TINY_US,
)

AFTER_US = 4_000_000
TELL_US = 120_000  # a write to flash may come first
RECOVERY_US = 5_500_000  # 3 s for a Ctrl-C, and up to 2 s to be ready


@pytest.mark.requirement("STOP-02", "STOP-03", "STOP-06", "STOP-13", "LOG-05")
@pytest.mark.parametrize("after_us", [7_936, 0, 1, 1_000_000, 3_333_333, 12_345_678, 19_900_000])
def test_button_in_mid_infusion(device, after_us):
    plan = device.infuse(SHORT)["plan"]
    device.run_us(after_us)
    device.press()
    edges = device.step_edges
    device.run_us(TELL_US)
    assert device.step_edges == edges
    event = device.last_event("stopped")
    assert (event["cause"], event["state"]) == ("disconnect", "stopped")
    assert event.number("steps") == edges
    assert device.moves_in(AFTER_US) == 0
    status = device.status()
    assert (status["state"], status["cause"]) == ("stopped", "disconnect")
    assert (status["latched"], status["stop-loop"]) == ("yes", "open")
    assert status.number("steps") == edges < SHORT_STEPS
    assert device.telemetry[-1]["cause"] == "disconnect"
    latched_until_new_start(device, plan)


def latched_until_new_start(device, plan):
    """Only release, ack, a new plan and a new start make it move again."""
    device.refused("ack", "stop-open")
    device.refused("start plan=" + plan, "not-now")
    device.refused("program " + TINY, "not-now")
    device.release()
    assert device.moves_in(AFTER_US) == 0  # the release alone does nothing
    assert device.state == "stopped"
    device.refused("start plan=" + plan, "not-now")
    device.refused("resume", "not-now")
    assert device.ask("ack")["state"] == "idle"
    assert device.moves_in(AFTER_US) == 0  # nor does the ack
    device.refused("start plan=" + plan, "no-plan")
    new = device.program(TINY)["plan"]
    assert device.moves_in(AFTER_US) == 0  # nor the plan
    before = device.step_edges
    device.ask("start plan=" + new)
    device.run_us(TINY_US + TAIL_US)
    assert (device.state, device.step_edges - before) == ("complete", TINY_STEPS)


@pytest.mark.requirement("STOP-05", "STOP-10")
@pytest.mark.parametrize("bounce_us", [1, 20, 700])
def test_a_brief_opening_is_a_stop(device, bounce_us):
    device.infuse(SHORT)
    device.run_us(1_000_000)
    device.press()
    edges = device.step_edges
    device.run_us(bounce_us)
    device.release()
    device.run_us(AFTER_US)
    assert device.step_edges == edges
    status = device.status()
    assert (status["state"], status["cause"]) == ("stopped", "disconnect")
    assert status["stop-loop"] == "closed"


@pytest.mark.requirement("STOP-06")
@pytest.mark.parametrize("state", ["idle", "ready", "paused", "complete", "halted"])
def test_button_at_rest(device, state):
    plan = bring(device, state)
    edges = device.step_edges
    device.press()
    device.run_us(TELL_US)
    assert device.state == "stopped"
    device.refused("start plan=" + plan, "no-plan" if plan == "none" else "not-now")
    device.release()
    assert device.ask("ack")["state"] == "idle"
    assert device.step_edges == edges
    assert device.names()[-2:] == ["stopped", "acked"]


@pytest.mark.requirement("ALM-05")
def test_button_pressed_again_is_told_once(device):
    device.infuse(SHORT)
    device.press()
    device.run_us(TELL_US)
    for _ in range(3):
        device.release()
        device.run_us(TELL_US)
        device.press()
        device.run_us(TELL_US)
    assert device.names().count("stopped") == 1
    assert device.status()["cause"] == "disconnect"


@pytest.mark.requirement("STOP-09")
def test_loop_open_at_power_on(device):
    device.press()
    device.power_cut()
    device.run_us(RECOVERY_US)
    status = device.status()
    assert (status["state"], status["cause"]) == ("stopped", "stop-open")
    event = device.last_event("stopped")
    assert (event["cause"], event["boot"]) == ("stop-open", "2")
    device.refused("program " + TINY, "not-now")
    device.refused("ack", "stop-open")
    device.release()
    assert device.ask("ack")["state"] == "idle"
    device.infuse(TINY)
    device.run_us(TINY_US + TAIL_US)
    assert (device.state, device.step_edges) == ("complete", TINY_STEPS)


RECOVERED = [(b"\r\x03", False), (b"\x03", False), (b"", True), (b"1 status\n", True)]


@pytest.mark.requirement("STOP-11", "COM-07")
@pytest.mark.parametrize("typed,comes_up", RECOVERED)
def test_ctrl_c_at_power_on_with_the_loop_open_keeps_the_pump_out(device, typed, comes_up):
    """The way back to a board whose firmware hangs: the REPL, and a motor without current."""
    device.press()
    device.power_cut()
    device.run_us(200_000)
    device.send_raw(typed)
    heard = device.raw(RECOVERY_US)  # the REPL of a chip has a banner
    assert (b"!1 event" in heard) is comes_up, heard
    assert device.step_edges == 0


@pytest.mark.requirement("COM-07")
@pytest.mark.parametrize("after_us", [0, 200_000])
def test_ctrl_c_at_power_on_with_the_loop_closed_is_data(device, after_us):
    device.power_cut()
    device.run_us(after_us)
    device.send_raw(b"\r\x03\x03\n")
    device.run_us(RECOVERY_US)
    assert device.state == "idle"


STOP_GIVES = {
    "idle": "idle",
    "ready": "idle",
    "infusing": "halted",
    "paused": "halted",
    "complete": "complete",
    "halted": "halted",
    "stopped": "stopped",
}


@pytest.mark.requirement("STOP-07")
@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("state", STOP_GIVES)
def test_stop_verb_in_every_state(device, state, check):
    bring(device, state)
    halts = device.names().count("halted")
    ends = STOP_GIVES[state]
    device.run_us(100_000)
    reply = device.ask("stop", check)
    edges = device.step_edges
    assert reply["state"] == ends
    if state in ("infusing", "paused"):
        halts += 1
        assert reply["cause"] == "command"
        assert device.last_event("halted")["cause"] == "command"
    if ends != "idle":
        assert reply.number("steps") == edges
    for _ in range(3):
        again = device.ask("stop", check)
        assert (again["state"], again["cause"]) == (ends, reply["cause"])
    assert device.moves_in(AFTER_US) == 0
    assert device.names().count("halted") == halts
    assert device.state == ends


@pytest.mark.requirement("STOP-07")
def test_stop_without_an_id_and_with_carriage_return(device):
    for line in (b"stop\n", b"stop\r\n", b" stop \n"):
        device.infuse(TINY)
        device.run_us(300_000)
        device.send_raw(line)
        device.run_us(TELL_US)
        assert device.replies[-1].tag == "-"
        assert device.state == "halted"


def test_stop_with_a_wrong_check_is_refused(device):
    device.infuse(SHORT)
    device.send_raw(b"900 stop*0000\n")
    assert device.reply_to("900")["code"] == "bad-crc"
    assert device.state == "infusing"


@pytest.mark.requirement("STOP-07")
def test_repeated_stop_tells_the_truth(device):
    device.program(TINY)
    device.repeat("77", "stop")
    device.infuse(TINY)
    assert device.repeat("77", "stop")["state"] == "halted"
    assert device.state == "halted"


@pytest.mark.requirement("STOP-08")
def test_stop_outruns_start(device):
    device.need(AT_ONCE)
    plan = device.program(TINY)["plan"]
    for order in (("start plan=" + plan, "stop"), ("stop", "start plan=" + plan)):
        plan = device.program(TINY)["plan"]
        tags = [device.send(text) for text in order]
        device.run_us(TINY_US)
        replies = {reply.tag: reply for reply in device.replies}
        codes = {text[:5]: replies[tag].get("code") for text, tag in zip(order, tags, strict=True)}
        assert codes == {"start": "not-now", "stop": ""}
        assert device.step_edges == 0
        assert device.state == "idle"


@pytest.mark.requirement("STOP-08")
def test_stop_outruns_resume(device):
    device.need(AT_ONCE)
    device.infuse(SHORT)
    device.run_us(1_000_000)
    device.ask("pause")
    edges = device.step_edges
    tag = device.send("resume")
    device.send("stop")
    device.run_us(AFTER_US)
    assert [reply["code"] for reply in device.replies if reply.tag == tag] == ["not-now"]
    assert (device.state, device.step_edges) == ("halted", edges)


@pytest.mark.requirement("STOP-08")
@pytest.mark.parametrize("first", ["start plan=%s", "resume"])
def test_stop_right_behind_start_or_resume_has_the_last_word(device, first):
    plan = device.program(SHORT)["plan"]
    if first == "resume":
        device.ask("start plan=" + plan)
        device.ask("pause")
    edges = device.step_edges
    device.send(first.replace("%s", plan))
    device.send("stop")
    device.run_us(TELL_US)
    assert device.state in ("idle", "halted")
    assert device.step_edges - edges <= SHORT_STEPS * TELL_US // SHORT_US
    assert device.moves_in(AFTER_US) == 0


def test_stop_gets_through_when_nothing_else_does(device):
    device.infuse(SHORT)
    device.run_us(1_000_000)
    device.send_raw(b"status\n" * 100 + b"stop\n")
    device.run_us(1_000_000)
    edges = device.step_edges
    device.run_us(4_000_000)  # till all is answered
    assert device.state == "halted"
    assert edges < 3 * SHORT_STEPS * 1_000_000 // SHORT_US
    assert device.moves_in(AFTER_US) == 0


@pytest.mark.requirement("STOP-11", "PWR-05")
@pytest.mark.parametrize("after_us", [1_000, 2_000_000, 9_876_543])
def test_power_cut(device, after_us):
    plan = device.infuse(SHORT)["plan"]
    device.run_us(after_us)
    edges = device.step_edges
    device.power_cut()
    assert device.moves_in(AFTER_US) == 0
    event = device.last_event("boot")
    assert (event["boot"], event["reset"], event.tag) == ("2", "power-on", "1")
    status = device.status()
    assert (status["state"], status["cause"], status["plan"]) == ("stopped", "reset", "none")
    # what was delivered is known to within a second of flow
    assert 0 <= edges - status.number("steps") <= SHORT_STEPS * 1_100_000 // SHORT_US
    assert device.ask("info")["boot"] == "2"
    device.refused("start plan=" + plan, "no-plan")
    device.refused("program " + TINY, "not-now")
    assert device.ask("ack")["state"] == "idle"
    device.infuse(TINY)
    device.run_us(TINY_US + TAIL_US)
    assert device.step_edges == edges + TINY_STEPS


@pytest.mark.requirement("PWR-11")
def test_boot_number_goes_up(device):
    for boot in (2, 3, 4):
        device.power_cut()
        device.run_us(300_000)
        assert device.ask("info").number("boot") == boot


def test_maintenance_leaves_for_the_repl(device):
    assert device.ask("maintenance")["state"] == "idle"
    edges = device.step_edges
    heard = device.raw(AFTER_US)  # the REPL of a chip has a banner
    assert device.step_edges == edges
    assert heard.count(b"~") <= 1, heard


@pytest.mark.requirement("COM-07")
def test_maintenance_only_when_nothing_can_move(device):
    device.infuse(SHORT)
    device.refused("maintenance", "not-now")
    device.press()
    device.run_us(TELL_US)
    assert device.ask("maintenance")["state"] == "stopped"  # to flash what is at fault


@pytest.mark.requirement("ALM-05")
def test_ack_of_another_alarm_is_refused(device):
    device.infuse(SHORT)
    device.press()
    device.run_us(TELL_US)
    device.release()
    device.refused("ack alarm=host-lost", "bad-value", "alarm")
    assert device.state == "stopped"
    assert device.ask("ack alarm=disconnect")["state"] == "idle"
