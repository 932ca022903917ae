"""Architecture rules as functions from a source text to a list of complaints."""

import ast

CORE_FORBIDDEN_CALLS = ("open", "print", "input", "float", "eval", "exec", "compile")
CHIP_MODULES = ("machine", "rp2", "esp32")
# Core, arithmetic that both interpreters have built in (a CRC-32), and ``const``.
CORE_MAY_IMPORT = ("pump.core", "binascii", "micropython")
MAX_LINES = 400
MAX_COLUMNS = 99
MARKERS = ("TO" + "DO", "FIX" + "ME", "XX" + "X")


def imports(source: str) -> list[tuple[int, str]]:
    """(line, module) of every import, absolute; ``from a import b`` gives ``a.b``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            head = "." * node.level + (node.module or "")
            found += [(node.lineno, head + "." + alias.name) for alias in node.names]
        elif isinstance(node, ast.Call) and _name(node.func) in ("__import__", "import_module"):
            found.append((node.lineno, "<dynamic>"))
    return found


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports_within(source: str, packages: tuple[str, ...]) -> list[str]:
    """Complain about an import from outside ``packages``."""
    return [
        "line %d imports %s" % (line, module)
        for line, module in imports(source)
        if not any(_within(module, package) for package in packages)
    ]


def imports_without(source: str, packages: tuple[str, ...]) -> list[str]:
    """Complain about an import from one of ``packages``."""
    return [
        "line %d imports %s" % (line, module)
        for line, module in imports(source)
        if any(_within(module, package) for package in packages)
    ]


def floats(source: str) -> list[str]:
    """Complain about float and complex literals, true division and calls of ``float``."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, (float, complex)):
            found.append("line %d: literal %r" % (node.lineno, node.value))
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Div):
            found.append("line %d: true division" % node.lineno)
        elif isinstance(node, ast.Name) and node.id == "float":
            found.append("line %d: float" % node.lineno)
        elif (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Pow)
            and isinstance(node.right, ast.UnaryOp)
            and isinstance(node.right.op, ast.USub)
        ):
            found.append("line %d: negative power" % node.lineno)
    return found


def side_effects(source: str) -> list[str]:
    """Complain about calls that reach outside the program."""
    return [
        "line %d calls %s" % (node.lineno, node.func.id)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in CORE_FORBIDDEN_CALLS
    ]


def pull_downs(source: str) -> list[str]:
    """Complain about inputs that pull down. ``PULL_DOWN`` by any road: attribute, name or text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        named = [alias.name for alias in getattr(node, "names", ()) if hasattr(alias, "name")]
        named += [getattr(node, "attr", ""), getattr(node, "id", ""), getattr(node, "value", "")]
        if "PULL_DOWN" in named:
            found.append("line %d pulls down" % getattr(node, "lineno", 0))
    return found


def too_large(source: str) -> list[str]:
    """Complain about long modules and long lines."""
    lines = source.splitlines()
    found = ["%d lines" % len(lines)] if len(lines) > MAX_LINES else []
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_COLUMNS:
            found.append("line %d has %d columns" % (number, len(line)))
    return found


def unfinished(source: str) -> list[str]:
    """Complain about markers of unfinished work."""
    return [
        "line %d: %s" % (number, marker)
        for number, line in enumerate(source.splitlines(), 1)
        for marker in MARKERS
        if marker in line
    ]


def module_undocumented(source: str) -> list[str]:
    """Complain about a module with code and no docstring."""
    tree = ast.parse(source)
    return ["no module docstring"] if tree.body and not ast.get_docstring(tree) else []


def undocumented(source: str) -> list[str]:
    """Complain about public functions and classes, and public methods of public classes, without
    a docstring. A property of the signature is not documentation."""
    found = []

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                continue
            if node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                found.append("line %d: %s%s" % (node.lineno, prefix, node.name))
            if isinstance(node, ast.ClassDef):
                visit(node.body, node.name + ".")

    visit(ast.parse(source).body, "")
    return found


def strange_entries(names: list[str], agreed: tuple[str, ...]) -> list[str]:
    """Complain about folder entries that are neither agreed upon, nor dotfiles, nor what Python's
    tools leave behind."""
    left_behind = (".egg-info", "__pycache__")
    return sorted(
        name
        for name in names
        if name not in agreed and not name.startswith(".") and not name.endswith(left_behind)
    )
