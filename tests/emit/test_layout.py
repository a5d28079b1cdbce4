"""Long lines are broken: the shape above, a bracket opened, or one put around a sum."""

import ast

import pytest

from derive.emit.layout import WIDTH, laid_out

NAMES = [f"name_{k:02}" for k in range(16)]
SUM, CALL = " + ".join(NAMES), f"placed({', '.join(NAMES)}, axis=(0, 1))"
LONG = [
    f"Y = {SUM}",
    f"Y = ({SUM}) / A[:, None]  # (n, d)",
    f"Y = {CALL}  # (n, d)",
    f"return {{{', '.join(f'{n!r}: {n}' for n in NAMES)}}}",
]


@pytest.mark.parametrize("line", LONG)
def test_a_long_line_is_broken_and_says_the_same(line):
    broken = laid_out([line])
    assert len(broken) > 1
    assert all(len(part) <= WIDTH + 4 for part in broken)
    code = line.partition("  # ")[0]
    assert ast.unparse(ast.parse("\n".join(broken))) == ast.unparse(ast.parse(code))


def test_a_shape_that_does_not_fit_stands_above():
    code = f"Y = {' + '.join(NAMES[:9])}"
    assert laid_out([f"{code}  # (n, a_long_name, another)"]) == ["# (n, a_long_name, another)", code]


def test_a_short_line_and_one_without_a_place_to_break_stay():
    for line in ("Y = X @ W  # (n, m)", f"Y = {'x' * 130}", f'    raise ValueError("{"x" * 130}")'):
        assert laid_out([line]) == [line]
