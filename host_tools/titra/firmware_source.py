"""What mpy-cross gets: the text of a module without what only its readers need.

Two things are taken out; neither changes what the firmware does:

    constants   a number, text or bytes that a module names and no other file asks for becomes
                its value where it stands (MicroPython's ``const``; CPython has none)
    contracts   methods that only raise NotImplementedError: what calls one gets AttributeError,
                which is a fault in the same way
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable

CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*")


def words(texts: Iterable[str]) -> Counter[str]:
    """In how many of ``texts`` each name that a constant may have occurs."""
    return Counter(word for text in texts for word in set(CONSTANT.findall(text)))


def shrunk(text: str, known: Counter[str]) -> str:
    """``text`` of a module, one of those that ``known`` has counted, as it is compiled."""
    tree = ast.parse(text)
    own = {name for name in map(_constant, tree.body) if name and known[name] == 1}
    stores = Counter(
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    )
    own -= {name for name in own if stores[name] > 1}
    return ast.unparse(ast.fix_missing_locations(_Shrinking(own).visit(tree)))


def _constant(node: ast.stmt) -> str:
    """The name that a statement gives to a number, text or bytes known when it is compiled."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return ""
    name = node.targets[0].id
    try:
        value = eval(compile(ast.Expression(node.value), "", "eval"), {"__builtins__": {}})
    except (NameError, TypeError, AttributeError):
        return ""
    return name if CONSTANT.fullmatch(name) and isinstance(value, int | str | bytes) else ""


class _Shrinking(ast.NodeTransformer):
    def __init__(self, own: set[str]) -> None:
        self._own = own

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """A name with an underscore in front is not kept by ``const``."""
        if node.id in self._own:
            node.id = "_" + node.id.lstrip("_")
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """The definition of a constant."""
        named = _constant(node) in self._own
        self.generic_visit(node)
        if named:
            node.value = ast.Call(ast.Name("const", ast.Load()), [node.value], [])
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class without the methods that it leaves to others."""
        kept = [item for item in node.body if not _left_to_others(item)]
        node.body = kept or [ast.Pass()]
        return self.generic_visit(node)


def _left_to_others(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef):
        return False
    last = node.body[-1]
    return len(node.body) <= 2 and ast.unparse(last) == "raise NotImplementedError"
