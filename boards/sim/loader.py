"""Loads firmware files, unchanged, with stand-ins in the place of the chip's modules.

CPython: each load has module objects of its own and an ``__import__`` of its own, so that many
pumps live in one process. MicroPython: one pump per process; stand-ins go into ``sys.modules``,
which MicroPython asks before its built-in modules. Either way ``open`` is the simulated flash's.
"""

import builtins
import sys

# Modules of the real interpreter that firmware may use: they neither wait nor touch hardware.
REAL = ("io", "array", "struct", "binascii", "hashlib")

_compiled = {}


class _Module:
    """A module of the simulated chip (CPython)."""


class IsolatingLoader:
    """CPython. ``roots`` are folders searched in order; ``standins`` maps names to objects."""

    def __init__(self, roots: list, standins: dict, open_file) -> None:
        self._roots = roots
        self._standins = standins
        self._modules = {}
        if "sys" in standins:
            standins["sys"].modules = self._modules
        self._builtins = dict(builtins.__dict__)
        self._builtins["__import__"] = self._import
        self._builtins["open"] = open_file

    def run(self, name: str) -> None:
        """Run a file, as the chip does with boot.py and main.py."""
        self._import(name)

    def module(self, name: str):
        """A loaded module's namespace object, or None."""
        return self._modules.get(name)

    def _import(self, name, globals=None, locals=None, fromlist=None, level=0):
        if name in self._standins:
            return self._standins[name]
        if name in REAL:
            return builtins.__import__(name)
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            self._load(".".join(parts[:end]))
        if not fromlist:
            return self._modules[parts[0]]
        module = self._modules[name]
        for item in fromlist:
            if not hasattr(module, item):
                self._load(name + "." + item)
        return module

    def _load(self, name: str):
        if name in self._modules:
            return self._modules[name]
        path = self._find(name.replace(".", "/"))
        module = _Module()
        space = module.__dict__
        space["__name__"] = name
        space["__file__"] = path
        space["__builtins__"] = self._builtins
        self._modules[name] = module
        parent, _, last = name.rpartition(".")
        exec(_code(path), space)
        if parent:
            setattr(self._modules[parent], last, module)
        return module

    def _find(self, stem: str) -> str:
        for root in self._roots:
            for path in (root + "/" + stem + ".py", root + "/" + stem + "/__init__.py"):
                if path in _compiled or _is_file(path):
                    return path
        raise ImportError("no module named " + stem.replace("/", "."))


class SharedLoader:
    """MicroPython: the process is the chip."""

    def __init__(self, roots: list, standins: dict, open_file) -> None:
        self._roots = roots
        for name in list(sys.modules):
            if name in ("board", "boot", "main") or name.split(".")[0] == "pump":
                del sys.modules[name]
        for root in roots:
            if root not in sys.path:
                sys.path.insert(0, root)
        for name, standin in standins.items():
            sys.modules[name] = standin
        if "sys" in standins:
            standins["sys"].modules = sys.modules
        builtins.open = open_file

    def run(self, name: str) -> None:
        __import__(name)

    def module(self, name: str):
        return sys.modules.get(name)


Loader = SharedLoader if sys.implementation.name == "micropython" else IsolatingLoader


def _code(path: str):
    if path not in _compiled:
        with open(path) as file:
            _compiled[path] = compile(file.read(), path, "exec")
    return _compiled[path]


def _is_file(path: str) -> bool:
    try:
        with open(path):
            return True
    except OSError:
        return False
