"""A file with layers of its own, and pages that cost nothing."""

from types import SimpleNamespace

import pytest

import derive.emit

OWN = '''
import numpy as np
import derive

print("loading")

@derive.layer
def gate(X: "n d", W: "d m"):
    """A product and a bend."""
    Z = X @ W
    return np.tanh(Z)

def plain(X: "n d"):
    return np.exp(X)

def no_layer(x: int):
    return x

number = 3
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


@pytest.fixture
def pages(monkeypatch):
    """Pages that cost nothing, in place of the real ones."""
    fake = SimpleNamespace(
        pages=lambda: {"dense.md": "# dense\n", "figures/dense.svg": b"<svg/>"},
        illustrated=lambda layer, file: {file: f"# {layer.name}\n"},
    )
    monkeypatch.setattr(derive.emit, "report", fake, raising=False)
