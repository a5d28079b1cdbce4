"""Dropout: entries set to 0 by a mask, which is an input; what is kept is scaled so that the mean stays."""

from typing import Any

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

SOURCE = "Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, Dropout, 2014, 10"


def probability(p: float) -> float:
    """The value of the option p as a float; DeriveError if it is not a probability below 1."""
    if real("p", p, 0.0, 1.0) == 1:
        raise DeriveError("p=1", "a probability below 1 was wanted", callers_place(), "zeros in place of the layer")
    return float(p)


@options
def dropout(*, p: float = 0.5, training: bool = True) -> Layer:
    """The input where the mask is true, scaled by 1 / (1 - p), else 0; without ``training`` the input itself."""
    scale = 1 / (1 - probability(p))
    if not one_of("training", training, (True, False)):
        return unchanged("dropout")

    @layer(source=SOURCE)
    def dropout(input: "... d", mask: "... d : bool") -> Any:
        """The entries where the mask is true, divided by 1 - p, p being the probability of a 0."""
        Y = input * mask * scale
        return Y

    return dropout


def unchanged(title: str) -> Layer:
    """The layer that does nothing, which dropout is at inference."""

    @layer(title=title, source=SOURCE)
    def plain(input: "... d") -> Any:
        """The input as it is, which dropout is at inference."""
        return input

    return plain
