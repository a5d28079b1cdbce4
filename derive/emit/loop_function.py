"""A generated function with a loop over the steps, taken apart to be run once at a step that is any of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from derive.emit.plain import is_of_numpy, is_plain
from derive.errors import DeriveError


@dataclass(frozen=True)
class LoopFunction:
    """A function with one loop: what stands before it, its header, its body at one step, and what stands after it."""

    parameters: tuple[str, ...]
    before: list[ast.stmt]
    steps: ast.expr
    body: list[ast.stmt]
    after: list[ast.stmt]
    returned: ast.expr

    @staticmethod
    def of(function: ast.FunctionDef) -> LoopFunction:
        """Take a function apart; DeriveError for a statement that would not be told all about by running it once."""
        loops = [k for k, part in enumerate(function.body) if isinstance(part, ast.For)]
        last = function.body[-1]
        if len(loops) != 1 or not isinstance(last, ast.Return) or last.value is None:
            raise _strange(function, "one loop, and a return at the end")
        loop = function.body[loops[0]]
        assert isinstance(loop, ast.For)
        if not isinstance(loop.target, ast.Name) or loop.orelse:
            raise _strange(loop, "a loop over the steps")
        at_step, said = _AtStep(loop.target.id), [_assigned(part) for part in loop.body]
        strange = [part for part in said if not (_is_kept(part) or (is_plain(part) and isinstance(part, ast.Assign)))]
        body = [at_step.visit(part) for part in said]
        if any(isinstance(part, ast.Name) and part.id == loop.target.id for each in body for part in ast.walk(each)):
            raise _strange(loop, f"arrays at {loop.target.id} and {loop.target.id} + 1")
        outside = [*function.body[: loops[0]], *function.body[loops[0] + 1 :]]
        strange += [part for part in outside if not is_plain(part)]
        if strange or isinstance(last.value, ast.Lambda):
            raise _strange(strange[0], "plain statements")
        parameters = tuple(a.arg for a in function.args.args)
        return LoopFunction(
            parameters, function.body[: loops[0]], loop.iter, body, function.body[loops[0] + 1 : -1], last.value
        )


class _AtStep(ast.NodeTransformer):
    """``A[s + 1]`` becomes a call that reads a step, and an assignment to it one that puts it."""

    def __init__(self, step: str) -> None:
        self.step = step

    def _offset(self, node: ast.expr) -> int | None:
        match node:
            case ast.Name(id=key) if key == self.step:
                return 0
            case ast.BinOp(left=ast.Name(id=key), op=ast.Add(), right=ast.Constant(value=int(k))) if key == self.step:
                return k
        return None

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """A step that is read."""
        offset = self._offset(node.slice)
        self.generic_visit(node)
        return node if offset is None else _call("_read", node.value, ast.Constant(offset))

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """A step that is written."""
        (target,) = node.targets
        offset = self._offset(target.slice) if isinstance(target, ast.Subscript) else None
        if offset is None:
            self.generic_visit(node)
            return node
        assert isinstance(target, ast.Subscript)
        put = _call("_put", target.value, ast.Constant(offset), self.visit(node.value))
        return ast.fix_missing_locations(ast.copy_location(ast.Expr(put), node))


def _assigned(node: ast.stmt) -> ast.stmt:
    """``A[s] = np.tanh(z)`` for ``np.tanh(z, out=A[s])``."""
    match node:
        case ast.Expr(
            value=ast.Call(args=args, keywords=[ast.keyword(arg="out", value=ast.Subscript() as target)]) as call
        ) if is_of_numpy(call):
            return ast.copy_location(ast.Assign([target], ast.Call(call.func, args, [])), node)
    return node


def _call(function: str, *args: ast.expr) -> ast.Call:
    return ast.fix_missing_locations(ast.copy_location(ast.Call(ast.Name(function, ast.Load()), [*args], []), args[0]))


def _is_kept(node: ast.stmt) -> bool:
    """``kept.append((i, f, g))``."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(), attr="append"), args=[held], keywords=[])):
            return isinstance(held, ast.Name) or (
                isinstance(held, ast.Tuple) and all(isinstance(part, ast.Name) for part in held.elts)
            )
    return False


def _strange(node: ast.AST, wanted: str) -> DeriveError:
    return DeriveError(ast.unparse(node).partition("\n")[0], f"{wanted} were wanted")
