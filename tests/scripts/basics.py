"""What the first chapters of every course show: tensors, NumPy, gradients, functions of one's own."""

import numpy as np
import torch
from torch import nn
from torch.autograd import Function, Variable, grad, gradcheck

x_data = [1.0, 2.0, 3.0]
y_data = [2.0, 4.0, 6.0]
w = Variable(torch.Tensor([1.0]), requires_grad=True)
for epoch in range(10):
    for x_val, y_val in zip(x_data, y_data):
        loss = (x_val * w - y_val) ** 2
        loss.backward()
        w.data = w.data - 0.01 * w.grad.data
        w.grad.data.zero_()
print("predict", "%.3f" % (4 * w).item(), loss.data.numpy().shape, w.data)

x = torch.tensor([[1, 2], [3, 4]])
print(x, x.dtype, x.type(), x.size(), x.float().mean(), x.t(), x @ x, x * x, x.sum(dim=0), x.shape[0])
print(torch.ones(2, 3).new_tensor([1, 2]), torch.Tensor(2, 3).zero_().numel(), torch.arange(0, 1, 0.25))
print(
    torch.linspace(0, 1, 5), torch.eye(2), torch.zeros(1).item(), torch.full((2, 2), 7), torch.empty(0).shape
)
a = np.ones(3)
b = torch.from_numpy(a)
np.add(a, 1, out=a)
b.mul_(2)
print(a, b, b.numpy() is not None, np.asarray(b), torch.as_tensor(a).dtype)
print(
    torch.cat([x, x], 1),
    torch.stack([x, x]).shape,
    x.view(-1),
    x.reshape(1, 4),
    x[:, 1],
    x[x > 2],
    x[-1, ...],
)
print(x.float().std(), torch.max(x.float(), 1), x.float().sort(descending=True), torch.where(x > 2, x, 0))
print(x.float().norm(), x.unsqueeze(0).squeeze().shape, x.permute(1, 0).is_contiguous(), torch.chunk(x, 2, 1))
print(
    torch.allclose(x.float(), x.double().float()), x.tolist(), len(x), bool((x == x).all()), x.numpy().dtype
)
torch.set_printoptions(precision=2, sci_mode=False)
print(torch.tensor([1.23456, 1000.0]), torch.tensor(1e-3))
torch.set_printoptions(profile="default")
for row in x:
    print(row, end=" ")
print(f"{torch.tensor(3.14159):.2f} {torch.tensor(3):5d}", f"{torch.tensor(2.5):.1f}", torch.is_tensor(x))
print(
    isinstance(x, torch.LongTensor), isinstance(x.float(), torch.FloatTensor), x.dtype == torch.long, x.device
)
print(
    torch.finfo(torch.float32).eps, torch.iinfo(torch.int8).max, torch.get_default_dtype(), torch.version.cuda
)


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * grad_output


x = torch.tensor([1.0, 2.0], requires_grad=True)
y = Cube.apply(x).sum()
(g,) = grad(y, x, create_graph=True)
print(
    g,
    grad(g.sum(), x)[0],
    gradcheck(Cube.apply, (x.double().detach().requires_grad_(),)),
    y.grad_fn is not None,
)
z = (x * 2).clamp(min=3)
z.retain_grad()
z.register_hook(lambda g: g * 10)
z.backward(torch.tensor([1.0, 0.5]), retain_graph=True)
print(x.grad, z.grad, z.requires_grad, z.is_leaf, x.detach().requires_grad)
with torch.no_grad():
    x -= 0.1 * x.grad
    x.grad.zero_()
with torch.set_grad_enabled(False):
    print((x * 2).requires_grad, torch.is_grad_enabled())
try:
    y.backward()
    y.backward()
except RuntimeError as error:
    print("twice:", "second time" in str(error))
try:
    torch.ones(2, 3) @ torch.ones(2, 3)
except RuntimeError as error:
    print(str(error).split(" -- ")[0])
try:
    torch.ones(1, device="cuda" if torch.cuda.is_available() else torch.device("cuda", 0))
except (RuntimeError, AssertionError):
    print("no cuda:", torch.cuda.device_count())
net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
print(net, [n for n, p in net.named_parameters()], net[0].weight.shape, list(net.children())[1])
print(
    torch.autograd.functional.jacobian(lambda t: t**2, torch.tensor([1.0, 2.0])),
    torch.einsum("i,j->ij", x.data * 0, x.data),
)
