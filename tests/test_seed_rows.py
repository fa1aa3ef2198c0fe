"""docs/seeds.md: every row is there once, what it says to try runs, and a test here proves the capability."""

from __future__ import annotations

import io
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import dataflow as df
from autotape import datasets, metrics, nn, optim
from autotape.training import Trainer

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "seeds.md").read_text(encoding="utf-8")
LISTED = [
    f"{kind}{i + 1}" for kind, count in (("P", 22), ("D", 8), ("T", 14), ("E", 10)) for i in range(count)
]
ROWS = {m[1]: m[0].split(" | ") for m in re.finditer(r"^\| ([A-Z]\d+) \|.*\|$", PAGE, re.MULTILINE)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    at.manual_seed(0)


# --- the page -----------------------------------------------------------------------------------------------


def test_the_page_lists_every_row_once() -> None:
    assert re.findall(r"^\| ([A-Z]\d+) \|", PAGE, re.MULTILINE) == LISTED
    assert all(len(row) == 4 for row in ROWS.values())


def test_every_row_has_its_test() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_seed_rows*.py")]
    rows = {row.upper() for row in re.findall(r"^def test_([pdt]\d+)_", "".join(texts), re.MULTILINE)}
    assert rows == {row for row in LISTED if row[0] != "E"}


@pytest.mark.parametrize("row", LISTED)
def test_what_the_page_says_to_try_works(row: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, where, attempt = ROWS[row]
    for name in re.findall(r"`(?:examples/)?(\w+\.py)`", where):
        assert (ROOT / "examples" / name).is_file(), name
    first = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert first is not None
    names: dict[str, Any] = {}
    exec(first[1], names)
    pieces = re.findall(r"`([^`]+)`", attempt)
    assert pieces
    for piece in pieces:
        if piece.startswith("python "):
            assert (ROOT / piece.split()[1]).is_file(), piece
        else:
            exec(piece, names)


# --- pytensor -----------------------------------------------------------------------------------------------


def test_p1_tensor() -> None:
    w = nn.Parameter(at.tensor([1.0, 2.0]))
    (w * w).sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [2.0, 4.0]
    assert w.dtype is at.float32
    assert w.reshape(2, 1).shape == (2, 1)
    assert repr(w) == "Parameter containing:\ntensor([1., 2.], requires_grad=True)"


def test_p2_integer_tensor() -> None:
    ids = at.tensor([1, 2], dtype=at.int32)
    assert ids.dtype is at.int32
    with pytest.raises(RuntimeError, match="floating"):
        ids.requires_grad_()


def test_p3_parameter_store() -> None:
    store = nn.ParameterStore()
    w = store.get("affine.weight", (64, 10))
    assert store.get("affine.weight", (64, 10)) is w
    assert list(store.state_dict()) == ["affine.weight"]


def test_p4_touched_rows_alone_are_updated_and_once() -> None:
    embedding = nn.Embedding(6, 2)
    before = embedding.weight.detach().clone()
    embedding(at.tensor([4, 1, 4])).sum().backward()
    optim.SGD(embedding.parameters(), lr=0.5).step()
    moved = (before - embedding.weight.detach())[:, 0]
    assert moved.tolist() == pytest.approx([0, 0.5, 0, 0, 1.0, 0], abs=1e-6)


def test_p5_save_and_load() -> None:
    net, other = nn.Linear(3, 2), nn.Linear(3, 2)
    file = io.BytesIO()
    at.save(net.state_dict(), file)
    file.seek(0)
    other.load_state_dict(at.load(file))
    assert at.equal(net.weight, other.weight)


def test_p6_graph() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)).eval()
    with at.Tape() as tape, at.no_grad():
        net(at.ones(1, 2))
    assert len(tape) == 0
    with at.Tape() as tape:
        net(at.ones(1, 2)).sum().backward()
    assert tape[0].operation.name in str(tape)
    assert net[0].weight.grad is not None


def test_p7_an_operation_of_ones_own() -> None:
    class Cube(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 3 * ctx.saved_tensors[0] ** 2 * g

    x = at.tensor([1.0, 2.0], dtype=at.float64, requires_grad=True)
    assert at.autograd.gradcheck(Cube.apply, x)


def test_p8_math_operations_broadcast() -> None:
    a, b = at.ones(3, 1, requires_grad=True), at.ones(2, requires_grad=True)
    (a * b + (a @ b.reshape(1, 2)).relu().sigmoid().tanh()).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad.shape, b.grad.shape) == ((3, 1), (2,))


def test_p9_stacking_with_gradients() -> None:
    a, b = at.ones(2, 1, requires_grad=True), at.ones(2, 1, requires_grad=True)
    (at.hstack([a, b]) @ at.tensor([[1.0], [5.0]])).sum().backward()
    at.vstack([a, b])[:2].sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad[0].item(), b.grad[0].item()) == (2.0, 5.0)


def test_p10_losses_in_bits_and_half_squares() -> None:
    logits, y = at.zeros(3, 8), at.tensor([0, 1, 2])
    assert (F.cross_entropy(logits, y, reduction="sum") / math.log(2)).item() == pytest.approx(9.0)
    half = 0.5 * F.mse_loss(at.tensor([1.0, 4.0]), at.tensor([0.0, 2.0]), reduction="sum")
    assert half.item() == 2.5


def test_p11_functions() -> None:
    x = at.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    assert at.heaviside(x.detach(), at.tensor(0.0)).tolist() == [0.0, 0.0, 1.0]
    x.relu().sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.0, 1.0]
    assert at.softmax(x, 0).sum().item() == pytest.approx(1.0)


def test_p12_rnn_shares_its_weights_over_time() -> None:
    rnn, cell = nn.RNN(3, 4), nn.RNNCell(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in rnn.state_dict().items()})
    x, h = at.randn(7, 2, 3), at.zeros(2, 4)
    for step in x:
        h = cell(step, h)
    np.testing.assert_allclose(rnn(x)[1][0].detach().numpy(), h.detach().numpy(), atol=1e-6)


def test_p13_lstm_with_a_forget_bias_of_one() -> None:
    cell = nn.LSTMCell(3, 4)
    with at.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.bias_ih[4:8] = 1.0
    _, c = cell(at.zeros(1, 3), (at.zeros(1, 4), at.ones(1, 4)))
    assert c[0].tolist() == pytest.approx([1 / (1 + math.exp(-1))] * 4)


def test_p14_embedding() -> None:
    fixed = nn.Embedding.from_pretrained(at.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert fixed(at.tensor([[1, 0]])).tolist() == [[[3.0, 4.0], [1.0, 2.0]]]
    assert not fixed.weight.requires_grad


def test_p15_what_is_not_trained_stays() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    before = [p.detach().clone() for p in net.parameters()]
    net(at.ones(1, 2)).sum().backward()
    optim.SGD(net.parameters(), lr=0.01).step()
    assert [at.equal(a, b) for a, b in zip(before, net.parameters())] == [True, True, False, False]


def test_p16_trainer() -> None:
    train, test = datasets.digits()
    model = nn.Linear(64, 10)
    trainer = Trainer(model, F.cross_entropy, optim.SGD(model.parameters(), lr=0.1), progress=False)
    rows = trainer.fit(train, epochs=8, validation=test, metrics={"accuracy": metrics.Accuracy()})
    assert rows[-1]["val_accuracy"] > 0.9
    words = metrics.Perplexity()
    words.update(at.zeros(4, 16), [1, 2, 3, 4])
    assert words.compute() == pytest.approx(2 ** words.cross_entropy(base=2)) == pytest.approx(16.0)


def test_p17_a_language_model_shares_its_output_layer_over_time() -> None:
    embedding, rnn, out = nn.Embedding(9, 5), nn.LSTM(5, 6), nn.Linear(6, 9)
    tokens = at.tensor([[1], [2], [3]])
    logits = out(rnn(embedding(tokens[:-1]))[0])
    F.cross_entropy(logits.flatten(0, 1), tokens[1:].flatten()).backward()
    assert logits.shape == (2, 1, 9)
    assert all(p.grad is not None for part in (embedding, rnn, out) for p in part.parameters())


def test_p18_data() -> None:
    (x_train, _), (x_test, _) = datasets.digits()
    assert (len(x_train), len(x_test), x_train.max().item()) == (1347, 450, 1.0)
    x, y = datasets.toy_sequence(500, noise=0.1)
    assert ((y - x @ at.tensor([[2.0], [3.0]])) ** 2).mean().item() == pytest.approx(0.01, rel=0.3)


def test_p19_vocabulary() -> None:
    v = datasets.Vocabulary(max_size=4, specials=("<unk>", "<s>"), stop_words=["the"])
    v.update(re.findall(r"\w+", "the cat saw a cat, the cat saw"))
    v.sort()
    assert v.words == ["<unk>", "<s>", "cat", "saw"]
    assert v.decode(v.encode(["saw", "bird"])) == ["saw", "<unk>"]


@pytest.mark.parametrize("kind", ["linear", "mlp", "rnn", "lstm"])
def test_p20_gradient_check(kind: str) -> None:
    if kind in ("linear", "mlp"):
        hidden = [nn.Linear(64, 30), nn.Sigmoid(), nn.Linear(30, 10)]
        net = nn.Sequential(*hidden) if kind == "mlp" else nn.Linear(64, 10)
        inputs, target = at.randn(1, 64, dtype=at.float64), at.tensor([3])
    else:
        net = nn.ModuleList([nn.Embedding(10, 5), getattr(nn, kind.upper())(5, 5), nn.Linear(5, 10)])
        inputs, target = at.randint(10, (10,)), at.randint(10, (10,))
    net.double()

    def loss(*parameters: at.Tensor) -> at.Tensor:
        x: Any = inputs
        given = dict(zip(names, parameters))
        if not isinstance(net, nn.ModuleList):
            return F.cross_entropy(at.func.functional_call(net, given, x), target)
        for i, layer in enumerate(net):
            part = {n[2:]: p for n, p in given.items() if n.startswith(f"{i}.")}
            x = at.func.functional_call(layer, part, x)
            x = x[0] if isinstance(x, tuple) else x
        return F.cross_entropy(x, target)

    names = [name for name, _ in net.named_parameters()]
    assert at.autograd.gradcheck(loss, tuple(net.parameters()), fast_mode=True)


def test_p21_ctc() -> None:
    """The probability of a label is the sum over the paths that collapse to it: five of three frames."""
    logs = at.randn(3, 1, 3, dtype=at.float64).log_softmax(2).requires_grad_()
    loss = F.ctc_loss(logs, at.tensor([[1, 2]]), [3], [2], reduction="sum")
    p = logs.detach().exp()[:, 0].numpy()
    paths = [(1, 2, 0), (1, 0, 2), (0, 1, 2), (1, 1, 2), (1, 2, 2)]
    assert loss.item() == pytest.approx(-math.log(sum(np.prod(p[range(3), path]) for path in paths)))
    loss.backward()
    assert logs.grad is not None


def test_p22_digits_with_a_linear_model_one_sample_a_step() -> None:
    """Published: 0.8933 after the first epoch."""
    (x, y), (x_test, y_test) = datasets.digits()
    model = nn.Linear(64, 10)
    opt = optim.SGD(model.parameters(), lr=0.01)
    for i in range(len(x)):
        opt.zero_grad()
        F.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        opt.step()
    assert metrics.accuracy(y_test, model(x_test)) > 0.85


# --- the computation trees ----------------------------------------------------------------------------------


def tree(optimizer: Any = None) -> df.Network:
    a = df.relu("a", df.matmul("z1", df.placeholder("x", (None, 4)), df.variable("w1", (4, 4))))
    b = df.relu("b", df.matmul("z2", a, df.variable("w2", (4, 4))))
    return df.Network(
        df.softmax("p", df.matmul("z3", df.add("skip", a, b), df.variable("w3", (4, 3)))), optimizer
    )


def test_d1_named_nodes() -> None:
    w = df.Network(df.variable("w", (200, 300))).variables["w"]
    assert w.std().item() == pytest.approx(math.sqrt(2 / 200), rel=0.02)
    assert tree().predict("p", {"x": at.ones(2, 4)}).sum(1).tolist() == pytest.approx([1.0, 1.0])


def test_d2_lowering() -> None:
    net = tree()
    assert list(net.nodes) == ["x", "w1", "z1", "a", "w2", "z2", "b", "skip", "w3", "z3", "p"]
    assert [p.name for p in net.nodes["skip"].parents] == ["a", "b"]
    assert list(net.variables) == ["w1", "w2", "w3"]


def test_d3_network_learns_through_its_skip_connection() -> None:
    net, x = tree(partial(optim.Adam, lr=0.05)), at.randn(30, 4)
    y = x[:, :3].argmax(1)
    losses = [net.fit("p", y, {"x": x}) for _ in range(100)]
    assert losses[-1] < 0.3 * losses[0]


def test_d4_computations_of_ones_own() -> None:
    score = df.node("score", lambda x: (x - x.mean()) / x.std(), df.placeholder("x"))
    value = df.Network(score).predict("score", {"x": at.randn(50)})
    assert (value.mean().item(), value.std().item()) == pytest.approx((0, 1), abs=1e-6)
    assert at.logsumexp(at.tensor([1000.0, 1000.0]), 0).item() == pytest.approx(1000 + math.log(2))


def test_d5_adam_moments_start_at_zero() -> None:
    p = at.ones(1, requires_grad=True)
    opt = optim.Adam([p], lr=0.001, betas=(0.9, 0.999), eps=1e-7)
    (3 * p).sum().backward()
    opt.step()
    assert opt.state[p]["exp_avg"].item() == pytest.approx(0.3)
    assert p.item() == pytest.approx(0.999)


def test_d6_mnist_with_a_skip_connection_has_its_example() -> None:
    assert "784-512-128-128-128-10" in (ROOT / "examples/mnist_skip.py").read_text()


def test_d7_spiral() -> None:
    x, y = datasets.spiral(points=50, classes=3)
    assert x.shape == (150, 2)
    assert y.bincount().tolist() == [50, 50, 50]


def test_d8_dot() -> None:
    text = tree().to_dot()
    assert '"a" -> "skip"' in text
    assert '"b" -> "skip"' in text
