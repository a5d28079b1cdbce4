"""Identities of sums, products and quotients: numbers first, like terms and like factors collected."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.numbers import is_plain
from derive.arrays.operations import Broadcast, Constant, Elementwise, PowerOf
from derive.index.size import Size
from derive.rules.identities import identity


@dataclass
class Product:
    """A product taken apart: a rational number, scalars, arrays of one shape."""

    number: Fraction = Fraction(1)
    scalars: list[Array] = field(default_factory=list)
    arrays: list[Array] = field(default_factory=list)

    @staticmethod
    def of(array: Array) -> Product:
        """The factors of an array."""
        product = Product()
        product._take(array, product.arrays if array.shape else product.scalars)
        return product

    def _take(self, array: Array, into: list[Array]) -> None:
        op = array.op
        if isinstance(op, Elementwise) and op.function == "multiply":
            for operand in array.operands:
                self._take(operand, into)
        elif isinstance(op, Elementwise) and op.function == "negative":
            self.number = -self.number
            self._take(array.operands[0], into)
        elif isinstance(op, Elementwise) and op.function == "divide" and _number(array.operands[1]):
            self.number /= _number(array.operands[1]) or 1
            self._take(array.operands[0], into)
        elif isinstance(op, Constant):
            if isinstance(op.value, Fraction) and is_plain(self.number * op.value):
                self.number *= op.value
            else:  # of two long decimals the product would be longer than any float
                self.scalars.append(apply(Constant(op.value)))
        elif isinstance(op, Broadcast) and not array.operands[0].shape:
            self._take(array.operands[0], self.scalars)
        else:
            into.append(array)

    def write(self, shape: tuple[Size, ...], signed: bool = True) -> Array:
        """The product put together in order."""
        if not self.number:
            return apply(Constant(Fraction(0), shape))
        size = abs(self.number)
        front = [build.constant(size)] if size != 1 else []
        scalar = _times(front + _powers(self.scalars))
        rest = _times(_powers(self.arrays))
        if rest is None and scalar is not None:
            return build.spread(-scalar if self.number < 0 and signed else scalar, shape)
        if rest is None:
            body = build.spread(build.constant(1), shape)
        else:
            body = rest if scalar is None else build.elementwise("multiply", build.spread(scalar, shape), rest)
        if self.number > 0 or not signed:
            return body
        return -body if body.kind == "float" else build.elementwise("multiply", -1, body)  # NumPy negates no mask


def _number(array: Array) -> Fraction | None:
    return array.op.value if isinstance(array.op, Constant) and isinstance(array.op.value, Fraction) else None


def _times(factors: list[Array]) -> Array | None:
    result: Array | None = None
    for factor in factors:
        result = factor if result is None else build.elementwise("multiply", result, factor)
    return result


def _powers(factors: list[Array]) -> list[Array]:
    exponents: dict[Array, Fraction] = {}
    for factor in factors:
        op = factor.op
        base, exponent = (factor.operands[0], op.exponent) if isinstance(op, PowerOf) else (factor, Fraction(1))
        exponents[base] = exponents.get(base, Fraction(0)) + exponent
    masks = {base for base, e in exponents.items() if base.kind == "bool" and e > 0}  # 0 and 1 are their own powers
    return [base if e == 1 or base in masks else build.power(base, e) for base, e in exponents.items() if e]


@identity(Elementwise)
def product_in_order(node: Array) -> Array | None:
    """A (c B) = c A B, (-A) B = -(A B), A A = A²: number first, then scalars, then arrays"""
    if node.op.name not in ("multiply", "negative") and not (node.op.name == "divide" and _number(node.operands[1])):
        return None
    return Product.of(node).write(node.shape)


@identity(Elementwise)
def sum_in_order(node: Array) -> Array | None:
    """A + (-B) = A - B, A + A = 2 A, A + 0 = A, -(A - B) = B - A"""
    if node.op.name not in ("add", "subtract") and not (
        node.op.name == "negative" and node.operands[0].op.name in ("add", "subtract")
    ):
        return None
    terms: dict[Array, Fraction] = {}

    def take(array: Array, sign: Fraction) -> None:
        if array.op.name in ("add", "subtract"):
            take(array.operands[0], sign)
            take(array.operands[1], sign if array.op.name == "add" else -sign)
        elif array.op.name == "negative":
            take(array.operands[0], -sign)
        else:
            product = Product.of(array)
            number, product.number = product.number, Fraction(1)
            if number:
                body = product.write(node.shape)
                terms[body] = terms.get(body, Fraction(0)) + sign * number

    take(node, Fraction(1))
    ordered = [(a, c) for a, c in terms.items() if c > 0] + [(a, c) for a, c in terms.items() if c < 0]
    result: Array | None = None
    for array, c in ordered:
        size = Product.of(array)
        size.number = size.number * (c if result is None else abs(c))
        part = size.write(node.shape)
        if part.kind == "bool":
            return None  # NumPy adds no masks
        result = part if result is None else result + part if c > 0 else result - part
    return result if result is not None else apply(Constant(Fraction(0), node.shape))


@identity(Elementwise)
def quotient_by_itself(node: Array) -> Array | None:
    """A / 1 = A, (A B) / B = A, where B is not 0"""
    if node.op.name != "divide":
        return None
    top, bottom = node.operands
    product = Product.of(top)
    for k, factor in enumerate(product.arrays):
        if factor is bottom:
            del product.arrays[k]
            return product.write(node.shape)
    return None


@identity(Elementwise)
def common_factor(node: Array) -> Array | None:
    """A ∘ C - B ∘ C = (A - B) ∘ C, where C is a scalar, or copies of what each row has one of"""
    if node.op.name not in ("add", "subtract") or any(a.op.name in ("add", "subtract") for a in node.operands):
        return None
    left, right = (_apart(Product.of(operand)) for operand in node.operands)
    common = Product(scalars=[a for a in left.scalars if a in {*right.scalars}])
    common.arrays = [a for a in left.arrays if isinstance(a.op, Broadcast) and a in {*right.arrays}]
    for product in (left, right):
        product.scalars = [a for a in product.scalars if a not in {*common.scalars}]
        product.arrays = [a for a in product.arrays if a not in {*common.arrays}]
    if not (common.scalars or common.arrays) or not (left.arrays and right.arrays):
        return None
    common.arrays.append(apply(node.op, left.write(node.shape), right.write(node.shape)))
    return common.write(node.shape)


def _apart(product: Product) -> Product:
    """The same product, copies of a product as the product of copies."""
    apart = Product(product.number, [*product.scalars])
    for array in product.arrays:
        inner = Product.of(array.operands[0]) if isinstance(array.op, Broadcast) else Product()
        if len(inner.scalars) + len(inner.arrays) < 2 or not inner.arrays:
            apart.arrays.append(array)
            continue
        apart.number *= inner.number
        apart.scalars += inner.scalars
        apart.arrays += [apply(array.op, factor) for factor in inner.arrays]
    return apart
