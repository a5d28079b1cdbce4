"""PyTorch, on one thread; without it the tests that import this are skipped."""

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install '.[oracle]'")
torch.set_num_threads(1)
functional = torch.nn.functional
