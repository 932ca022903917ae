"""A copy of the repository in which one control at a time is taken out, and the tests in it.

The original is only read. A patch is text for text, and its text stands in its file exactly once;
what tests must notice it is named with it (``patches-*.toml``).
"""

import ast
import os
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLES = sorted(Path(__file__).parent.glob("patches-*.toml"))
COPIED = ("firmware", "boards", "host_tools", "tests", "pyproject.toml", "README.md")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", ".hypothesis")
PASSED, FAILED = 0, 1  # pytest's exit codes; anything else is a test that could not be run
LONGEST_S = 120
WORDS = {PASSED: "unnoticed", FAILED: "noticed"}


@dataclass(frozen=True)
class Patch:
    """One control taken out: ``old`` becomes ``new`` in ``file``, and some of ``tests`` (node ids
    of functions) must go red. ``proves``: rows of requirements.csv or hazards.md."""

    name: str
    proves: tuple
    file: str
    old: str
    new: str
    tests: tuple

    def applied(self, text: str) -> str:
        """``text`` with the control taken out. ValueError: the table is out of date."""
        if text.count(self.old) != 1:
            raise ValueError("%s: %d times in %s" % (self.name, text.count(self.old), self.file))
        return text.replace(self.old, self.new)


def read_patches() -> list:
    """All patches, in the order of the tables."""
    rows = []
    for table in TABLES:
        for row in tomllib.loads(table.read_text())["patch"]:
            old, new = row.pop("old").strip("\n"), row.pop("new").strip("\n")
            rows.append(Patch(old=old, new=new, **{k: _frozen(v) for k, v in row.items()}))
    return rows


def _frozen(value):
    return tuple(value) if isinstance(value, list) else value


def missing_tests(tests) -> list:
    """Those of the node ids ``tests`` whose file or function does not exist."""
    missing = []
    for node in tests:
        name, _, function = node.partition("::")
        path = ROOT / name
        if not path.is_file() or function not in _functions(path):
            missing.append(node)
    return missing


def _functions(path: Path) -> set:
    tree = ast.parse(path.read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@dataclass(frozen=True)
class Outcome:
    """What the tests said: ``code`` of pytest, its last lines, the seconds they took."""

    code: int
    tail: str
    seconds: float

    @property
    def word(self) -> str:
        """noticed, unnoticed or broken."""
        return WORDS.get(self.code, "broken")

    @property
    def red(self) -> str:
        """The test that went red."""
        lines = [line for line in self.tail.splitlines() if line.startswith("FAILED ")]
        return lines[-1].split(" ")[1].split("::", 1)[-1] if lines else ""


class Tree:
    """A copy in ``folder`` (made anew). One at a time may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=LEFT_OUT)
            else:
                shutil.copy2(source, folder / name)
        # Compiled files are told from their source by its second and size alone.
        self._written_at = int(time.time())

    def judge(self, patch: Patch) -> Outcome:
        """The tests of ``patch`` with its control taken out."""
        path = self.folder / patch.file
        text = path.read_text()
        self._write(path, patch.applied(text))
        try:
            return self.run(patch.tests)
        finally:
            self._write(path, text)

    def run(self, tests, stop_at_first: bool = True) -> Outcome:
        """``tests`` in this tree as it stands."""
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        paths = [self.folder / "firmware", self.folder / "host_tools", self.folder]
        settings = {"CI": "1", "PYTHONPATH": os.pathsep.join(map(str, paths))}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV"))}
        begun = time.monotonic()
        try:
            done = subprocess.run(
                command + ["-x"] * stop_at_first,
                cwd=self.folder,
                env=kept | settings,
                capture_output=True,
                text=True,
                timeout=LONGEST_S,
            )
        except subprocess.TimeoutExpired:
            return Outcome(-1, "no end after %d s" % LONGEST_S, LONGEST_S)
        tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        return Outcome(done.returncode, tail, time.monotonic() - begun)

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        self._written_at += 2
        os.utime(path, (self._written_at, self._written_at))
