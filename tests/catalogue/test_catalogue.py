"""The catalogue is a mapping as mappings are; a name that is not there is answered."""

import pytest

import derive


def test_a_name_that_is_not_there():
    assert "conv" not in derive.layers
    assert derive.layers.get("conv") is None
    assert derive.layers.get("conv", 3) == 3
    assert derive.layers.get("conv2d") is derive.layers["conv2d"]
    with pytest.raises(derive.DeriveError, match="no layer named 'conv'"):
        derive.layers["conv"]
