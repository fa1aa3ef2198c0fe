"""Newer corners: autocast, SDPA kernels, func transforms, checkpointing, hooks, parametrizations, EMA, packaging."""

import copy
import warnings

import torch
import torch.backends.cudnn as cudnn
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.parametrize as parametrize
import torch.nn.utils.prune as prune
from torch.amp import GradScaler, autocast
from torch.func import functional_call, grad, jacrev, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.utils import _pair
from torch.nn.parameter import Parameter
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, ReduceLROnPlateau, SequentialLR
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

warnings.simplefilter("ignore")
cudnn.benchmark = True
device = torch.accelerator.current_accelerator().type if torch.accelerator.is_available() else "cpu"
print(
    device,
    dist.is_available() and dist.is_initialized(),
    torch.xpu.is_available(),
    torch.cuda.is_initialized(),
)
print(tuple(int(v) for v in torch.__version__.split("+")[0].split(".")[:2]) >= (1, 12), torch.version.cuda)
major = int(torch.__version__.split(".")[0])
torch.cuda.empty_cache()
print(torch.cuda.memory_allocated(), torch.cuda.max_memory_allocated(), torch.cuda.get_rng_state_all(), major)


@torch.compile(disable=True)
def swiglu(x, y):
    return F.silu(x) * y


@torch.jit.script
def fused(x):
    return x * torch.sigmoid(x)


class Conv(nn.Module):
    def __init__(self, cin, cout, kernel_size):
        super().__init__()
        k = _pair(kernel_size)
        self.weight = Parameter(torch.empty(cout, cin, *k))
        self.norm = nn.BatchNorm2d(cout)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.norm(F.conv2d(x, self.weight, padding="same"))


net = nn.Sequential(Conv(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
print(
    sum(isinstance(m, _BatchNorm) for m in net.modules()),
    [m for m in net.modules() if isinstance(m, nn.Linear)],
)
wrapped = nn.DataParallel(net).to(device)
print(list(wrapped.state_dict())[:2], wrapped.module is net)
shapes = {}
handle = net[0].register_forward_hook(lambda m, i, o: shapes.update(conv=tuple(o.shape)))
optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
scheduler = SequentialLR(
    optimizer, [LinearLR(optimizer, 0.1, total_iters=2), CosineAnnealingLR(optimizer, 4)], [2]
)
scaler = GradScaler(device, enabled=device == "cuda")
ema = AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
lrs = []
for step in range(6):
    x, y = torch.randn(4, 1, 6, 6), torch.tensor([0, 1, 0, 1])
    with autocast(device_type=device, dtype=torch.bfloat16, enabled=False):
        loss = criterion(wrapped(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    lrs.append(round(scheduler.get_last_lr()[0], 4))
    scheduler.step()
    ema.update_parameters(net)
print(lrs, shapes, scaler.get_scale(), int(ema.n_averaged), scaler.is_enabled())
handle.remove()
with sdpa_kernel([SDPBackend.MATH]):
    q = torch.ones(1, 2, 3, 4)
    print(F.scaled_dot_product_attention(q, q, q).shape)
layer = nn.Linear(3, 3)
x = torch.randn(2, 3, requires_grad=True)
checkpoint(layer, x, use_reentrant=False).sum().backward()
print(
    x.grad.shape, copy.deepcopy(layer).weight.grad is None, fused(torch.zeros(1)), swiglu(torch.zeros(1), 1)
)
params = {k: v.detach() for k, v in layer.named_parameters()}


def compute_loss(params, sample, target):
    return F.mse_loss(functional_call(layer, params, (sample.unsqueeze(0),)), target.unsqueeze(0))


per_sample = vmap(grad(compute_loss), in_dims=(None, 0, 0))(params, torch.randn(5, 3), torch.randn(5, 3))
print({k: tuple(v.shape) for k, v in per_sample.items()}, jacrev(torch.sin)(torch.zeros(2)))
prune.l1_unstructured(layer, "weight", amount=0.3)
print(int((layer.weight == 0).sum()), [n for n, _ in layer.named_buffers()])
prune.remove(layer, "weight")


class Symmetric(nn.Module):
    def forward(self, X):
        return X.triu() + X.triu(1).transpose(-1, -2)


parametrize.register_parametrization(layer, "weight", Symmetric())
print(torch.equal(layer.weight, layer.weight.T), parametrize.is_parametrized(layer))
spectral = nn.utils.spectral_norm(nn.Linear(2, 2))
weighted = nn.utils.weight_norm(nn.Linear(2, 2), name="weight")
print([n for n, _ in weighted.named_parameters()], hasattr(spectral, "weight_orig"))
embedding = nn.Embedding.from_pretrained(torch.eye(3), freeze=True)
print(embedding(torch.tensor([2])), embedding.weight.requires_grad)
encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
mask = nn.Transformer.generate_square_subsequent_mask(5)
print(encoder(torch.randn(3, 5, 8), mask=mask).shape, mask[0, 1].item())
plateau = ReduceLROnPlateau(optimizer, "min", factor=0.5, patience=0)
plateau.step(1.0), plateau.step(1.0)
print(
    optimizer.param_groups[0]["lr"] < lrs[-1] or True, torch.get_num_threads() > 0, torch.initial_seed() >= 0
)
with torch.random.fork_rng():
    torch.manual_seed(5)
    first = torch.rand(1)
print(torch.equal(first, torch.rand(1)), torch.Generator().manual_seed(1).initial_seed())
with torch.inference_mode(), torch.device("cpu"):
    print(net(torch.ones(1, 1, 6, 6)).requires_grad)
