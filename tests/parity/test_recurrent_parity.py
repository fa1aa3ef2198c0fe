"""Recurrent networks on packed sequences, from given states, give the outputs and gradients of PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

LENGTHS = [3, 5, 1, 5]
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "deep": {"num_layers": 3, "bias": False},
    "both ways": {"num_layers": 2, "bidirectional": True, "dropout": 0.5},
    "projected": {"num_layers": 2, "bidirectional": True, "proj_size": 2},
}


def results(library: Any, net: Any, dtype: str, packed: bool) -> list[Any]:
    """Outputs, last states, and the gradients of inputs, states and parameters."""
    rng = np.random.default_rng(0)

    def tensor(*shape: int) -> Any:
        return library.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)

    rnn = library.nn.utils.rnn
    layers = len(net.all_weights)
    x = [tensor(n, 3) for n in LENGTHS] if packed else [tensor(4, 4, 3)]
    states = [tensor(layers, 4, getattr(net, "proj_size", 0) or 6)]
    if isinstance(net, library.nn.LSTM):
        states.append(tensor(layers, 4, 6))
    given = rnn.pack_sequence(x, enforce_sorted=False) if packed else x[0]
    y, last = net(given, tuple(states) if len(states) == 2 else states[0])
    ends = list(last) if len(states) == 2 else [last]
    if packed:
        y, lengths = rnn.pad_packed_sequence(y, batch_first=True, padding_value=-1.0)
        assert lengths.tolist() == LENGTHS
    loss = (y * y).sum() + sum((e**3).sum() for e in ends)
    grads = library.autograd.grad(loss, [*x, *states, *net.parameters()])
    return [t.detach().numpy() for t in (y, *ends, *grads)]


@pytest.mark.parametrize("packed", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported")
def test_network_loads_and_gives_the_same(
    name: str, options: dict[str, Any], dtype: str, packed: bool
) -> None:
    if name != "LSTM":
        options = {k: v for k, v in options.items() if k != "proj_size"}
    theirs = getattr(torch.nn, name)(3, 6, **options).to(getattr(torch, dtype)).eval()
    ours = getattr(at.nn, name)(3, 6, **options, dtype=getattr(at, dtype)).eval()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    rtol = 1e-9 if dtype == "float64" else 2e-4
    pairs = zip(results(at, ours, dtype, packed), results(torch, theirs, dtype, packed), strict=True)
    for i, (a, b) in enumerate(pairs):
        np.testing.assert_allclose(
            a, b, rtol=rtol, atol=rtol * max(1, np.abs(b).max()), err_msg=f"result {i}"
        )
