"""Creation and random tensors say what PyTorch says: values, dtypes, types of errors and warnings.

Each line is evaluated with ``m`` once autotape and once PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest

import autotape
from tests.parity.expressions import said

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

SAME = """
m.tensor(1)
m.tensor(1.5)
m.tensor(True)
m.tensor(1j)
m.tensor([1, 2.5])
m.tensor([True, 2])
m.tensor([True, 2.5])
m.tensor([1, 1j])
m.tensor([])
m.tensor([[], []])
m.tensor(())
m.tensor((1, 2))
m.tensor([[1, 2], [3]])
m.tensor([[1, 2], 3])
m.tensor([1, [2]])
m.tensor([[1, 2], [3, 'a']])
m.tensor('abc')
m.tensor(['a'])
m.tensor([['a']])
m.tensor([[1], ['a']])
m.tensor([1, 'a'])
m.tensor(b'ab')
m.tensor(None)
m.tensor([None])
m.tensor([1, {}])
m.tensor({1: 2})
m.tensor({1, 2})
m.tensor(v for v in [1])
m.tensor(range(3))
m.tensor(memoryview(b'abc'))
m.tensor(Sequence())
m.tensor(m.Size([2, 3]))
m.tensor(np.array([1, 2], dtype=np.float64))
m.tensor(np.array(1.5))
m.tensor(np.float64(1.5))
m.tensor([np.float64(1.5)])
m.tensor([np.float32(1.5), 1])
m.tensor([np.int32(1)])
m.tensor([np.int32(1), 2])
m.tensor([np.float64(1.5), 1])
m.tensor([np.bool_(True)])
m.tensor([np.complex64(1)])
m.tensor(x)
m.tensor(i)
m.tensor(x, requires_grad=True)
m.tensor(i, requires_grad=True)
m.tensor(i, dtype=m.float64, requires_grad=True)
m.tensor([s, s])
m.tensor([n, n])
m.tensor([n, 1.5])
m.tensor([[n, 1], [3, 4]])
m.tensor([x, x])
m.tensor([i[:1], 5])
m.tensor(2**63)
m.tensor([2**63])
m.tensor(-2**63)
m.tensor(2**64)
m.tensor([2**63, 1.5])
m.tensor([2**70], dtype=m.float32)
m.tensor([10**400], dtype=m.float32)
m.tensor([1.5], dtype=m.int64)
m.tensor(nan, dtype=m.int64)
m.tensor(inf, dtype=m.int64)
m.tensor([300], dtype=m.uint8)
m.tensor(300, dtype=m.uint8)
m.tensor([-1], dtype=m.uint8)
m.tensor([-255], dtype=m.uint8)
m.tensor([-256], dtype=m.uint8)
m.tensor([-1.5], dtype=m.uint8)
m.tensor([128], dtype=m.int8)
m.tensor([127.9], dtype=m.int8)
m.tensor([-129], dtype=m.int8)
m.tensor([1e19], dtype=m.int64)
m.tensor([9.2e18], dtype=m.int64)
m.tensor([2**63], dtype=m.uint64)
m.tensor([nan], dtype=m.bool)
m.tensor([2.5, 0], dtype=m.bool)
m.tensor([1j], dtype=m.bool)
m.tensor([1j], dtype=m.int64)
m.tensor(1j, dtype=m.float32)
m.tensor(1e40)
m.tensor([1e40], dtype=m.float16)
m.tensor(np.array([300]), dtype=m.uint8)
m.tensor(np.float64(300), dtype=m.uint8)
m.tensor(np.array([1j]), dtype=m.float32)
m.tensor(np.array(['a']))
m.tensor(np.array([1, 2], dtype=object))
m.tensor([1, 2], dtype=float)
m.tensor([1, 2], dtype=int)
m.tensor([1, 2], requires_grad=True)
m.tensor([1.0, 2.0], device='cpu')
m.tensor([1.0, 2.0], device='nowhere')
m.tensor(1, 2)
m.tensor()
m.as_tensor([1, 2.0])
m.as_tensor(x) is x
m.as_tensor(x, dtype=m.float64).requires_grad
m.as_tensor(np.ones(2), dtype=m.float32)
m.from_numpy([1])
m.from_numpy(np.float32(1))
m.from_numpy(np.ones(2, '>f4'))
m.from_numpy(np.array(['a']))
m.from_numpy(np.zeros(2, [('a', 'i1'), ('b', 'f4')])['b'])
m.Tensor()
m.Tensor(2, 3).shape
m.Tensor([1, 2])
m.Tensor((2, 3))
m.Tensor(m.Size([2, 3])).shape
m.Tensor(2.5)
m.Tensor(True)
m.Tensor([True])
m.Tensor(i)
m.Tensor(n).shape
m.Tensor(x).requires_grad
m.Tensor(np.ones(2))
m.Tensor(np.int64(3)).shape
m.Tensor(2, dtype=m.float64)
m.Tensor(-1)
m.Tensor(2, 'a')
m.Tensor('a')
m.Tensor([[1, 2], [3]])
m.Tensor(None)
m.FloatTensor([1, 2])
m.FloatTensor(2, 3).shape
m.LongTensor([1, 2])
m.LongTensor([1.5])
m.LongTensor(2).dtype
m.DoubleTensor(np.ones(2, 'f4'))
m.DoubleTensor(x)
m.FloatTensor(x).requires_grad
isinstance(m.ones(2), m.FloatTensor)
isinstance(m.ones(2).double(), m.FloatTensor)
isinstance(m.nn.Parameter(m.ones(2)), m.FloatTensor)
isinstance([1.0], m.FloatTensor)
issubclass(m.FloatTensor, m.Tensor)
type(m.FloatTensor([1])) is m.Tensor
m.FloatTensor.dtype
m.zeros(2, 3)
m.zeros((2, 3))
m.zeros([2, 3])
m.zeros(size=(2, 3))
m.zeros(())
m.zeros(0, 3)
m.zeros()
m.zeros(-1)
m.zeros(2, -1)
m.zeros(2.5)
m.zeros((2.5,))
m.zeros('a')
m.zeros(2, (3,))
m.zeros(n)
m.zeros((n, 3))
m.zeros(np.int64(2), 3)
m.zeros(True)
m.zeros(None)
m.zeros(2, dtype=m.int64, requires_grad=True)
m.zeros(2, dtype=m.complex64, requires_grad=True)
m.ones(2, dtype=m.bool)
m.ones(2, requires_grad=True)
m.empty(2, 3, dtype=m.int8).dtype
m.full((2,), 1)
m.full((2,), 1.5)
m.full((2,), True)
m.full((2,), 1j)
m.full(2, 1)
m.full((2,), n)
m.full((2,), s)
m.full((2,), x)
m.full((2,), 300, dtype=m.uint8)
m.full((2,), -1, dtype=m.uint8)
m.full((2,), 1.5, dtype=m.int64)
m.full((2,), 'a')
m.full((2,), 1e40)
m.full((2,), inf)
m.full(fill_value=1, size=(2,))
m.full((2,), 1, requires_grad=True)
m.eye(2)
m.eye(2, 3)
m.eye(n=2, m=1)
m.eye(0)
m.eye(-1)
m.eye(2, -1)
m.eye(2.5)
m.eye(2, dtype=m.bool)
m.arange(3)
m.arange(3.)
m.arange(1, 2.5, 0.5)
m.arange(5, 1)
m.arange(5, 1, -2)
m.arange(0, 1, 0)
m.arange(3, 3)
m.arange(0, inf)
m.arange(0, nan)
m.arange(3, dtype=m.float64)
m.arange(0.5, 3, dtype=m.int64)
m.arange(0, 2.5, dtype=m.int64)
m.arange(0, 2.5, dtype=m.int32)
m.arange(0.5, 3, dtype=m.int32)
m.arange(end=3)
m.arange(start=1, end=3)
m.arange(1, 4, step=2)
m.arange(n)
m.arange(s)
m.arange(m.tensor(3., dtype=m.float64))
m.arange(np.float64(3))
m.arange(np.int32(3))
m.arange(True)
m.arange(3, dtype=m.bool)
m.arange(3, dtype=m.complex64)
m.arange(3, requires_grad=True)
m.arange(3., requires_grad=True)
m.arange(-3)
m.arange(1j)
m.arange('a')
m.arange()
m.arange(300, dtype=m.uint8)
m.arange(2**40, 2**40 + 2)
m.arange(2**53, 2**53 + 3)
m.arange(0, 1, 0.1).tolist()
m.arange(3, dtype=m.float16)
m.linspace(0, 1, 5)
m.linspace(0, 1, 1)
m.linspace(0, 1, 0)
m.linspace(0, 1, -1)
m.linspace(0, 1)
m.linspace(0, 1, 3.)
m.linspace(0, 10, 4, dtype=m.int64)
m.linspace(-3, 10, 4, dtype=m.int64)
m.linspace(m.tensor(0.), m.tensor(1.), 3)
m.linspace(n, 1, 3)
m.linspace(x, 1, 3)
m.linspace(start=0, end=1, steps=3)
m.linspace(0, 1j, 3)
m.linspace(0, 1, 3, dtype=m.bool)
m.linspace(0, 1, 7, dtype=m.float64).tolist()
m.zeros_like(x)
m.zeros_like(x, requires_grad=True)
m.zeros_like(i, dtype=m.float32)
m.zeros_like([1, 2])
m.zeros_like(np.ones(2))
m.zeros_like(t).stride()
m.zeros_like(m.ones(4, 3)[::2]).stride()
m.zeros_like(m.ones(1, 3).expand(2, 3)).stride()
m.ones_like(i)
m.full_like(i, 1.5)
m.full_like(x, True)
m.full_like(i, 300, dtype=m.uint8)
m.empty_like(i, dtype=m.float64).dtype
i.new_tensor([1.5, 2])
i.new_tensor(x)
x.new_tensor([1, 2])
x.new_tensor([1, 2], dtype=m.int64)
x.new_zeros(2, 3)
x.new_zeros((2, 3)).dtype
x.new_zeros(2, requires_grad=True)
i.new_ones(2)
i.new_full((2,), 1.5)
i.new_full((2,), 3.7, dtype=m.float32)
x.new_full((2,), True)
i.new_empty(2).dtype
m.manual_seed(-1).initial_seed()
m.manual_seed(2**64 - 1).initial_seed()
m.manual_seed(2**64)
m.manual_seed(-2**63).initial_seed()
m.manual_seed(-2**63 - 1)
m.manual_seed(1.5).initial_seed()
m.manual_seed('a')
m.manual_seed(n).initial_seed()
m.Generator().initial_seed()
m.Generator(device='cpu').device
m.Generator('cuda')
m.Generator().get_state().dtype
m.Generator().set_state(m.zeros(3))
m.Generator().set_state(m.zeros(3, dtype=m.uint8))
m.Generator().set_state([1])
m.rand(2, 3).shape
m.rand((2, 3)).shape
m.rand(size=(2, 3)).shape
m.rand(()).shape
m.rand()
m.rand(-1)
m.rand(2, dtype=m.int64)
m.rand(2, dtype=m.bool)
m.rand(2, dtype=m.float16).dtype
m.rand(2, dtype=m.complex64).dtype
m.rand(2, generator=5)
m.rand(2, requires_grad=True).is_leaf
m.randn(2, dtype=m.int64)
m.randn(2, dtype=m.complex128).dtype
m.randint(5, (2,)).dtype
m.randint(2, 5, (2,)).shape
m.randint(5, ()).shape
m.randint(5, 2)
m.randint(5)
m.randint(5, 5, (2,))
m.randint(0, (2,))
m.randint(5, 2, (2,))
m.randint(high=5, size=(2,)).shape
m.randint(low=0, high=5, size=(2,)).shape
m.randint(0, 5, size=(2,)).shape
m.randint(0, high=5, size=(2,)).shape
m.randint(0, 5, [2]).shape
m.randint(0, 300, (2,), dtype=m.uint8)
m.randint(-1, 3, (2,), dtype=m.uint8)
m.randint(0, 256, (2,), dtype=m.uint8).dtype
m.randint(0, 2, (2,), dtype=m.bool).dtype
m.randint(0, 3, (2,), dtype=m.bool)
m.randint(0, 3, (2,), dtype=m.float32).dtype
m.randint(0, 3, (2,), requires_grad=True)
m.randint(0, 3.5, (2,))
m.randint(0., 3, (2,))
m.randint(n, (2,)).shape
m.randint(0, 2**63, (2,))
m.randint(-2**63, 2**63 - 1, (2,)).shape
m.randint(0, 2**25, (2,), dtype=m.float32).dtype
m.randint(0, 2**30, (2,), dtype=m.float16)
m.randint_like(x, 5).dtype
m.randint_like(x, 2, 5).dtype
m.randint_like(x, 5, 2)
m.randint_like(i, low=0, high=5).dtype
m.randint_like(i, high=5, dtype=m.float32).dtype
m.rand_like(x).requires_grad
m.rand_like(i)
m.rand_like(i, dtype=m.float32).dtype
m.randn_like(x).shape
m.rand_like([1])
m.randperm(5).dtype
m.randperm(0)
m.randperm(-1)
m.randperm(2.5)
m.randperm(300, dtype=m.uint8)
m.randperm(5, dtype=m.float32).dtype
m.randperm(3000, dtype=m.float16)
m.randperm(5, requires_grad=True)
m.randperm(3, dtype=m.bool)
m.normal(0., 1., (2,)).shape
m.normal(0, 1, size=(2,)).shape
m.normal(mean=0., std=0., size=(2,))
m.normal(0., 1.)
m.normal(x, 1.).requires_grad
m.normal(x).shape
m.normal(x, x).requires_grad
m.normal(0., x).requires_grad
m.normal(std=x, mean=0.).shape
m.normal(m.zeros(3, 1), m.ones(4)).shape
m.normal(m.zeros(3), m.ones(4))
m.normal(x.detach(), -1.)
m.normal(0., -1., (2,))
m.normal(0., m.tensor([-1., 1.]))
m.normal(i, 1.)
m.normal(x.detach(), i).dtype
m.normal(m.zeros(2), m.ones(2, dtype=m.float64)).dtype
m.normal(m.zeros(2, dtype=m.float64), m.ones(2)).dtype
m.normal(0., 1., (2,), dtype=m.float64).dtype
m.normal(0., 1., (2,), dtype=m.int64)
m.normal(x.detach(), 1., (2,))
m.normal(nan, 1., (2,))
m.bernoulli(m.tensor([0., 1.]))
m.bernoulli(m.tensor([0., 1.], requires_grad=True)).grad_fn.name()
m.bernoulli(m.tensor([0., 1.5]))
m.bernoulli(m.tensor([0., nan]))
m.bernoulli(m.tensor([0, 1]))
m.bernoulli(m.tensor([0, 1]), 0.5).dtype
m.bernoulli(m.tensor([0., 1.]), p=1.)
m.bernoulli(m.tensor([0., 1.]), p=1.5)
m.zeros(2).bernoulli_().dtype
m.zeros(2).bernoulli_(1.)
m.zeros(2).bernoulli_(m.tensor([0., 1.]))
m.zeros(2, dtype=m.int64).bernoulli_(m.tensor([0., 1.]))
m.zeros(2).bernoulli_(m.tensor([0, 1]))
m.zeros(2, 2).bernoulli_(m.tensor([0., 1.]))
m.zeros(2).bernoulli_(m.ones(3, 2))
m.zeros(2).bernoulli_(2)
x.bernoulli_(0.5)
x.normal_()
y.normal_().requires_grad
y.uniform_().requires_grad
y.random_().requires_grad
m.zeros(2).normal_(5, 0)
m.zeros(2).normal_(0, -1)
m.zeros(2, dtype=m.int64).normal_()
m.zeros(2, dtype=m.int64).uniform_()
m.zeros(2).uniform_(2, 1)
m.zeros(2).uniform_(1, 1)
m.zeros(2).uniform_(0, inf)
m.zeros(2).uniform_(-1e39, 1e39)
m.zeros(2).uniform_(to=0)
m.zeros(2).random_(1)
m.zeros(2).random_(5, 6)
m.zeros(2).random_(5, 5)
m.zeros(2).random_(0)
m.zeros(2).random_(-3)
m.zeros(2, dtype=m.uint8).random_(300)
m.zeros(2, dtype=m.uint8).random_(-1, 3)
m.zeros(2, dtype=m.bool).random_().dtype
m.zeros(2, dtype=m.complex64).random_()
m.zeros(2, dtype=m.complex64).normal_().dtype
m.zeros(2).random_(1.5)
m.multinomial(m.tensor([0., 1., 0.]), 1)
m.multinomial(m.tensor([[0., 1.], [1., 0.]]), 3, replacement=True)
m.multinomial(m.tensor([[0., 1.], [1., 0.]]), 3, True)
m.multinomial(m.tensor([0., 1., 0.]), 4)
m.multinomial(m.tensor([0., 1., 0.]), 0)
m.multinomial(m.tensor([0., 0., 0.]), 1)
m.multinomial(m.tensor([[0., 0.], [0., 1.]]), 2, True)
m.multinomial(m.tensor([0., -1, 2]), 1)
m.multinomial(m.tensor([0., nan, 2]), 1)
m.multinomial(m.tensor([0., inf, 2]), 1)
m.multinomial(m.tensor([0, 1]), 1)
m.multinomial(m.tensor(1.), 1)
m.multinomial(m.ones(1, 2, 3), 1)
m.multinomial(m.ones(0), 1)
m.multinomial(m.ones(0, 3), 1)
m.multinomial(m.ones(3), 1.5)
m.multinomial(m.ones(3, requires_grad=True), 1).requires_grad
m.zeros(2, out=m.empty(0))
m.zeros(2, out=m.empty(0, dtype=m.int64))
m.zeros(2, out=m.empty(0, dtype=m.int64), dtype=m.float32)
m.zeros(2, out=m.empty(3))
m.zeros(2, out=m.empty(2), requires_grad=True).requires_grad
m.ones(2, out=m.empty(0, dtype=m.complex64))
m.arange(3, out=m.empty(0))
m.arange(3., out=m.empty(0, dtype=m.int64))
m.arange(3., out=m.empty(0, dtype=m.int64), dtype=m.float32)
m.arange(2, out=m.empty(0, dtype=m.bool))
m.linspace(0, 1, 3, out=m.empty(0, dtype=m.float64))
m.linspace(0, 1, 3, out=m.empty(0, dtype=m.float64), dtype=m.float32)
m.full((2,), 1.5, out=m.empty(0, dtype=m.int64))
m.full((2,), 1.5, out=m.empty(0), dtype=m.float64)
m.eye(2, out=m.empty(0, dtype=m.int64))
m.eye(2, out=m.ones(2, 2))
m.rand(2, out=m.empty(0, dtype=m.float64)).dtype
m.rand(2, out=m.empty(0, dtype=m.int64))
m.randn(2, out=m.empty(0, dtype=m.int64))
m.randint(5, (2,), out=m.empty(0)).dtype
m.randint(0, 10, (2,), out=m.empty(0, dtype=m.int32)).dtype
m.randperm(5, out=m.empty(0)).dtype
m.empty(2, out=m.empty(0, dtype=m.int64)).dtype
m.normal(0., 1., (2,), out=m.empty(0)).dtype
m.normal(m.zeros(2), 1., out=m.empty(2)).dtype
m.multinomial(m.ones(3), 2, out=m.empty(0))
m.multinomial(m.ones(3), 2, out=m.empty(0, dtype=m.int64)).shape
m.bernoulli(m.ones(3), out=m.empty(3, dtype=m.float64))
m.zeros(2, layout=m.strided)
m.zeros(2, layout=m.strided, pin_memory=False)
m.zeros(2, names=None)
m.empty(2, 3, memory_format=m.channels_last)
m.empty(1, 2, 3, 4, memory_format=m.channels_last).stride()
m.empty(3, memory_format=m.preserve_format)
m.zeros_like(m.zeros(1, 2, 3, 4), memory_format=m.channels_last).stride()
m.zeros_like(m.zeros(3, 2).t(), memory_format=m.contiguous_format).stride()
m.zeros_like(m.zeros(3, 2), memory_format=m.channels_last)
m.rand_like(m.zeros(3, 2).t()).stride()
m.randint_like(m.zeros(3, 2).t(), 5).stride()
m.randint_like(m.zeros(3, 2).t(), m.tensor(5)).stride()
m.randn_like(m.zeros(3, 2).t(), memory_format=m.contiguous_format).stride()
m.asarray([1, 2])
m.asarray(3.5)
m.asarray(None)
m.asarray('a')
m.asarray([1, 2], copy=False)
m.asarray(np.ones(2), dtype=m.float32, copy=False)
m.asarray(x, requires_grad=False).requires_grad
m.asarray(x, copy=False, dtype=m.float64)
m.asarray(x * 2, requires_grad=True).is_leaf
m.asarray(bytearray(4), dtype=m.float32)
m.asarray(bytearray(4))
m.asarray(memoryview(np.ones(2))).dtype
m.asarray(np.float64(2))
m.asarray([m.tensor(1.), 2])
m.asarray(np.ones(2), requires_grad=True)
m.asarray([1, 2], requires_grad=True)
m.logspace(0, 2, 3)
m.logspace(0, 2, 3, 2)
m.logspace(0, 2, 3, dtype=m.int64)
m.logspace(0, 2.5, 4, dtype=m.int64)
m.logspace(0, 2, 1)
m.logspace(0, 2, 0)
m.logspace(0, 2, -1)
m.logspace(0, 2, 3, base=-2.)
m.logspace(0, 2, 3, base=0)
m.logspace(0, 1j, 3)
m.logspace(m.tensor(0.), m.tensor(2.), 3)
m.logspace(m.ones(2), 2, 3)
m.logspace(0, 2, 3, dtype=m.bool)
m.logspace(0, 2, 3, base=1j)
m.logspace(0, 2, 3, dtype=m.float16)
m.linspace(m.ones(2), 1, 3)
m.linspace(m.tensor(1), m.tensor(3), 3)
m.linspace(m.tensor(1., dtype=m.float64), m.tensor(3), 3)
m.linspace(m.tensor(1j), 3, 3)
m.linspace(-3.5, 10.7, 4, dtype=m.int64)
m.linspace(-3.5, 10.7, 5, dtype=m.int32)
m.linspace(0, 1, 3, dtype=m.complex64)
m.scalar_tensor(1)
m.scalar_tensor(1j)
m.scalar_tensor(True)
m.scalar_tensor(2, dtype=m.int64)
m.scalar_tensor(2.7, dtype=m.int64)
m.scalar_tensor([1])
m.empty_strided((2, 3), (1, 2)).stride()
m.empty_strided((2, 3), (1,))
m.empty_strided((2, 3), (1, -1))
m.empty_strided((2, 3), (0, 1)).stride()
m.empty_strided((2, 3), (10, 1)).stride()
m.empty_strided((2, 3), (1, 1)).stride()
m.empty_strided((-2, 3), (1, 1))
m.empty_strided((0, 3), (7, 2)).stride()
m.empty_permuted((2, 3, 5), (0, 2, 1)).stride()
m.empty_permuted((2, 3, 5), (0, 2))
m.empty_permuted((2, 3, 5), (0, 2, 2))
m.empty_permuted((2, 3, 5), (0, 2, 7))
x.new_empty_strided((2, 3), (1, 2)).stride()
i.new_empty_strided((2, 3), (1, 2)).dtype
m.frombuffer(bytearray(8), dtype=m.float32)
m.frombuffer(bytearray(8), dtype=m.float32, count=1)
m.frombuffer(bytearray(8), dtype=m.float32, count=3)
m.frombuffer(bytearray(8), dtype=m.float32, offset=4)
m.frombuffer(bytearray(8), dtype=m.float32, offset=3)
m.frombuffer(bytearray(8), dtype=m.float32, offset=8)
m.frombuffer(bytearray(8), dtype=m.float32, count=0)
m.frombuffer(bytearray(0), dtype=m.float32)
m.frombuffer(bytearray(7), dtype=m.float32)
m.frombuffer(bytearray(8), dtype=m.float32, requires_grad=True)
m.frombuffer(bytearray(8))
m.from_dlpack(np.ones(2))
m.from_dlpack(m.ones(2) * 1j)
m.from_dlpack(m.to_dlpack(m.ones(2)))
m.poisson(m.tensor([0., 0.]))
m.poisson(m.tensor([0, 5]))
m.poisson(m.tensor([-1., 5]))
m.poisson(m.tensor([nan]))
m.poisson(x).requires_grad
m.poisson(m.ones(2, dtype=m.float16)).dtype
m.poisson(m.ones(2, dtype=m.complex64))
m.binomial(m.tensor([5., 5]), m.tensor([0., 1.]))
m.binomial(m.tensor([5, 5]), m.tensor([0., 1.]))
m.binomial(m.tensor([5., 5]), m.tensor([1, 0]))
m.binomial(m.tensor([5., 5]), m.tensor([0., 1.], dtype=m.float64))
m.binomial(m.tensor([5., 5]), m.tensor([0., 2.]))
m.binomial(m.tensor([5., -5]), m.tensor([0., 1.]))
m.binomial(m.tensor([5.5, 5]), m.tensor([1, 1.]))
m.binomial(m.tensor([5., 5]), m.tensor(1.))
m.binomial(m.tensor([5., 5]), 0.5)
m.zeros(2).exponential_(0)
m.zeros(2).exponential_(-1)
m.zeros(2, dtype=m.int64).exponential_()
m.zeros(2, dtype=m.complex64).exponential_()
m.zeros(2, dtype=m.float16).exponential_().dtype
m.zeros(2).geometric_(1)
m.zeros(2).geometric_(0)
m.zeros(2).geometric_()
m.zeros(2).geometric_(0.5).dtype
m.zeros(2, dtype=m.int64).geometric_(0.5).dtype
m.zeros(2, dtype=m.bool).geometric_(0.5)
m.zeros(2, dtype=m.complex64).geometric_(0.5)
m.zeros(2).cauchy_(0, 0)
m.zeros(2).cauchy_(0, -1)
m.zeros(2, dtype=m.int64).cauchy_()
m.zeros(2, dtype=m.complex64).cauchy_()
m.zeros(2).log_normal_(0, 0)
m.zeros(2).log_normal_(0, -1)
m.zeros(2, dtype=m.int64).log_normal_()
m.zeros(2, dtype=m.complex64).log_normal_()
x.exponential_()
y.exponential_().requires_grad
m.Generator().manual_seed(3).clone_state().initial_seed()
m.Generator().get_state().dtype
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


@pytest.mark.parametrize("seed", range(20))
def test_sequences_are_those_of_pytorch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        start, length, step = (
            rng.uniform(-10, 10),
            rng.uniform(0, 10),
            rng.uniform(0.01, 3) * rng.choice([-1, 1]),
        )
        if rng.random() < 0.5:
            start, length, step = (
                float(round(start)),
                float(round(length)),
                math.copysign(math.ceil(abs(step)), step),
            )
        end = start + math.copysign(length, step)
        for dtype in ("float32", "float64", "int32"):
            if dtype == "int32" and abs(step) < 1:
                continue
            ours = autotape.arange(start, end, step, dtype=getattr(autotape, dtype)).numpy()
            theirs = torch.arange(start, end, step, dtype=getattr(torch, dtype)).numpy()
            assert ours.shape == theirs.shape, (start, end, step, dtype)
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
        for dtype in ("float32", "float64", "int64"):
            count = int(rng.integers(0, 20))
            ours = autotape.linspace(start, end, count, dtype=getattr(autotape, dtype)).numpy()
            theirs = torch.linspace(start, end, count, dtype=getattr(torch, dtype)).numpy()
            assert ours.shape == theirs.shape
            if dtype != "int64":  # PyTorch computes integer steps in single precision
                np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
