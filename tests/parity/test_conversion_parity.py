"""Conversion, numbers, copies and printing say what PyTorch says: values, text, types of errors and warnings.

Each line is evaluated with ``m`` once autotape and once PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autotape
from tests.parity.expressions import on_one_line, said

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

SAME = """
x.to(m.float64).requires_grad
x.to('cpu') is x
x.to(m.float32) is x
x.to(m.float32, copy=True) is x
x.to(m.float32, copy=True).requires_grad
x.to(i)
x.to('cpu', m.float64).dtype
x.to(device='cpu', dtype=m.int64)
x.to(m.float64, True, True).dtype
x.to(m.device('cpu')) is x
x.to('nowhere')
x.to(None) is x
x.to() is x
x.to(float).dtype
x.to(m.int64)
x.to(m.complex64).dtype
c.to(m.float32)
c.to(m.float32).requires_grad
c.to(m.bool)
c.float()
x.type(m.DoubleTensor).dtype
x.type('torch.DoubleTensor').dtype
x.type('torch.LongTensor')
x.type(m.int64)
x.type(dtype=m.int64)
x.type('nothing')
x.type_as(i)
x.type_as(m.ones(1)) is x
x.float() is x
x.double().dtype
x.half().dtype
i.int().dtype
x.long()
x.short().dtype
x.bool()
x.byte().dtype
x.char().dtype
x.cfloat().dtype
x.cdouble().dtype
x.cpu() is x
x.is_cuda
x.dim()
x.size()
x.size(0)
x.size(-1)
x.size(dim=0)
x.size(1)
x.size(1.5)
s.size()
s.size(0)
x.numel()
m.numel(x)
m.numel([1])
x.nelement()
x.element_size()
x.itemsize
x.nbytes
x.is_floating_point()
m.is_floating_point(i)
m.is_tensor(5)
m.is_complex(x)
x.is_signed()
m.tensor([1], dtype=m.uint8).is_signed()
x.get_device()
x.clone()
m.clone(x).grad_fn.name()
m.clone([1])
t.clone().stride()
i.clone()
x.clone(memory_format=None).requires_grad
m.tensor([-1.5, 2.7, 100.2]).to(m.int8)
m.tensor([0.0, 0.3, nan]).bool()
float(s)
complex(s)
math.exp(s)
bool(s)
s.item()
range(5)[n]
[1, 2, 3, 4][n]
[1, 2, 3, 4][m.tensor([[1]])]
[1, 2][m.tensor(True)]
[1, 2][m.tensor(1.)]
[1, 2][i]
np.ones(5)[n]
float(x)
float(i)
float(m.tensor([]))
int(i)
int(m.tensor([[2.7]]))
int(m.tensor(nan))
int(m.tensor(inf))
float(m.tensor(1j))
int(m.tensor(1j))
float(m.tensor(1 + 0j))
complex(m.tensor(1 + 2j))
complex(i)
float(m.tensor(True))
bool(m.tensor([]))
bool(i)
bool(m.tensor([[0.]]))
bool(m.tensor(1j))
x.item()
m.tensor([]).item()
len(s)
len(x)
iter(s)
[v.item() for v in x]
1. in x
m.tensor(1.) in x
'a' in x
[1., 2.] in x
None in i
m.tensor([1., 3.]) in x
m.zeros(2, 3) in m.zeros(3)
m.zeros(2) in m.zeros(3)
format(s, '.3f')
format(s, '')
format(x, '')
format(s, '>30')
format(x, '>30')
format(s, 's')
format(n, '5d')
format(m.tensor([1.5]), '.2f')
format(m.tensor(True), 'd')
format(m.tensor(1 + 2j), '.2f')
'%.2f' % s
'%s' % i
'%d' % n
round(m.tensor(2.567), 2)
x.numpy()
y.numpy()
x.detach().numpy()
x.numpy(force=True)
np.asarray(x)
np.array(y)
np.asarray(i, dtype=float)
np.asarray(i, dtype=float, copy=False)
x.__array__()
x.__dlpack__()
np.from_dlpack(i)
x.tolist()
n.tolist()
hash(x) == id(x)
copy.deepcopy(y)
copy.deepcopy(x)
copy.deepcopy(i)
copy.copy(y)
copy.copy(x).is_leaf
copy.copy(i).data_ptr() == i.data_ptr()
pickle.loads(pickle.dumps(y))
pickle.loads(pickle.dumps(x)).is_leaf
pickle.loads(pickle.dumps(t)).shape
m.e, m.pi, m.inf
m.float, m.double, m.half, m.long, m.int, m.short, m.cfloat, m.cdouble
m.cuda.is_available(), m.cuda.device_count(), m.backends.mps.is_available()
""".strip().splitlines()


@pytest.fixture(autouse=True)
def _always_warn() -> Iterator[None]:
    """PyTorch warns once in a process, unless told so."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.parametrize("expression", SAME)
def test_says_what_pytorch_says(expression: str) -> None:
    assert said(expression, autotape) == said(expression, torch)


def _printable(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """An array of any dtype and shape: scales, whole numbers, zeros, NaN and infinities."""
    sides = [0, 1, 2, 3, 5, 8, 20, 40] if rng.random() < 0.3 else [1, 2, 3, 4, 7, 12]
    shape = tuple(int(n) for n in rng.choice(sides, rng.integers(0, 5)))
    if math.prod(shape) > 20_000:
        shape = shape[:2]
    x = rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 7)
    if rng.random() < 0.3:
        x = x * 10.0 ** rng.integers(-8, 9, size=shape)
    dtype = np.dtype(str(rng.choice(["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "?", "c8", "c16"])))
    if dtype.kind == "c":
        x = x + 1j * rng.standard_normal(shape) * 10.0 ** rng.integers(-6, 7)
    if dtype.kind not in "fc":
        x = np.clip(x, -100 if dtype.kind == "i" else 0, 100)
    if dtype.kind not in "fc" or rng.random() < 0.4:
        x = np.round(x)
    x = np.array(x)
    if dtype.kind in "fc" and x.size and rng.random() < 0.3:
        x.reshape(-1)[rng.integers(0, x.size, 5)] = [math.nan, math.inf, -math.inf, 0.0, -0.0]
    with np.errstate(all="ignore"):
        return np.asarray(x.astype(dtype))


@pytest.mark.parametrize("seed", range(20))
def test_prints_what_pytorch_prints(seed: int) -> None:
    rng = np.random.default_rng(seed)
    try:
        for _ in range(50):
            options: dict[str, Any] = {}
            if rng.random() < 0.5:
                options = {
                    "precision": int(rng.integers(0, 8)),
                    "edgeitems": int(rng.integers(0, 5)),
                    "linewidth": int(rng.integers(20, 140)),
                    "threshold": int(rng.choice([0, 10, 100, 1000])),
                    "sci_mode": [None, True, False][rng.integers(3)],
                }
            array = _printable(rng)
            leaf = array.dtype.kind in "fc" and rng.random() < 0.3
            texts = []
            for m in (autotape, torch):
                m.set_printoptions(profile="default")
                m.set_printoptions(**options)
                t = m.from_numpy(array.copy()).requires_grad_(leaf)
                texts.append(on_one_line(repr(t)))
            assert texts[0] == texts[1], options
    finally:
        autotape.set_printoptions(profile="default")
        torch.set_printoptions(profile="default")
