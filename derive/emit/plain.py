"""Which generated code is told all about by running it once on symbolic arrays, and how it reads without changes.

Plain are definitions, ``target = expression``, ``return``, and checks that only raise.  An array may be changed in
place, ``R -= m`` or ``np.exp(R, out=R)``, if the function has made it and no other name can be one for it, whole or in
part: then it says ``R = R - m``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import numpy

from derive.arrays.functions import SPECIAL
from derive.arrays.helpers import IN_PLACE
from derive.arrays.windows import IMPORT
from derive.emit.helpers import helpers_in

COPIES = (".copy", ".sum", ".mean", ".max", ".argmax", "np.sum", "np.mean", "np.max", "np.where")  # besides ufuncs


def unread(source: str) -> str:
    """The first statement that running once on symbolic arrays would not tell all about; empty if there is none.

    A helper that loops over a size is taken for what it stands for; it is checked by itself (helpers.py).
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return str(error)
    if not any(isinstance(node, ast.Import) and ast.unparse(node) == "import numpy as np" for node in tree.body):
        return "import numpy as np is missing"
    trusted = helpers_in(source)
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in trusted]
    defined = [*tree.body, *(part for node in tree.body if isinstance(node, ast.ClassDef) for part in node.body)]
    for node in defined:
        if isinstance(node, ast.FunctionDef):
            strange = first_strange(node.body)
            if (
                strange is not None
                or node.decorator_list
                or node.args.kw_defaults
                or node.args.vararg
                or node.args.kwarg
            ):
                return ast.unparse(strange or node).partition("\n")[0]
        elif not (
            isinstance(node, ast.ClassDef | ast.Import) or _is_text(node) or ast.unparse(node) in (SPECIAL, IMPORT)
        ):
            return ast.unparse(node).partition("\n")[0]
    return ""


def first_strange(body: Sequence[ast.stmt]) -> ast.stmt | None:
    """The first statement of a function that is not plain, given those before it; None if all are."""
    own = set[str]()  # the names of arrays that were made in these statements, and of which none can have kept a view
    for part in body:
        key = changed(part)
        if not (is_plain(part) if key is None else key in own):
            return part
        if key is not None or isinstance(part, ast.If):
            continue
        made = isinstance(part, ast.Assign) and is_fresh(part.value)
        if not made:
            own -= _names(part)
        if isinstance(part, ast.Assign):
            targets = {target.id for target in part.targets if isinstance(target, ast.Name)}
            own = own | targets if made else own - targets
    return None


def is_plain(node: ast.stmt) -> bool:
    """True for a statement that does the same whatever the values are, or only raises, and changes nothing."""
    if isinstance(node, ast.If):
        return not node.orelse and all(isinstance(part, ast.Raise) for part in node.body)
    if _does_as_values_say(node) or any(isinstance(part, ast.keyword) and part.arg == "out" for part in ast.walk(node)):
        return False
    calls = [call for call in ast.walk(node) if isinstance(call, ast.Call) and ast.unparse(call.func) in IN_PLACE]
    if not all(call.args and is_fresh(call.args[0]) for call in calls):
        return False
    handed_on = isinstance(node, ast.Expr) and re.fullmatch(r"self\.\w+\.(step|backward)\(\w+\)", ast.unparse(node))
    return _is_text(node) or bool(handed_on) or isinstance(node, ast.Assign | ast.Return)


def changed(node: ast.stmt) -> str | None:
    """The name of the array that a statement changes in place; None for a statement that is no such change."""
    match node:
        case ast.AugAssign(target=ast.Name(id=key), value=value) if is_plain(ast.Return(value)):
            return key
        case ast.Expr(
            value=ast.Call(args=[ast.Name(id=key), *_], keywords=[ast.keyword(arg="out", value=ast.Name(id=out))])
        ) if key == out and is_of_numpy(node.value) and not _does_as_values_say(node):
            return key
    return None


def without_changes(source: str) -> str:
    """The code with every change in place said as an assignment, line by line."""
    tree = ast.parse(source)
    return ast.unparse(ast.fix_missing_locations(_Assigning().visit(tree)))


class _Assigning(ast.NodeTransformer):
    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        """``R -= m``."""
        if changed(node) is None:
            return node
        assert isinstance(node.target, ast.Name)
        value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
        return ast.copy_location(ast.Assign([node.target], value), node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        """``np.exp(R, out=R)``."""
        key = changed(node)
        if key is None:
            return node
        assert isinstance(node.value, ast.Call)
        call = ast.Call(node.value.func, node.value.args, [])
        return ast.copy_location(ast.Assign([ast.Name(key, ast.Store())], call), node)


def is_fresh(node: ast.expr) -> bool:
    """True for an array that is computed just now, so that no other name is one for it or holds a part of it."""
    if isinstance(node, ast.Call):
        cast = ast.unparse(node.func).endswith(".astype") and len(node.args) == 1 and not node.keywords  # copy=False
        return cast or is_of_numpy(node) or ast.unparse(node.func).endswith(COPIES)
    return isinstance(node, ast.BinOp | ast.UnaryOp | ast.Compare)


def is_of_numpy(node: ast.expr) -> bool:
    """True for a call of a NumPy function that works entry by entry."""
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return isinstance(getattr(numpy, called.removeprefix("np."), None), numpy.ufunc)


def _does_as_values_say(node: ast.AST) -> bool:
    strange = ast.IfExp | ast.BoolOp | ast.Lambda | ast.NamedExpr | ast.Await
    return any(isinstance(part, strange) for part in ast.walk(node))


def _names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
