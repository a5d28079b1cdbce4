"""Options of layers on the command line: --set OPTION=VALUE."""

import json

import pytest

from .running import run

OWN = '''
import derive
from derive.derivation.options import one_of, options, whole

@options
def powers(*, exponent=2, reduction="none"):
    exponent = whole("exponent", exponent, 1)
    one_of("reduction", reduction, ("none", "sum"))

    def powers(X: "n d"):
        return X**exponent if reduction == "none" else (X**exponent).sum()

    return derive.layer(powers)
'''


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return f"{path}:powers"


def test_an_option_is_set(own):
    assert "Y = X ** 2" in run("show", own).stdout
    assert "Y = X ** 3" in run("show", own, "--set", "exponent=3").stdout
    assert "np.sum(X ** 3)" in run("generate", own, "--set", "exponent=3", "--set", "reduction=sum").stdout
    assert run("prove", own, "--set", "exponent=3").exit_code == 0
    told = json.loads(run("show", own, "--set", "reduction=sum", "--json").stdout)
    assert told["layers"][0]["options"] == {"exponent": 2, "reduction": "sum"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["exponent=0"], "at least 1"),
        (["exponent"], "OPTION=VALUE"),
        (["=3"], "OPTION=VALUE"),
        (["exponnt=3"], "exponent=3"),
        (["reduction=avg"], "'none', 'sum'"),
        (["exponent=__import__('os')"], "a whole number"),
    ],
)
def test_a_wrong_setting_is_refused(own, settings, said):
    result = run("show", own, *[part for text in settings for part in ("--set", text)])
    assert result.exit_code == 2
    assert said in result.stderr
    assert "option --set" in result.stderr


def test_a_layer_without_options_says_so():
    result = run("show", "dense", "--set", "bias=False")
    assert result.exit_code == 2
    assert "no options" in result.stderr
