"""Printed formulas read back: LaTeX as latex.py writes it, evaluated on arrays.

Shapes are checked as it is read: nothing broadcasts but a product with ones, or a scalar.  It knows no expressions, only
text, so that it sees what a reader sees.
"""

import math
import re
from dataclasses import dataclass

import numpy as np

import derive
from derive.arrays.latex_names import math_size, symbol
from derive.index.size import Size

TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|[A-Za-z]|\S")
FUNCTIONS = {
    "exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "sqrt": np.sqrt, "sign": np.sign, "det": np.linalg.det,
    "sigma": lambda x: np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))), "erf": np.vectorize(math.erf, otypes=[float]),
    "Phi": np.vectorize(lambda x: (1 + math.erf(x / math.sqrt(2))) / 2, otypes=[float]), "tr": np.trace,
}  # fmt: skip
OF_ROWS = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "var": np.var}
COMPARE = {">": np.greater, "<": np.less, "=": np.equal, r"\ge": np.greater_equal, r"\le": np.less_equal, r"\ne": np.not_equal}
ENDS = {"+", "-", ")", "]", "}", ",", "&", r"\\", r"\odot", r"\oslash", "/", *COMPARE, r"\right", r"\end", r"\rvert", r"\rVert"}


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Misread(AssertionError):
    """What is printed is not a formula of the notation, or its shapes do not fit."""


@dataclass
class Value:
    """An array; ``wild`` are the axes along which ones were multiplied, of any length; ``form`` a row or ones."""

    array: np.ndarray
    wild: frozenset = frozenset()
    form: str = ""


class Reader:
    """Reads formulas about named arrays at given sizes."""

    def __init__(self, sizes, arrays, notation, classes=0):
        self.sizes, self.arrays, self.classes, self.letters = sizes, arrays, classes, {}
        self.symbols = sorted(((TOKEN.findall(symbol(a, notation)), a) for a in arrays), key=lambda pair: -len(pair[0]))
        self.size_symbols = sorted(((TOKEN.findall(math_size(Size.of(s))), s) for s in sizes), key=lambda pair: -len(pair[0]))

    def line(self, left, right):
        """The value of the right side; its axes are those of the left side's subscripts, where it has any."""
        self.letters = {}
        subscripts = self.subscripts_of(left)
        shape = None
        if subscripts is not None:
            name, keys = subscripts
            shape = self.arrays[name].shape
            for axis, (key, size) in enumerate(zip(keys, shape, strict=True)):
                if key != "0":
                    self.letters[key] = np.arange(size).reshape([-1 if k == axis else 1 for k in range(len(keys))])
        self.start(right)
        value = self.sum()
        if self.at != len(self.tokens):
            raise Misread(f"left over: {self.tokens[self.at :]}")
        if subscripts is None and value.wild:  # ones are as long as the left side says
            shape = self.arrays[self.whole].shape
        return np.broadcast_to(value.array, shape) if shape is not None else value.array

    def subscripts_of(self, left):
        """The name and its subscripts, or None for a name alone."""
        self.start(left)
        self.whole = self.match(self.symbols)
        if self.whole is not None and self.at == len(self.tokens):
            return None
        self.at = 0
        braced = self.take("{")
        name = self.match(self.symbols)
        if braced:
            self.need("}")
        self.need("_")
        return name, "".join(self.group()).split(",")

    # ---- tokens

    def start(self, text):
        self.tokens, self.at = [t for t in TOKEN.findall(text) if t not in (r"\,", " ")], 0

    @property
    def now(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, token):
        if self.now == token:
            self.at += 1
            return True
        return False

    def need(self, *tokens):
        for token in tokens:
            if not self.take(token):
                raise Misread(f"{token} was wanted at {' '.join(self.tokens[self.at :])}")

    def match(self, known):
        for tokens, name in known:
            if self.tokens[self.at : self.at + len(tokens)] == tokens:
                self.at += len(tokens)
                return name
        return None

    def group(self):
        """The tokens between braces."""
        self.need("{")
        start, depth = self.at, 1
        while depth:
            depth += {"{": 1, "}": -1}.get(self.now, 0)
            self.at += 1
        return self.tokens[start : self.at - 1]

    def inside(self, tokens, read):
        """What ``read`` makes of some tokens, all of them."""
        kept = self.tokens, self.at
        self.tokens, self.at = tokens, 0
        value = read()
        if self.at != len(tokens):
            raise Misread(f"left over: {self.tokens[self.at :]}")
        self.tokens, self.at = kept
        return value

    # ---- formulas

    def sum(self):
        sign = -1 if self.take("-") else 1
        total = self.term()
        total = Value(sign * total.array, total.wild) if sign < 0 else total
        while self.now in ("+", "-"):
            minus = self.take("-") or not self.take("+")
            term = self.term()
            total = self.together(np.subtract if minus else np.add, total, term)
        return total

    def term(self):
        value = self.product()
        while self.now in (r"\odot", r"\oslash", "/"):
            sign = self.now
            self.at += 1
            value = self.together(np.multiply if sign == r"\odot" else np.divide, value, self.product(), sign == "/")
        return value

    def product(self):
        if self.now == r"\sum" or self.is_reduction():
            return self.reduction()
        factors = [self.power()]
        while self.now and self.now not in ENDS:
            if self.now == r"\sum" or self.is_reduction():
                return self.times(self.chain(factors), self.reduction())
            factors.append(self.power())
        return self.chain(factors)

    def chain(self, factors):
        """A product of factors; sums by ones first, since a column of ones times a row of ones has no size yet."""
        place = 0
        while place + 1 < len(factors):
            left, right = factors[place : place + 2]
            sums = (left.form == "ones row" and not right.form) or (right.form == "ones" and not left.form)
            if sums and left.array.ndim + right.array.ndim:
                factors[place : place + 2] = [self.times(left, right)]
            else:
                place += 1
        value = factors[0]
        for factor in factors[1:]:
            value = self.times(value, factor)
        return value

    def is_reduction(self):
        return self.now in (r"\max", r"\min", r"\operatorname") and self.after_operator() == "_"

    def after_operator(self):
        place = self.at + 1
        while self.now == r"\operatorname" and self.tokens[place] != "}":
            place += 1
        return self.tokens[place + (self.now == r"\operatorname")]

    def times(self, left, right):
        """What is written side by side: a product of matrices, of vectors, with ones, with a scalar, of entries."""
        a, b = left.array, right.array
        if left.form == "ones":
            if b.ndim == 2 and b.shape[0] != 1:
                raise Misread(f"a column of ones times an array of shape {b.shape}")
            return Value(a * b.reshape(1, -1), frozenset({0}))
        if left.form == "ones row":
            return Value(a * b.sum(axis=0))
        if right.form == "ones" and a.ndim:
            return Value(a.sum(axis=1))
        if right.form == "ones row" and a.ndim:
            if a.ndim == 2 and a.shape[1] != 1:
                raise Misread(f"an array of shape {a.shape} times a row of ones")
            return Value(a.reshape(-1, 1), frozenset({1}))
        if self.letters or not a.ndim or not b.ndim:
            return Value(a * b, right.wild | left.wild, right.form if not a.ndim else left.form)
        if right.form == "row":
            return Value(np.outer(a, b))
        if 1 in left.wild and a.ndim == 2:
            a = np.broadcast_to(a, (a.shape[0], b.shape[0]))
        if 0 in right.wild:
            b = np.broadcast_to(b, (a.shape[-1], *b.shape[1:]))
        return Value(a @ b, (left.wild & {0}) | (right.wild & {1}), left.form)

    def power(self):
        value = self.sliced(self.atom())
        while self.now == "^":
            self.at += 1
            raised = "".join(self.group())
            if raised == r"\top":
                if value.form == "ones":
                    value = Value(value.array, frozenset(), "ones row")
                else:
                    value = Value(np.swapaxes(value.array, -1, -2), frozenset(1 - k for k in value.wild)) if value.array.ndim > 1 else Value(value.array, frozenset(), "row")
            elif raised in ("-1", r"-\top"):
                inverse = np.linalg.inv(value.array)
                value = Value(inverse if raised == "-1" else np.swapaxes(inverse, -1, -2))
            else:
                exponent = eval(raised.replace(r"\odot", ""))
                if not raised.startswith(r"\odot") and not self.letters and value.array.ndim:
                    raise Misread(f"an array to the power {raised}")
                value = Value(value.array**exponent, value.wild)
        return value

    def atom(self):
        if self.now in self.letters:
            self.at += 1
            return Value(self.letters[self.tokens[self.at - 1]])
        name = self.match(self.symbols)
        if name is not None:
            return self.entry(self.arrays[name]) if self.take("_") else Value(np.asarray(self.arrays[name]))
        if self.now and re.fullmatch(r"\d+(\.\d+)?", self.now):
            number = float(self.now)
            self.at += 1
            if self.now == r"\cdot":
                self.at += 1
                number *= self.power().array
            return Value(np.asarray(number))
        if self.take(r"\left"):
            value = self.bracketed()
            return self.entry(value.array) if self.take("_") else value
        if self.take("{"):
            self.at -= 1
            value = self.inside(self.group(), self.sum)
            return self.entry(value.array) if self.take("_") else value
        if self.take(r"\frac") or self.take(r"\tfrac"):
            above, below = self.inside(self.group(), self.sum), self.inside(self.group(), self.sum)
            if not self.letters and (above.array.ndim or below.array.ndim):
                raise Misread("a fraction of arrays")
            return Value(above.array / below.array)
        if self.take(r"\sqrt"):
            value = self.inside(self.group(), self.sum)
            return Value(np.sqrt(value.array), value.wild)
        if self.take(r"\lvert"):
            value = self.sum()
            self.need(r"\rvert")
            return Value(np.abs(value.array), value.wild)
        if self.take(r"\lVert"):
            value = self.sum()
            self.need(r"\rVert", "_", "{", "F", "}")
            return Value(np.sqrt((value.array**2).sum()))
        if self.take(r"\mathbf"):
            number = int("".join(self.group()))
            if self.take("_"):
                shape = [self.size(part) for part in split(self.group(), r"\times")]
                return Value(np.full(shape, float(number)))
            return Value(np.asarray(1.0), frozenset(), "ones")
        if self.take("I"):
            self.need("_")
            return Value(np.eye(self.size(self.group())))
        if self.take(r"\pi"):
            return Value(np.asarray(np.pi))
        if self.take(r"\infty"):
            return Value(np.asarray(np.inf))
        if self.take(r"\lnot"):
            return Value(1 - self.atom().array)
        if self.take(r"\begin"):
            return self.block("".join(self.group()))
        size = self.match(self.size_symbols)
        if size is not None:
            return Value(np.asarray(float(self.sizes[size])))
        if self.now.startswith("\\"):
            value = self.call()
            return self.entry(value.array) if self.take("_") else value
        raise Misread(f"{' '.join(self.tokens[self.at :])} was not expected")

    def bracketed(self):
        """``\\left( .. \\right)``, or a comparison in square brackets, which is 1 or 0."""
        square = self.take("[")
        if not square:
            self.need("(")
        value = self.comparison() if square else self.sum()
        self.need(r"\right", "]" if square else ")")
        return value

    def comparison(self):
        left, found = self.sum(), None
        if self.now not in COMPARE:
            raise Misread("a comparison was wanted")
        while self.now in COMPARE:
            sign = COMPARE[self.now]
            self.at += 1
            right = self.sum()
            here = self.together(sign, left, right, True)
            found = here if found is None else self.together(np.logical_and, found, here)
            left = right
        found = Value(found.array.astype(float), found.wild)
        return self.together(np.multiply, found, self.comparison()) if self.take(",") else found

    def block(self, kind):
        if kind == "cases":
            value = self.cases(self.conditions)
            self.need(r"\end", *"{cases}")
            return value
        rows = [[self.sum().array]]
        while not self.take(r"\end"):
            if self.take(r"\\"):
                rows.append([])
            else:
                self.need("&")
            rows[-1].append(self.sum().array)
        self.need(*"{bmatrix}")
        return Value(np.concatenate([np.concatenate(row, axis=-1) for row in rows], axis=0))

    def cases(self, conditions):
        """The rows of a choice from here on: the first whose condition holds."""
        start = self.at
        self.conditions = (*conditions, np.zeros((), bool))  # where it is asked for is not yet known
        self.sum()
        self.need("&", r"\text")
        kind = "".join(self.group())
        self.conditions = conditions
        if kind == "otherwise":
            end, self.at = self.at, start
            value = self.sum()
            self.at = end
            return value
        mask = (self.comparison() if self.has_comparison() else self.sum()).array != 0
        self.need(r"\\")
        end, self.at, self.conditions = self.at, start, (*conditions, mask)
        value = self.sum().array
        self.at, self.conditions = end, conditions
        other = self.cases((*conditions, ~mask)).array
        self.conditions = conditions
        return Value(np.where(mask, value, other))

    def has_comparison(self):
        depth = 0
        for token in self.tokens[self.at :]:
            depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(token, 0)
            if token == r"\\" or depth < 0:
                return False
            if token in COMPARE and not depth:
                return True
        return False

    def call(self):
        name = self.now.removeprefix("\\")
        self.at += 1
        if name == "operatorname":
            name = "".join(self.group()).replace("\\", "")
        if name == "log" and self.now == r"\lvert":
            return Value(np.log(self.atom().array))
        self.need("(")
        operands = [self.sum()]
        while self.take(","):
            operands.append(self.sum())
        self.need(")")
        first = operands[0].array
        if name in ("max", "min"):
            return self.together(np.maximum if name == "max" else np.minimum, *operands, True)
        if name[:3] in ("row", "col") and name[3:] in OF_ROWS:
            if name[:3] == "col" and first.ndim != 2:
                raise Misread(f"{name} of an array of shape {first.shape}")
            found = OF_ROWS[name[3:]](first, axis=-1 if name[:3] == "row" else 0, keepdims=True)
            return Value(np.broadcast_to(found, first.shape))
        if name == "onehot":
            return Value((first[..., None] == np.arange(self.classes)).astype(float))
        if name == "softmax":
            return Value(softmax(first))
        if name == "log_softmax":
            return Value(np.log(softmax(first)))
        if name in derive.layers and name not in FUNCTIONS:
            return Value(derive.layers[name](*[operand.array for operand in operands]))
        if name not in FUNCTIONS:
            raise Misread(f"no function {name}")
        return Value(FUNCTIONS[name](first), operands[0].wild)


    def together(self, function, left, right, scalars=False):
        """A function of two arrays of one shape; ones are as long as is wanted; with ``scalars`` a number will do."""
        a, b = left.array, right.array
        fits = a.ndim == b.ndim or (scalars and not b.ndim) or not (a.ndim and b.ndim)
        if not self.letters and not fits:
            raise Misread(f"shapes {a.shape} and {b.shape}")
        for axis, (m, n) in enumerate(zip(a.shape, b.shape, strict=False)) if not self.letters else ():
            if m != n and not (1 in (m, n) and axis in left.wild | right.wild):
                raise Misread(f"shapes {a.shape} and {b.shape}")
        wild = right.wild if not a.ndim else left.wild if not b.ndim else left.wild & right.wild
        return Value(function(a, b), wild)

    # ---- entries

    def entry(self, array):
        """``A_{i,2j+k}``."""
        keys = split(self.group(), ",")
        if len(keys) != array.ndim:
            raise Misread(f"{len(keys)} subscripts of an array of rank {array.ndim}")
        places = [self.inside(key, self.place) for key in keys]
        inside = np.logical_and.reduce(np.broadcast_arrays(*[(p >= 0) & (p < n) for p, n in zip(places, array.shape, strict=True)]))
        for condition in self.conditions:
            inside = inside | ~condition
        if not np.all(inside):
            raise Misread("a subscript out of range")
        return Value(array[tuple(np.clip(p, 0, n - 1) for p, n in zip(places, array.shape, strict=True))])

    def sliced(self, value):
        """``A[:, d:2d]``."""
        if not self.take("["):
            return value
        end = self.at + self.tokens[self.at :].index("]")
        keys, self.at = split(self.tokens[self.at : end], ","), end + 1
        return Value(value.array[tuple(slice(*[self.size(part) if part else None for part in split(key, ":")]) for key in keys)])

    conditions = ()

    def place(self):
        return self.sum().array.astype(int)

    def size(self, tokens):
        kept, self.letters = self.letters, {}
        value = self.inside(list(tokens), self.sum)
        self.letters = kept
        return int(value.array)

    def reduction(self):
        """A function of the entries over the indices below its sign."""
        word = self.now.removeprefix("\\")
        self.at += 1
        if word == "operatorname":
            word = "".join(self.group()).replace("\\", "")
        self.need("_")
        given, *conditions = split(self.group(), ":")
        bound = split(given, ",")
        start = self.at
        rank = max([v.ndim for v in self.letters.values()], default=0)
        outer = dict(self.letters)
        for depth, key in enumerate(bound):
            letter, *limit = split(key, "<")
            letter = "".join(letter)
            if letter in outer:
                raise Misread(f"the index {letter} is bound twice")
            size = self.size(limit[0]) if limit else self.run_of(letter, start)
            self.letters[letter] = np.arange(size).reshape([-1, *[1] * (rank + depth)])
        full = (*[v.shape[0] for v in list(self.letters.values())[len(outer) :]][::-1],)
        held = [self.inside(c, self.comparison).array for c in split(conditions[0], ",")] if conditions else []
        kept, self.conditions = self.conditions, (*self.conditions, *[h != 0 for h in held])
        body = self.term().array
        self.conditions = kept
        for condition in held:
            body = body * condition
        shape = np.broadcast_shapes(body.shape, (*full, *[1] * rank))
        body = np.broadcast_to(body, shape)
        self.letters = outer
        axes = tuple(range(len(bound)))
        return Value(OF_ROWS[word](body, axis=axes))

    def run_of(self, letter, start):
        """How far an index runs: the size of an axis on which it stands alone."""
        kept, found, depth = self.at, set(), 0
        self.at = start
        while self.at < len(self.tokens):
            here = self.at
            depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(self.now, 0)
            if depth < 0 or (not depth and self.now in ("+", "-", "&", r"\\")):
                break
            braced = self.take("{")
            name = self.match(self.symbols)
            if name is not None and braced:
                name = name if self.take("}") else None
            if name is not None and self.take("_"):
                for key, size in zip(split(self.group(), ","), self.arrays[name].shape, strict=False):
                    if key == [letter]:
                        found.add(size)
            self.at = here + 1
        self.at = kept
        if len(found) != 1:
            raise Misread(f"the index {letter} runs over {sorted(found) or 'nothing'}")
        return found.pop()


def split(tokens, by):
    """Tokens between those ``by``, outside of braces."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += {"{": 1, "}": -1}.get(token, 0)
        if token == by and not depth:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts
