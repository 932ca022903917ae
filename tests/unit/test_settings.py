"""Settings: bounded, stored all at once or not at all, and the last good ones are kept."""

import pytest
from fake_hal import BOARD, PRESCRIPTION, FakeStore
from hypothesis import given
from hypothesis import strategies as st
from pump_talk import Talk

from pump.app.settings import Settings, board_defaults
from pump.core import settings as core
from pump.core.refusal import Refusal

BASE = core.defaults()
OTHER = {**BASE, "telemetry-interval": "0.2s", "pump-label": "bench-3"}
SLOT = core.pack(7, OTHER)


def resealed(text):
    return ("%s*%08X" % (text, core.crc32(text.encode()))).encode()


# ---- the table --------------------------------------------------------------------------------


def test_every_default_and_every_bound_is_taken():
    for name in core.NAMES:
        kind, least, most, _ = core.row_of(name)
        assert core.checked(name, BASE[name]) == BASE[name]
        if kind != core.LABEL:
            for text in (least, most):
                assert core.checked(name, core.checked(name, text)) == core.checked(name, text)


@pytest.mark.parametrize(
    "name, text, code",
    [
        ("telemetry-interval", "19.999ms", "out-of-range"),
        ("telemetry-interval", "60001ms", "out-of-range"),
        ("telemetry-interval", "0.1000001s", "bad-value"),
        ("telemetry-interval", "1", "missing-unit"),
        ("telemetry-interval", "1V", "bad-unit"),
        ("telemetry-interval", "1e3ms", "bad-number"),
        ("occlusion-force", "499mN", "out-of-range"),
        ("occlusion-force", "151N", "out-of-range"),
        ("supply-warn", "60.001V", "out-of-range"),
        ("supply-stop", "0.999V", "out-of-range"),
        ("supply-stop", "4.0001V", "bad-value"),
        ("pump-label", "a b", "bad-value"),
        ("pump-label", "a=b", "bad-value"),
        ("pump-label", "\u00e9", "bad-value"),
        ("pump-label", "x" * 25, "out-of-range"),
        ("pump-label", "", "out-of-range"),
        ("volume", "3", "unknown-field"),
    ],
)
def test_refused(name, text, code):
    with pytest.raises(Refusal) as refused:
        core.checked(name, text)
    assert refused.value.code == code


def test_amounts_are_in_base_units():
    assert core.amount("telemetry-interval", "0.2s") == 200_000
    assert core.amount("occlusion-force", "40N") == 40_000
    assert core.amount("supply-warn", "4.5V") == 4_500
    with pytest.raises(TypeError):
        core.amount("pump-label", "1")


def test_a_table_of_units_without_the_base_unit_is_a_mistake(monkeypatch):
    with pytest.raises(Refusal):
        core.checked("telemetry-interval", "20.0005ms")
    monkeypatch.setattr(core, "units_of", lambda dimension: ())
    with pytest.raises(KeyError):
        core.checked("telemetry-interval", "20.0005ms")


def test_a_supply_that_stops_before_it_warns_is_refused():
    with pytest.raises(Refusal):
        core.check_together({**BASE, "supply-stop": "4.501V"})
    core.check_together({**BASE, "supply-stop": "4.5V"})
    with pytest.raises(Refusal):
        core.defaults({"supply-warn": "3.9V"})


# ---- slots ------------------------------------------------------------------------------------


@pytest.mark.requirement("PWR-04")
@pytest.mark.parametrize("at", range(len(SLOT)))
def test_no_slot_cut_or_spoilt_at_any_byte_is_believed(at):
    assert core.unpack(SLOT, BASE) == (7, OTHER, "")
    assert core.unpack(SLOT[:at], BASE)[1] is None
    for bit in range(8):
        spoilt = bytearray(SLOT)
        spoilt[at] ^= 1 << bit
        assert core.unpack(bytes(spoilt), BASE) == (0, None, core._SPOILT)


@given(st.binary(max_size=80))
def test_junk_is_not_believed(data):
    number, values, why = core.unpack(data, BASE)
    assert (number, values) == (0, None)
    assert bool(why) == bool(data)


@pytest.mark.parametrize(
    "text, why",
    [
        ("2 7 supply-warn=5V", core._OTHER_VERSION),
        ("x", core._OTHER_VERSION),
        ("", core._OTHER_VERSION),
        ("1 7 volume=3", core._BAD_VALUE),
        ("1 7 supply-warn=500V", core._BAD_VALUE),
        ("1 7 supply-warn=3V", core._BAD_VALUE),
        ("1 7 supply-warn", core._BAD_VALUE),
        ("1 x supply-warn=5V", core._BAD_VALUE),
    ],
)
def test_a_sealed_slot_must_hold_good_values_too(text, why):
    assert core.unpack(resealed(text), BASE) == (0, None, why)


def test_a_setting_that_is_lacking_has_its_default():
    base = {**BASE, "occlusion-force": "30N"}
    assert core.unpack(resealed("1 7 supply-warn=5V"), base)[1] == {**base, "supply-warn": "5V"}


# ---- stored -----------------------------------------------------------------------------------


def settings_of(records):
    store = FakeStore()
    store.records = records
    return Settings(store)


@pytest.mark.requirement("PWR-04")
def test_the_last_good_ones_are_kept():
    store = FakeStore()
    settings = Settings(store)
    for volts in range(5, 10):
        settings.change({"supply-warn": "%dV" % volts})
    newest = settings.number % core.SLOTS
    for junk in (b"", b"junk", store.records["settings-%d" % newest][:-1]):
        records = {**store.records, "settings-%d" % newest: junk}
        found = settings_of(records)
        assert (found.number, found.values["supply-warn"]) == (4, "8V")
        assert found.reasons == ([core._SPOILT] if junk else [])
        assert not found.lost()
        found.change({"supply-warn": "20V"})
        assert settings_of(records).values["supply-warn"] == "20V"
        assert settings_of(records).reasons == [], "the bad slot is the one that was replaced"


@pytest.mark.requirement("PWR-04")
def test_without_a_good_one_defaults_are_used_and_it_is_told():
    assert not settings_of({}).lost()
    records = {"settings-0": b"x", "settings-1": b"y"}
    found = settings_of(records)
    assert (found.values, found.number, found.lost()) == (BASE, 0, True)
    found.repair()
    assert settings_of(records).values == BASE
    assert not settings_of(records).lost()


@pytest.mark.requirement("PWR-05")
@pytest.mark.parametrize("changes", [0, 1, 2, 3])
def test_power_cut_in_a_change_leaves_the_old_or_the_new(changes):
    for done in (False, True):
        store = FakeStore()
        settings = Settings(store)
        for volts in range(5, 5 + changes):
            settings.change({"supply-warn": "%dV" % volts})
        before = dict(settings.values)

        def cut(name, data, store=store, done=done):
            if done:
                store.records[name] = data
            raise KeyboardInterrupt

        store.save = cut
        with pytest.raises(KeyboardInterrupt):
            settings.change({"supply-warn": "30V", "pump-label": "p"})
        found = settings_of(store.records)
        wanted = {**before, "supply-warn": "30V", "pump-label": "p"} if done else before
        assert (found.values, found.reasons) == (wanted, [])


@pytest.mark.parametrize("silent", [False, True])
def test_a_write_that_failed_changes_nothing(silent):
    store = FakeStore()
    settings = Settings(store)
    settings.change({"supply-warn": "6V"})
    store.full = True
    if silent:  # flash that does not take what it says it takes
        store.save = lambda name, data: None
    with pytest.raises(Refusal) as refused:
        settings.change({"supply-warn": "7V"})
    assert refused.value.code == "store-failed"
    assert (settings.values["supply-warn"], settings.number) == ("6V", 1)
    assert settings_of(store.records).values["supply-warn"] == "6V"


def test_the_boards_own_defaults():
    own = board_defaults(BOARD)
    assert own == {"occlusion-force": "40000mN", "supply-warn": "4500mV", "supply-stop": "4000mV"}
    found = Settings(FakeStore(), {**own, "supply-warn": "11V", "supply-stop": "10.5V"})
    assert (found.get("supply-warn"), found.get("supply-stop")) == (11_000, 10_500)
    assert board_defaults(object()) == {}


# ---- on the wire ------------------------------------------------------------------------------


def test_settings_are_told_and_changed():
    talk = Talk()
    assert talk.ask("settings") == (
        "- ok number=0 telemetry-interval=1s occlusion-force=40N supply-warn=4.5V supply-stop=4V"
        " pump-label=unnamed"
    )
    assert talk.ask("settings name=supply-warn") == "- ok supply-warn=4.5V range=1V..60V"
    assert "range=1..24-characters" in talk.ask("settings name=pump-label")
    answer = talk.ask("set supply-warn=4700mV telemetry-interval=200ms")
    assert answer == "- ok number=1 supply-warn=4.7V telemetry-interval=0.2s"
    (event,) = talk.events()
    assert "name=settings number=1 supply-warn=4.7V telemetry-interval=0.2s" in event
    assert talk.pump.session._every_us == 200_000
    again = Talk()
    assert "supply-warn=4.5V" in again.ask("settings")
    again.hal.store.records = talk.hal.store.records
    again = Talk(again.hal)
    assert "supply-warn=4.7V" in again.ask("settings")
    assert again.pump.session._every_us == 200_000


@pytest.mark.parametrize(
    "text, code",
    [
        ("set", "missing-field"),
        ("set supply-warn=4.7V volume=3", "unknown-field"),
        ("set supply-warn=4.7V telemetry-interval=1ms", "out-of-range"),
        ("set supply-warn=3V", "out-of-range"),
        ("settings name=volume", "bad-value"),
        ("settings supply-warn=5V", "unknown-field"),
    ],
)
def test_a_refusal_changes_nothing(text, code):
    talk = Talk()
    assert "code=" + code in talk.ask(text)
    assert "number=0 " in talk.ask("settings")
    assert not [name for name in talk.hal.store.records if name.startswith("settings")]


def test_a_change_needs_a_check_and_a_motor_that_cannot_move():
    talk = Talk()
    talk.hal.link.incoming = b"set supply-warn=5V\n"
    talk.pump.turn()
    assert b"code=crc-required" in talk.hal.link.sent
    fields = " ".join(key + "=" + value for key, value in PRESCRIPTION.items())
    plan = talk.ask("program " + fields).split("plan=")[1].split(" ")[0]
    assert "code=not-now" in talk.ask("set supply-warn=5V")
    assert " ok " in talk.ask("start plan=" + plan)
    assert "code=not-now" in talk.ask("set supply-warn=5V")
    assert "supply-warn=4.5V" in talk.ask("settings")


def test_the_longest_answer_is_not_cut():
    talk = Talk()
    wanted = "telemetry-interval=59.999999s occlusion-force=149.999N supply-warn=59.999V"
    answer = talk.ask("10001 set %s supply-stop=59.998V pump-label=%s" % (wanted, "x" * 24))
    assert " ok " in answer and "cut=yes" not in answer
    assert "cut=yes" not in talk.ask("10002 settings")
