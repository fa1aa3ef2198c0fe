"""The rows of docs/seeds.md that stem from tinynn: layers, losses, optimizers, data."""

from __future__ import annotations

import math
from typing import Any

import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import datasets, metrics, nn, optim
from autotape.nn.utils import TensorDict
from autotape.scripts import as_torch
from autotape.utils.data import DataLoader, TensorDataset


@pytest.fixture(autouse=True)
def seeded() -> None:
    at.manual_seed(0)


def test_t1_lazy_sizes_and_shapes_in_the_summary() -> None:
    net = nn.Sequential(nn.LazyLinear(5), nn.ReLU(), nn.LazyLinear(3))
    assert net(at.ones(2, 7)).shape == (2, 3)
    assert net[0].in_features == 7
    assert "(2, 5)" in str(nn.utils.summary(net, at.ones(2, 7)))


def test_t2_dense_and_shapes() -> None:
    net = nn.Sequential(nn.Linear(4, 6), nn.Unflatten(1, (2, 3)), nn.Flatten(), nn.Dropout(0.5))
    kept = (net(at.ones(500, 4)) != 0).float().mean().item()
    assert kept == pytest.approx(0.5, abs=0.05)


def test_t3_convolution_and_pooling() -> None:
    x = at.randn(2, 1, 28, 28)
    assert nn.Conv2d(1, 8, 5, padding="same")(x).shape == (2, 8, 28, 28)
    assert nn.Conv2d(1, 8, 5, padding="valid")(x).shape == (2, 8, 24, 24)
    up = nn.ConvTranspose2d(1, 3, 5, stride=2, padding=2, output_padding=1)
    assert up(x[..., :14, :14]).shape == (2, 3, 28, 28)
    assert nn.MaxPool2d(3, padding=1)(-at.ones(1, 1, 4, 4)).max().item() == -1.0


def test_t4_last_state() -> None:
    outputs, h = nn.RNN(28, 30, batch_first=True)(at.randn(2, 5, 28))
    assert at.equal(outputs[:, -1], h[-1])
    assert nn.LSTM(28, 30, batch_first=True)(at.randn(2, 5, 28))[1][0][-1].shape == (2, 30)


def test_t5_batch_norm_is_per_channel() -> None:
    y = nn.BatchNorm2d(3)(5 + at.randn(8, 3, 4, 4))
    assert y.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)


def test_t6_activations() -> None:
    one = at.tensor([1.0, -1.0], dtype=at.float64, requires_grad=True)
    assert nn.GELU()(one)[0].item() == pytest.approx(0.8413447)
    assert nn.LeakyReLU(0.2)(one)[1].item() == -0.2
    assert nn.Sigmoid()(at.tensor(-1000.0)).item() == 0.0
    assert at.autograd.gradcheck(nn.ELU(alpha=1.5), one)


def test_t7_losses() -> None:
    logits, y = at.randn(5, 3), at.tensor([0, 2, 1, 1, 0])
    weight = at.tensor([1.0, 2.0, 3.0])
    hard = F.cross_entropy(logits / 20, y, weight=weight, reduction="sum")
    soft = F.cross_entropy(logits / 20, F.one_hot(y, 3).float(), weight=weight, reduction="sum")
    assert hard.item() == pytest.approx(soft.item(), rel=1e-5)
    target = (y == 1).float()
    weighted = F.binary_cross_entropy_with_logits(logits[:, 0], target, pos_weight=at.tensor(2.0))
    assert weighted.item() > F.binary_cross_entropy_with_logits(logits[:, 0], target).item()
    assert F.huber_loss(at.tensor([3.0]), at.tensor([0.0])).item() == 2.5


@pytest.mark.parametrize("name", ["SGD", "RAdam", "RMSprop", "Adagrad", "Adadelta"])
def test_t8_decoupled_weight_decay_for_any_optimizer(name: str) -> None:
    """One step from the same gradient differs by lr * decay * p alone."""
    moved = []
    for decay in (0.0, 0.1):
        p = at.tensor([2.0, -3.0], requires_grad=True)
        opt = getattr(optim, name)([p], lr=0.5)
        (p * p).sum().backward()
        with at.no_grad():
            p.mul_(1 - 0.5 * decay)
        opt.step()
        moved.append(p.detach())
    assert (moved[0] - moved[1]).tolist() == pytest.approx([0.1, -0.15], rel=1e-4)


def test_t9_schedules() -> None:
    def rates(make: Any, count: int) -> list[float]:
        opt = optim.SGD([at.ones(1, requires_grad=True)], lr=0.1)
        scheduler, found = make(opt), []
        for _ in range(count):
            found.append(opt.param_groups[0]["lr"])
            opt.step()
            scheduler.step()
        return found

    s = optim.lr_scheduler
    assert rates(lambda o: s.StepLR(o, 2, 0.5), 4) == pytest.approx([0.1, 0.1, 0.05, 0.05])
    assert rates(lambda o: s.MultiStepLR(o, [1, 3]), 4) == pytest.approx([0.1, 0.01, 0.01, 0.001])
    decay = rates(lambda o: s.LambdaLR(o, lambda step: math.exp(-step / 2)), 3)
    assert decay == pytest.approx([0.1 * math.exp(-i / 2) for i in range(3)])
    line = rates(lambda o: s.LinearLR(o, 1.0, end_factor=0.2, total_iters=4), 6)
    assert line == pytest.approx([0.1, 0.08, 0.06, 0.04, 0.02, 0.02])
    cycle = rates(lambda o: s.CyclicLR(o, 1e-3, 1e-2, step_size_up=2, cycle_momentum=False), 5)
    assert cycle == pytest.approx([1e-3, 5.5e-3, 1e-2, 5.5e-3, 1e-3])


def test_t10_initial_values() -> None:
    w = at.empty(300, 200)
    assert nn.init.trunc_normal_(w, std=1.0, a=-0.5, b=1.0).min().item() >= -0.5
    assert nn.init.kaiming_normal_(w).std().item() == pytest.approx(math.sqrt(2 / 200), rel=0.02)
    assert nn.init.xavier_uniform_(w).max().item() == pytest.approx(math.sqrt(6 / 500), rel=0.01)
    assert nn.init.constant_(w, 3.0).mean().item() == 3.0


def test_t11_metrics() -> None:
    y, score = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert metrics.roc_auc_score(y, score) == metrics.auc(*metrics.roc_curve(y, score)[:2]) == 0.75
    assert metrics.precision(y, score) == 1.0
    assert metrics.recall(y, score) == 0.5


def test_t12_data() -> None:
    x, y = at.arange(10), at.arange(10) * 2
    at.manual_seed(31)
    first = [a.tolist() for a, _ in DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True)]
    at.manual_seed(31)
    again = [a.tolist() for a, _ in DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True)]
    assert first == again
    assert sorted(i for part in first for i in part) == list(range(10))
    for name in ("MNIST", "FashionMNIST", "CIFAR10", "CIFAR100"):
        assert callable(getattr(datasets, name))


def test_t13_parameter_arithmetic() -> None:
    net = nn.Linear(2, 1)
    net(at.ones(1, 2)).sum().backward()
    grads = TensorDict.gradients(net)
    several = sum([grads, 2 * grads, -grads])
    assert ((several.clip(max=1.5) == 1.5) & (several > 1.0)).all()
    with at.no_grad():
        grads *= 0.5
    assert net.bias.grad is not None
    assert net.bias.grad.tolist() == [0.5]


def test_t14_a_script_for_pytorch() -> None:
    script = """
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
conv = nn.Sequential(nn.Conv2d(1, 6, 5, padding="same"), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
lstm = nn.LSTM(28, 30, batch_first=True)
head = nn.Linear(6 * 14 * 14 + 30, 10)
opt = torch.optim.Adam([*conv.parameters(), *lstm.parameters(), *head.parameters()], lr=1e-3)
x, y = torch.rand(4, 28, 28), torch.tensor([1, 2, 3, 4])
losses = []
for _ in range(3):
    out = head(torch.cat([conv(x[:, None]), lstm(x)[1][0][-1]], 1))
    loss = F.nll_loss(F.log_softmax(out, dim=1), y)
    opt.zero_grad(); loss.backward(); opt.step()
    losses.append(loss.item())
"""
    names: dict[str, Any] = {}
    with as_torch():
        exec(script, names)
    assert names["losses"][2] < names["losses"][0]
    assert names["torch"] is at
