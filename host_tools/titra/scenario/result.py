"""What came of a scenario: step by step, and as JUnit XML for CI."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, field

from titra.scenario.grammar import Step
from titra.scenario.load import Scenario

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"
NOT_RUN = "not-run"
INTERRUPTED = "interrupted"


@dataclass(frozen=True)
class StepResult:
    """``verdict`` of one step; ``said`` is what the pump said, ``why`` is for people.
    Times are seconds of the pump's transport: virtual in a simulation."""

    step: Step
    verdict: str
    why: str = ""
    said: str = ""
    took_s: float = 0.0


@dataclass
class Result:
    """``closing`` tells what had to be done to a pump that the scenario left moving."""

    scenario: Scenario
    target: str
    steps: list[StepResult] = field(default_factory=list)
    closing: str = ""

    @property
    def verdict(self) -> str:
        """The worst of its steps; skipped is not passed."""
        seen = {each.verdict for each in self.steps}
        return next(
            (one for one in (INTERRUPTED, FAILED, SKIPPED, NOT_RUN) if one in seen), PASSED
        )

    def as_json(self) -> dict[str, object]:
        """The stable object of ``titra run --json``."""
        return {
            "scenario": self.scenario.name,
            "file": self.scenario.file,
            "target": self.target,
            "verdict": self.verdict,
            "closing": self.closing,
            "steps": [
                {
                    "step": each.step.text,
                    "line": each.step.line,
                    "verdict": each.verdict,
                    "why": each.why,
                    "said": each.said,
                    "took_s": round(each.took_s, 3),
                }
                for each in self.steps
            ],
        }


def junit(results: Sequence[Result]) -> bytes:
    """A JUnit report: a suite for each scenario, a case for each step."""
    root = ET.Element("testsuites", name="titra run")
    for result in results:
        suite = ET.SubElement(root, "testsuite", name=result.scenario.name)
        suite.set("hostname", result.target)
        for number, each in enumerate(result.steps, 1):
            case = ET.SubElement(suite, "testcase", name=f"{number:02d} {each.step.text}")
            case.set("classname", result.scenario.name)
            case.set("time", f"{each.took_s:.3f}")
            if each.step.line:
                case.set("file", result.scenario.file)
                case.set("line", str(each.step.line))
            _verdict(case, each)
        counts = {
            "tests": len(result.steps),
            "failures": len(suite.findall("*/failure")),
            "skipped": len(suite.findall("*/skipped")),
            "errors": 0,
        }
        for name, count in counts.items():
            suite.set(name, str(count))
        suite.set("time", f"{sum(each.took_s for each in result.steps):.3f}")
        if result.closing:
            ET.SubElement(suite, "system-out").text = result.closing
    ET.indent(root)
    report: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return report


def _verdict(case: ET.Element, each: StepResult) -> None:
    if each.verdict in (FAILED, INTERRUPTED):
        failure = ET.SubElement(case, "failure", message=each.why, type=each.verdict)
        failure.text = f"{each.why}\nthe pump said: {each.said}"
    elif each.verdict in (SKIPPED, NOT_RUN):
        ET.SubElement(case, "skipped", message=each.why)
