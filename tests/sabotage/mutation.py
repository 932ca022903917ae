"""``make mutation``: cosmic-ray's mutants of the modules where a changed sign harms most.

    python -m tests.sabotage.mutation [-n SAMPLE] [--seed SEED] [-j JOBS] [MODULE ...]

Every mutant (or SAMPLE of each module) is judged in a fork of this process, which has all but the
core in memory already: the mutated text takes the module's place, nothing is written. First its
own unit tests, without shrinking; where they let it live, those of its callers too. What is left
and not in ``equivalent.toml`` is printed and makes the exit code 1. See tests/MUTATION.md.
"""

import argparse
import difflib
import os
import random
import re
import resource
import signal
import sys
import time
import tomllib
import types
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import hypothesis
import hypothesis.strategies
import pytest
from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.toml")
TESTS = {  # of the module; of its callers
    "states": (("states",), ("controller",)),
    "supervisor": (("supervisor", "mutants"), ("guard", "controller")),
    "dose": (
        ("dose", "dose_ramps"),
        (
            "dose_vectors",
            "order",
            "change",
            "boluses",
            "limits",
            "library",
            "library_prescriptions",
        ),
    ),
    "schedule": (("schedule", "mutants"), ("motion", "ramp", "change", "controller")),
}
LONGEST_S = 2  # of the CPU for a test, five times that for one of Hypothesis: no end is in sight
MOST_BYTES = 2 << 30
KILLED, LIVES, STILLBORN = "killed", "lives", "stillborn"
NO_MODULE = 99  # exit code of a fork in which the mutant is no module at all


@dataclass(frozen=True)
class Mutant:
    """One change of ``module``; ``old`` and ``new`` are the lines of the change."""

    module: str
    text: str
    line: int
    old: str
    new: str

    @property
    def key(self) -> tuple:
        """What a judgement in equivalent.toml is about."""
        return self.module, self.old, self.new


def path_of(module: str) -> Path:
    return ROOT / ("firmware/pump/core/%s.py" % module)


def mutants(module: str) -> list:
    """What makes each mutant of a module, in the tool's order: functions of its source."""
    source = path_of(module).read_text()
    nodes = list(ast_nodes(get_ast(source)))
    made = []
    for name in sorted(plugins.operator_names()):
        make = plugins.get_operator(name)
        if make.arguments():
            continue
        operator = make()
        places = sum(len(list(operator.mutation_positions(node))) for node in nodes)
        made += [partial(mutate_code, operator=operator, occurrence=n) for n in range(places)]
    return made + letters(source)


def letters(source: str) -> list:
    """The same for every letter of a table that is packed text: another way to go on."""
    rows = re.finditer(r'^    "([!.A-Z]{8,})",', source, re.MULTILINE)
    return [partial(another_letter, at=n) for row in rows for n in range(*row.span(1))]


def another_letter(source: str, at: int) -> str:
    return source[:at] + ("." if source[at] == "!" else "!") + source[at + 1 :]


def changed(module: str, source: str, text: str) -> Mutant:
    """Say in which lines ``text`` differs."""
    before, after = source.splitlines(), text.splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    spans = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    begin, end, new_begin, new_end = (spans[0][0], spans[-1][1], spans[0][2], spans[-1][3])
    return Mutant(
        module, text, begin + 1, joined(before[begin:end]), joined(after[new_begin:new_end])
    )


def joined(lines: list) -> str:
    return " ".join(line.strip() for line in lines)


class Hurry:
    """For pytest: what is quick comes first, and Hypothesis shows that it fails but not how."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        calm = hypothesis.settings.get_profile("ci")
        hypothesis.settings.register_profile("hurry", calm, phases=phases, database=None)
        hypothesis.settings.load_profile("hurry")

    def pytest_collection_modifyitems(self, items: list) -> None:
        items.sort(key=is_long)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S * (5 if is_long(item) else 1))


def is_long(item: pytest.Item) -> bool:
    """Whether a test is one of Hypothesis."""
    return getattr(item.obj, "is_hypothesis_test", False)


def take_the_place(mutant: Mutant) -> None:
    """Make the mutant what ``import`` finds under the module's name."""
    name = "pump.core." + mutant.module
    module = types.ModuleType(name)
    module.__file__ = str(path_of(mutant.module))
    sys.modules[name] = module
    exec(compile(mutant.text, module.__file__, "exec"), module.__dict__)
    setattr(sys.modules["pump.core"], mutant.module, module)


def in_fork(mutant: Mutant, tests: tuple) -> None:
    """Never returns; the exit code is pytest's, or NO_MODULE."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    code = NO_MODULE
    try:
        import pump.core  # noqa: F401

        take_the_place(mutant)
        files = [str(ROOT / ("tests/unit/test_%s.py" % name)) for name in tests]
        code = pytest.main(
            ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", *files], plugins=[Hurry()]
        )
    finally:
        os._exit(int(code))


def outcome(status: int) -> str:
    """A wait status in a word; killed by a signal is an end that never came, or no memory."""
    code = os.waitstatus_to_exitcode(status)
    return {0: LIVES, NO_MODULE: STILLBORN}.get(code, KILLED)


def judged(drawn: list, tests: tuple, jobs: int):
    """Yield (mutant, outcome) as they come, with so many forks at a time."""
    waiting, running = list(reversed(drawn)), {}
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            pid = os.fork()
            if not pid:
                in_fork(mutant, tests)
            running[pid] = mutant
        pid, status = os.wait()
        yield running.pop(pid), outcome(status)


def equivalent() -> dict:
    """Key of a mutant -> why it changes nothing that matters."""
    rows = tomllib.loads(EQUIVALENT.read_text())["mutant"]
    return {(row["module"], row["old"], row["new"]): row["why"] for row in rows}


def judge_module(module: str, sample: int, seed: int, jobs: int) -> list:
    """Print the score of a module; returns the mutants that nobody has noticed or judged."""
    begun = time.monotonic()
    made = mutants(module)
    total = len(made)
    if sample:
        made = random.Random(seed).sample(made, min(sample, total))
    source = path_of(module).read_text()
    drawn = [changed(module, source, make(source)) for make in made]
    own, callers = TESTS[module]
    sound = Mutant(module, source, 0, "", "")
    if [word for _, word in judged([sound], own + callers, 1)] != [LIVES]:
        raise SystemExit("the tests of %s must pass before anything is changed" % module)
    first = list(judged(drawn, own, jobs))
    left = [mutant for mutant, word in first if word == LIVES]
    second = list(judged(left, own + callers, jobs))
    left = [mutant for mutant, word in second if word == LIVES]
    known = equivalent()
    count = Counter(word for _, word in first)
    words = (
        "%s: %d mutants, %d tried: %d are no module, %d killed by its own tests, %d by its"
        " callers', %d live, of these %d judged equivalent; %d s"
    )
    new = [mutant for mutant in left if mutant.key not in known]
    print(
        words
        % (
            module, total, len(drawn), count[STILLBORN], count[KILLED], len(second) - len(left),
            len(left), len(left) - len(new), time.monotonic() - begun,
        ),
        flush=True,
    )  # fmt: skip
    return new


def told(mutant: Mutant) -> str:
    return "%s.py:%d\n  - %s\n  + %s" % (mutant.module, mutant.line, mutant.old, mutant.new)


def main(arguments: list) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage.mutation")
    parser.add_argument("-n", type=int, default=0, help="mutants of each module; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="which are drawn")
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument("module", nargs="*", default=list(TESTS), help="of " + ", ".join(TESTS))
    options = parser.parse_args(arguments)
    os.environ["CI"] = "1"
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT / "firmware"), str(ROOT / "host_tools"), str(ROOT)]
    new = []
    for module in options.module:
        alive = judge_module(module, options.n, options.seed, options.j)
        for mutant in alive:
            print(told(mutant), flush=True)
        new += alive
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
