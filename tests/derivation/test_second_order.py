"""Second order: a derivation is a layer, and its gradients are Hessian-vector products."""

import numpy as np
import pytest

import derive
from derive.derivation.gradient import gradient_layer
from derive.emit.readback import read_back


@derive.layer
def logistic_regression(X: "n d", w: "d", t: "n"):
    """The cross-entropy of logistic regression, from the logits: sum of log(1 + exp(z)) - t z."""
    z = X @ w
    E = np.sum(np.log(1 + np.exp(z)) - t * z)
    return E


@derive.layer
def used_further(X: "n d", W: "d d"):
    H = X @ W
    Y = np.tanh(H) @ W
    return H, Y


def products(layer, wrt, values, vectors):
    """The Hessian of a loss with respect to some inputs, times a vector for each."""
    second = layer.derive(wrt).derive(wrt)
    code = second.compile()
    given = [values.get(i.name, 1.0) for i in second.layer.inputs]
    _, cache = code.forward(*given)
    return code.backward(tuple(vectors[key] for key in wrt) if len(wrt) > 1 else vectors[wrt[0]], cache)


def slopes(layer, wrt, values, vectors):
    """The same by central differences of the gradient."""
    code = layer.derive(wrt).compile()

    def gradient(step):
        moved = {key: value + step * vectors[key] if key in vectors else value for key, value in values.items()}
        return code.backward(1.0, code.forward(*moved.values())[1])

    h = 1e-5
    ahead, behind = gradient(h), gradient(-h)
    return {key: (ahead[key] - behind[key]) / (2 * h) for key in wrt}


CASES = [
    (logistic_regression, ("w",)),
    (logistic_regression, ("X", "w")),
    (derive.layers["two_layer_network"], ("W1", "b1", "W2", "b2")),
    (derive.layers["two_layer_network"], ("X",)),
]


@pytest.mark.parametrize(("layer", "wrt"), CASES, ids=lambda case: getattr(case, "name", None) or "+".join(case))
def test_hessian_vector_products(layer, wrt):
    assert layer.derive(wrt).derive(wrt).prove().status == "proved"
    chance = np.random.default_rng(3)
    sizes = {size: k + 2 for k, size in enumerate(layer.sizes)}
    values = {i.name: chance.standard_normal([size.at(sizes).constant for size in i.shape]) for i in layer.inputs}
    u, v = ({key: chance.standard_normal(values[key].shape) for key in wrt} for _ in range(2))
    found = products(layer, wrt, values, v)
    for key, expected in slopes(layer, wrt, values, v).items():
        np.testing.assert_allclose(found[key], expected, rtol=1e-7, atol=1e-7)
    other = products(layer, wrt, values, u)
    one, two = (sum(np.sum(a[key] * b[key]) for key in wrt) for a, b in ((found, u), (other, v)))
    np.testing.assert_allclose(one, two)  # the Hessian is symmetric


def test_the_textbook_hessian_of_logistic_regression():
    second = logistic_regression.derive(("w",)).derive(("w",))
    chance = np.random.default_rng(5)
    X, w, t, v = (chance.standard_normal(shape) for shape in ((6, 3), 3, 6, 3))
    p = 1 / (1 + np.exp(-X @ w))
    found = products(logistic_regression, ("w",), {"X": X, "w": w, "t": t}, {"w": v})["w"]
    np.testing.assert_allclose(found, X.T @ (p * (1 - p) * (X @ v)))
    assert second.layer.name == "logistic_regression_gradient"


def test_the_layer_of_gradients_climbs_the_whole_ladder():
    for layer in (logistic_regression, derive.layers["two_layer_network"], used_further):
        verdict = layer.derive().layer_of_gradients.verify()
        assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_gradients_that_are_not_asked_for_are_not_computed():
    layer = gradient_layer(derive.layers["two_layer_network"].derive(("W2",)))
    assert layer.outputs == ("W2_bar",)
    assert not {"X_bar", "Z1_bar", "b2_bar", "E"} & {e.name for e in layer.equations}


def test_third_order_is_proved():
    third = logistic_regression.derive(("w",)).derive(("w",)).derive(("w",))
    assert third.prove().status == "proved"
    assert third.layer.name == "logistic_regression_gradient_gradient"


@pytest.mark.parametrize(
    ("statement", "lie"), [("dw = dz @ X", "dw = dz @ X + dw_bar"), ("dz_bar = X @ dw_bar", "dz_bar = X @ w")]
)
def test_a_wrong_hessian_is_not_proved(statement, lie):
    second = logistic_regression.derive(("w",)).derive(("w",))
    source = second.numpy()
    body = source[source.index("import numpy") :]
    if statement not in body:
        statement = next(
            line.strip().partition("  #")[0] for line in body.splitlines() if line.strip().startswith(statement[:5])
        )
    assert read_back(source, second).status == "proved"
    assert read_back(source.replace(statement, lie), second).status == "open"
