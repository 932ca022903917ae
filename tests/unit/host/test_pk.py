"""The compartment models: published numbers, an independent integration, and what must hold."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titra.errors import UsageError
from titra.pk.course import Course, Flow, course
from titra.pk.exponentials import value, zeros
from titra.pk.models import Compartments, Model, all_models, chosen, observed

PUBLISHED = json.loads(
    (Path(__file__).resolve().parents[2] / "fixtures" / "pk_models.json").read_text()
)
GOLDEN = PUBLISHED["golden_70kg"]
MODELS = {model.name: model for model in all_models()}
NAMES = list(GOLDEN["35mg_over_40min_end_ng_per_ml"])
NAMES_IN_ORDER = ["domino", "clements", "kamp", "hijazi"]
REFERENCE = (Flow(40, 35 / 40),)
STEPS = (Flow(2, 8.0), Flow(10, 0.0), Flow(20, 1.5), Flow(8, 0.25))

bodies = st.builds(Model.compartments, st.sampled_from(list(MODELS.values())), st.floats(0.2, 300))
flows = st.lists(st.builds(Flow, st.floats(0.05, 300), st.floats(0, 20)), min_size=1, max_size=5)
infused = flows.filter(lambda some: sum(flow.minutes * flow.mg_per_min for flow in some) > 1e-3)


def at_70_kg(name: str) -> Compartments:
    return MODELS[name].compartments(70)


def near(wanted: float, rel: float = 1e-9) -> Any:
    return pytest.approx(wanted, rel=rel, abs=1e-9)


# published numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_and_sources_are_those_published(name: str) -> None:
    row = dict(PUBLISHED["models"][name])
    row.update(row.pop("per_70_kg", {}))
    ours = dict(MODELS[name].row)
    # "give both" is a note to whoever copies the sources; both are given.
    assert ours.pop("source") == row.pop("source").removesuffix(": give both")
    assert ours == row
    assert observed()["text"] == PUBLISHED["observed"]


@pytest.mark.requirement("PK-01")
@pytest.mark.parametrize("name", NAMES)
def test_golden_values_of_the_reference_infusion(name: str) -> None:
    body = at_70_kg(name)
    stopped = course(body, REFERENCE, stop_min=20)
    end_40 = course(body, REFERENCE).at(40)
    end_45 = course(body, [Flow(45, 35 / 45)]).at(45)
    assert round(end_40, 1) == GOLDEN["35mg_over_40min_end_ng_per_ml"][name]
    assert round(end_45, 1) == GOLDEN["35mg_over_45min_end"][name]
    assert round(stopped.at(20), 1) == GOLDEN["stop_at_20min_of_40_c"][name]
    percent = 100 * stopped.at(35) / stopped.at(20)
    assert round(percent) == GOLDEN["stop_at_20min_plus_15min_percent"][name]


# an independent integration --------------------------------------------------------------------


def runge_kutta(name: str, some: Sequence[Flow], end_min: float, step_min: float) -> float:
    """ng/mL at ``end_min`` from the published numbers at 70 kg, by small steps of fourth order."""
    row = PUBLISHED["models"][name]
    if "per_70_kg" in row:
        litres = row["per_70_kg"]["v_l"]
        v1 = litres[0]
        clearances = [row["per_70_kg"][key] / 60 for key in ("cl_l_per_h", "q2_l_per_h")]
        clearances.append(row["per_70_kg"]["q3_l_per_h"] / 60)
        k10, k12, k13 = (each / v1 for each in clearances)
        k21, k31 = clearances[1] / litres[1], clearances[2] / litres[2]
    else:
        v1, k10, k12, k21 = 70 * row["v1_l_per_kg"], row["k10"], row["k12"], row["k21"]
        k13, k31 = row.get("k13", 0), row.get("k31", 0)

    def change(a: Sequence[float], rate: float) -> tuple[float, float, float]:
        first = rate - (k10 + k12 + k13) * a[0] + k21 * a[1] + k31 * a[2]
        return first, k12 * a[0] - k21 * a[1], k13 * a[0] - k31 * a[2]

    def after(a: Sequence[float], by: Sequence[float], share: float) -> list[float]:
        return [each + share * more for each, more in zip(a, by)]

    amounts = [0.0, 0.0, 0.0]
    rest = end_min - sum(flow.minutes for flow in some)
    for flow in (*some, Flow(rest, 0.0)):
        count = math.ceil(flow.minutes / step_min)
        h = flow.minutes / max(1, count)
        for _ in range(count):
            one = change(amounts, flow.mg_per_min)
            two = change(after(amounts, one, h / 2), flow.mg_per_min)
            three = change(after(amounts, two, h / 2), flow.mg_per_min)
            four = change(after(amounts, three, h), flow.mg_per_min)
            amounts = [
                a + h / 6 * (p + 2 * q + 2 * r + s)
                for a, p, q, r, s in zip(amounts, one, two, three, four)
            ]
    return 1000 * amounts[0] / v1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("minute", [40, 100])
def test_several_phases_against_runge_kutta(name: str, minute: int) -> None:
    exact = course(at_70_kg(name), STEPS).at(minute)
    assert exact == pytest.approx(runge_kutta(name, STEPS, minute, 0.02), rel=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_a_disconnect_in_a_later_phase_against_runge_kutta(name: str) -> None:
    cut = (*STEPS[:2], Flow(5, STEPS[2].mg_per_min))
    exact = course(at_70_kg(name), STEPS, stop_min=17).at(60)
    assert exact == pytest.approx(runge_kutta(name, cut, 60, 0.02), rel=1e-7)


# what must hold --------------------------------------------------------------------------------


def area(found: Course) -> float:
    """Integral of the concentration from 0 for ever, ng/mL min."""
    total = 0.0
    for part in found.stretches:
        for a, b in part.terms:
            lasts = part.end_min - part.start_min
            total += a * lasts if b == 0 else a * math.expm1(b * lasts) / b
    return total


@given(bodies, infused, st.none() | st.floats(0, 1000))
def test_what_went_in_is_cleared(body: Compartments, some: list[Flow], stop: float | None) -> None:
    left, dose = math.inf if stop is None else stop, 0.0
    for flow in some:
        dose += flow.mg_per_min * min(flow.minutes, left)
        left -= min(flow.minutes, left)
    cleared = area(course(body, some, stop)) * body.v1_l * body.k10 / 1000
    assert cleared == pytest.approx(dose, rel=1e-6, abs=1e-6)


@given(bodies, flows, st.floats(0, 2000), st.floats(0.01, 100))
def test_twice_the_rate_is_twice_the_concentration(
    body: Compartments, some: list[Flow], minute: float, factor: float
) -> None:
    more = [Flow(flow.minutes, factor * flow.mg_per_min) for flow in some]
    wanted = factor * course(body, some).at(minute)
    assert course(body, more).at(minute) == pytest.approx(wanted, rel=1e-7, abs=1e-7)


@given(bodies, flows, flows, st.floats(0, 1000))
def test_infusions_add_up(
    body: Compartments, one: list[Flow], other: list[Flow], minute: float
) -> None:
    """One after the other is the one alone plus the other alone, begun later."""
    shift = sum(flow.minutes for flow in one)
    both = course(body, [*one, *other])
    alone = course(body, one).at(shift + minute) + course(body, other).at(minute)
    assert both.at(shift + minute) == pytest.approx(alone, rel=1e-7, abs=1e-6)


@given(bodies, infused, st.floats(0, 500))
def test_a_disconnect_changes_the_future_only(
    body: Compartments, some: list[Flow], stop: float
) -> None:
    whole, cut = course(body, some), course(body, some, stop)
    for minute in (0.0, stop / 3, stop):
        assert cut.at(minute) == pytest.approx(whole.at(minute), rel=1e-9, abs=1e-9)
    assert cut.at(stop + 10) <= whole.at(stop + 10) + 1e-6
    assert cut.at(stop + 20) <= cut.at(stop + 10)


@given(bodies, infused)
def test_no_sample_is_above_the_peak(body: Compartments, some: list[Flow]) -> None:
    found = course(body, some)
    minute, peak = found.peak()
    times = [found.flow_ends_min * n / 500 for n in range(600)]
    samples = found.sample(times).tolist()
    assert max(samples) <= peak * (1 + 1e-12)
    assert samples[::100] == [near(found.at(time)) for time in times[::100]]
    assert found.at(minute) == peak


@given(bodies, infused, st.floats(0, 400))
def test_half_is_half_and_the_first_time(
    body: Compartments, some: list[Flow], after: float
) -> None:
    found = course(body, some, stop_min=after)
    now, half = found.at(after), found.half_after(after)
    if now < 1e-6:  # what floats leave of a difference of a million ng/mL
        assert half is not None or now == 0
        return
    assert half is not None
    assert found.at(after + half) == pytest.approx(now / 2, rel=1e-6)
    assert all(found.at(after + half * n / 20) > now / 2 for n in range(20))


@given(bodies, infused, st.floats(1, 500))
def test_a_level_is_crossed_once_after_the_end(
    body: Compartments, some: list[Flow], level: float
) -> None:
    found = course(body, some)
    end = found.flow_ends_min
    lasts = found.minutes_until(level, end)
    if lasts is None:
        assert found.at(end) <= level
    else:
        assert found.at(end + lasts) == pytest.approx(level, rel=1e-6)
        assert found.at(end + 2 * lasts + 1e-3) < level


@pytest.mark.parametrize("name", NAMES)
def test_the_first_of_several_crossings_counts(name: str) -> None:
    """Down in a pause, up again with the next flow, down for good."""
    some = (Flow(2, 20.0), Flow(200, 0.0), Flow(40, 2.0))
    found = course(at_70_kg(name), some)
    lasts = found.minutes_until(100, 2)
    assert lasts is not None and lasts < 200
    assert found.at(2 + lasts) == near(100, 1e-6) and found.at(240) > 100
    assert found.minutes_until(100, 2 + lasts + 1) is None
    assert found.peak()[0] in (2, near(242))


@pytest.mark.parametrize("name", ["domino", "clements", "hijazi"])
def test_per_kilogram_only_the_dose_per_kilogram_counts(name: str) -> None:
    light = course(MODELS[name].compartments(3.5), [Flow(40, 1.75 / 40)])
    assert light.at(50) == near(course(at_70_kg(name), REFERENCE).at(50))


def test_kamp_clears_more_per_kilogram_in_the_small() -> None:
    small, large = (MODELS["kamp"].compartments(kg) for kg in (35, 70))
    assert small.v1_l == near(25 / 2)
    assert small.k10 * small.v1_l == near(84 / 60 * 0.5**0.75)
    assert small.k10 > large.k10


# edges -----------------------------------------------------------------------------------------


def test_nothing_infused_is_nothing() -> None:
    found = course(at_70_kg("kamp"), REFERENCE, stop_min=0)
    assert (found.at(0), found.at(30), found.peak()) == (0, 0, (0, 0))
    assert found.half_after(0) is None and found.minutes_until(100, 0) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: MODELS["kamp"].compartments(0),
        lambda: MODELS["kamp"].compartments(math.nan),
        lambda: course(at_70_kg("kamp"), [Flow(-1, 1)]),
        lambda: course(at_70_kg("kamp"), [Flow(1, math.inf)]),
        lambda: course(at_70_kg("kamp"), REFERENCE, stop_min=-1),
        lambda: course(at_70_kg("kamp"), REFERENCE).at(-1),
        lambda: course(at_70_kg("kamp"), REFERENCE).minutes_until(0, 40),
    ],
)
def test_nonsense_is_refused(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match="^not a"):
        wrong()


def test_models_are_chosen_by_name_and_never_one_alone() -> None:
    assert [model.name for model in chosen([])] == NAMES_IN_ORDER
    assert [model.name for model in chosen(["kamp", "domino", "kamp"])] == ["kamp", "domino"]
    for names, given_name in ((["kamp", "kamp"], "kamp"), (["kamp", "marsh"], "marsh")):
        with pytest.raises(UsageError) as refused:
            chosen(names)
        assert refused.value.details["given"] == given_name


# sums of exponentials --------------------------------------------------------------------------


@given(st.lists(st.floats(0.2, 9), min_size=1, max_size=4))
def test_every_zero_is_found(gaps: list[float]) -> None:
    """The product of (exp(-t/9) - exp(-root/9)) has its zeros at the roots and nowhere else."""
    roots = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    powers = {0: 1.0}
    for root in roots:
        shifted = {power + 1: factor for power, factor in powers.items()}
        for power, factor in powers.items():
            shifted[power] = shifted.get(power, 0) - factor * math.exp(-root / 9)
        powers = shifted
    terms = tuple((factor, -power / 9) for power, factor in powers.items())
    assert zeros(terms, 50) == [pytest.approx(root, rel=1e-4) for root in roots]
    assert zeros(terms, roots[0] / 2) == []
    assert all(abs(value(terms, zero)) < 1e-12 for zero in zeros(terms, 50))


def test_sums_without_zeros() -> None:
    assert zeros((), 9) == zeros(((2.0, -1.0),), 9) == zeros(((0.0, -1.0), (1.0, 0.0)), 9) == []
