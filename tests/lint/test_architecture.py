"""The import direction and the language of each part of the repository."""

from pathlib import Path

import pytest
import rules

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = sorted((ROOT / "firmware").rglob("*.py"))
CORE = sorted((ROOT / "firmware/pump/core").glob("*.py"))
APP = sorted((ROOT / "firmware/pump/app").glob("*.py"))
PORTS = sorted((ROOT / "firmware/pump/ports").glob("*.py"))
BOOT = ROOT / "firmware/boot.py"  # looks at the pins before any port may drive them
BOARDS = sorted((ROOT / "boards").rglob("*.py"))
SIMULATOR = sorted((ROOT / "boards/sim").rglob("*.py"))
JIG = sorted((ROOT / "tests/hardware/jig").glob("*.py"))
HAL = ROOT / "firmware/pump/hal.py"

ROOT_ENTRIES = (
    "build",  # what make makes; not in the repository
    "firmware",
    "host_tools",
    "tests",
    "boards",
    "Makefile",
    "README.md",
    "pyproject.toml",
    "LICENSE",
    "CHANGELOG.md",
)


def each(paths):
    """Parametrize over files, shown by their path."""
    return pytest.mark.parametrize("path", paths, ids=lambda path: str(path.relative_to(ROOT)))


def test_files_were_found():
    assert len(CORE) > 10 and len(APP) > 5 and PORTS and JIG and len(SIMULATOR) > 10


@each(CORE)
def test_core_imports_only_core(path):
    assert rules.imports_within(path.read_text(), rules.CORE_MAY_IMPORT) == []


@each(CORE)
def test_core_has_no_side_effects(path):
    assert rules.side_effects(path.read_text()) == []


@each(FIRMWARE + JIG)
def test_firmware_has_no_floats(path):
    assert rules.floats(path.read_text()) == []


@each([path for path in FIRMWARE if path not in [*PORTS, BOOT]])
def test_only_ports_and_boards_import_chip_modules(path):
    assert rules.imports_without(path.read_text(), rules.CHIP_MODULES) == []


@each(APP)
def test_app_imports_only_app_and_core(path):
    assert rules.imports_within(path.read_text(), ("pump.app", *rules.CORE_MAY_IMPORT)) == []


@each(PORTS)
def test_ports_import_no_app(path):
    assert rules.imports_without(path.read_text(), ("pump.app",)) == []


def test_hal_imports_nothing():
    assert rules.imports(HAL.read_text()) == []


@each(BOARDS)
def test_boards_import_no_host_tools_and_no_app(path):
    forbidden = ("host_tools", "titra", "tests", "pump.app")
    assert rules.imports_without(path.read_text(), forbidden) == []


@each(FIRMWARE)
def test_firmware_imports_no_boards_package_and_no_host_tools(path):
    assert rules.imports_without(path.read_text(), ("boards", "titra", "tests")) == []


@each(FIRMWARE + BOARDS)
def test_modules_and_lines_are_short(path):
    assert rules.too_large(path.read_text()) == []


@each(FIRMWARE + BOARDS)
def test_nothing_is_marked_as_unfinished(path):
    assert rules.unfinished(path.read_text()) == []


@each(FIRMWARE)
def test_firmware_module_starts_with_a_docstring(path):
    assert rules.module_undocumented(path.read_text()) == []


@each([*CORE, HAL])
def test_contract_and_core_are_documented(path):
    assert rules.undocumented(path.read_text()) == []


def test_root_holds_only_the_agreed_entries():
    names = [entry.name for entry in ROOT.iterdir()]
    assert rules.strange_entries(names, ROOT_ENTRIES) == []
