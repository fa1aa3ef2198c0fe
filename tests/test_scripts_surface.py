"""What scripts say to devices, compilers, other processes: harmless calls work, others raise by name."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.left_out import LeftOut
from autotape.utils.tensorboard import SummaryWriter, _crc32c

NO, ZERO, NOTHING = False, 0, None

ANSWERS: list[tuple[str, Any]] = [
    ("cuda.is_available()", NO),
    ("cuda.is_initialized()", NO),
    ("cuda.is_bf16_supported()", NO),
    ("cuda.device_count()", ZERO),
    ("cuda.synchronize()", NOTHING),
    ("cuda.synchronize(0)", NOTHING),
    ("cuda.empty_cache()", NOTHING),
    ("cuda.ipc_collect()", NOTHING),
    ("cuda.manual_seed(1)", NOTHING),
    ("cuda.manual_seed_all(1)", NOTHING),
    ("cuda.seed_all()", NOTHING),
    ("cuda.set_device(-1)", NOTHING),
    ("cuda.memory_allocated()", ZERO),
    ("cuda.max_memory_allocated('cuda:0')", ZERO),
    ("cuda.memory_reserved()", ZERO),
    ("cuda.max_memory_reserved()", ZERO),
    ("cuda.memory_cached()", ZERO),
    ("cuda.reset_peak_memory_stats()", NOTHING),
    ("cuda.reset_max_memory_allocated()", NOTHING),
    ("cuda.get_rng_state_all()", []),
    ("cuda.set_rng_state_all([])", NOTHING),
    ("cuda.get_arch_list()", []),
    ("isinstance(ones(1), cuda.FloatTensor)", NO),
    ("isinstance(ones(1), FloatTensor)", True),
    ("accelerator.is_available()", NO),
    ("accelerator.current_accelerator()", NOTHING),
    ("accelerator.device_count()", ZERO),
    ("accelerator.synchronize()", NOTHING),
    ("accelerator.empty_cache()", NOTHING),
    ("mps.is_available()", NO),
    ("mps.manual_seed(1)", NOTHING),
    ("mps.empty_cache()", NOTHING),
    ("xpu.is_available()", NO),
    ("xpu.device_count()", ZERO),
    ("xpu.manual_seed_all(1)", NOTHING),
    ("backends.mps.is_available()", NO),
    ("backends.mps.is_built()", NO),
    ("backends.cuda.is_built()", NO),
    ("backends.cudnn.is_available()", NO),
    ("backends.cudnn.version()", NOTHING),
    ("backends.cudnn.is_acceptable(ones(1))", NO),
    ("backends.mkl.is_available()", NO),
    ("backends.cuda.flash_sdp_enabled()", NO),
    ("backends.cuda.enable_flash_sdp(True)", NOTHING),
    ("backends.cuda.math_sdp_enabled()", True),
    ("distributed.is_available()", NO),
    ("distributed.is_initialized()", NO),
    ("jit.is_scripting()", NO),
    ("jit.is_tracing()", NO),
    ("jit.annotate(int, 3)", 3),
    ("compiler.is_compiling()", NO),
    ("compiler.reset()", NOTHING),
    ("onnx.is_in_onnx_export()", NO),
    ("amp.is_autocast_available('cuda')", NO),
    ("version.cuda", NOTHING),
    ("version.hip", NOTHING),
    ("set_flush_denormal(True)", NO),
    ("get_float32_matmul_precision()", "highest"),
    ("multiprocessing.set_sharing_strategy('file_system')", NOTHING),
    ("nn.Linear(1, 1).compile(fullgraph=True)", NOTHING),
    ("device('cuda', 1).index", 1),
]  # fmt: skip

RAISES: list[tuple[str, type[Exception], str]] = [
    ("cuda.current_device()", RuntimeError, "No CUDA device"),
    ("cuda.set_device(0)", RuntimeError, "No CUDA device"),
    ("cuda.set_device('cuda:0')", RuntimeError, "No CUDA device"),
    ("cuda.get_device_name(0)", RuntimeError, "No CUDA device"),
    ("cuda.get_device_properties(0)", RuntimeError, "No CUDA device"),
    ("cuda.get_device_capability()", RuntimeError, "No CUDA device"),
    ("cuda.mem_get_info()", RuntimeError, "No CUDA device"),
    ("cuda.current_stream()", RuntimeError, "No CUDA device"),
    ("cuda.Stream()", RuntimeError, "No CUDA device"),
    ("cuda.Event(enable_timing=True)", RuntimeError, "perf_counter"),
    ("cuda.device(0).__enter__()", RuntimeError, "No CUDA device"),
    ("cuda.set_rng_state_all([1])", RuntimeError, "No CUDA device"),
    ("cuda.FloatTensor(2)", TypeError, "cuda.FloatTensor not available"),
    ("cuda.CUDAGraph", LeftOut, "cuda.CUDAGraph is left out"),
    ("cuda.synchronise", AttributeError, "did you mean 'synchronize'"),
    ("set_default_tensor_type('torch.cuda.FloatTensor')", TypeError, "not available"),
    ("set_default_tensor_type(3)", TypeError, "not available"),
    ("ones(1).cuda()", RuntimeError, "CPU only"),
    ("ones(1).pin_memory()", LeftOut, "pin_memory is left out"),
    ("nn.Linear(1, 1).cuda()", RuntimeError, "CPU only"),
    ("zeros(1, device='cuda')", RuntimeError, "CPU only"),
    ("accelerator.current_device_index()", RuntimeError, "No accelerator"),
    ("accelerator.set_device_index(0)", RuntimeError, "No accelerator"),
    ("distributed.init_process_group('nccl')", LeftOut, "init_process_group is left out: .* one process"),
    ("distributed.get_rank()", LeftOut, "get_rank is left out"),
    ("distributed.all_reduce(ones(1))", LeftOut, "all_reduce is left out"),
    ("distributed.anything", LeftOut, "anything is left out"),
    ("hub.load('pytorch/vision', 'resnet18')", LeftOut, "hub.load is left out"),
    ("hub.load_state_dict_from_url('u')", LeftOut, "load_state_dict_from_url is left out"),
    ("utils.model_zoo.load_url('u')", LeftOut, "left out"),
    ("models.resnet18(weights='DEFAULT')", LeftOut, "models.resnet18 is left out"),
    ("onnx.export(nn.Linear(1, 1), ones(1), 'm.onnx')", LeftOut, "onnx.export is left out"),
    ("jit.save(nn.Linear(1, 1), 'm.pt')", LeftOut, "jit.save is left out"),
    ("jit.load('m.pt')", LeftOut, "jit.load is left out"),
    ("serialization.add_safe_globals([])", LeftOut, "add_safe_globals is left out"),
    ("autocast('nothing')", RuntimeError, "Expected one of"),
    ("autocast(device('cpu'))", ValueError, "type `str`"),
    ("nn.attention.sdpa_kernel(3)", TypeError, "int"),
    ("nn.attention.sdpa_kernel([3])", TypeError, "SDPBackend"),
]  # fmt: skip

ROOT = {name: getattr(at, name) for name in at.__all__}


@pytest.mark.parametrize(("call", "answer"), ANSWERS, ids=lambda x: str(x)[:40])
def test_harmless_call(call: str, answer: Any) -> None:
    got = eval(call, ROOT)
    assert got == answer
    assert type(got) is type(answer)


@pytest.mark.parametrize(("call", "error", "message"), RAISES, ids=lambda x: str(x)[:40])
def test_what_cannot_be_done_raises_by_name(call: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        eval(call, ROOT)


def test_contexts_of_devices_that_change_nothing() -> None:
    with at.cuda.device(None), at.cuda.device(-1), at.cuda.stream(None), at.device("cpu"):
        assert at.ones(1).device == at.device("cpu")
    with pytest.raises(RuntimeError, match="CPU only"), at.device("cuda"):
        pass
    with pytest.raises(RuntimeError, match="No CUDA device"):
        at.cuda.stream(1)  # type: ignore[arg-type]


def test_switches_are_remembered() -> None:
    cudnn = at.backends.cudnn
    before = cudnn.enabled, cudnn.benchmark
    with cudnn.flags(enabled=False, benchmark=True):
        assert (cudnn.enabled, cudnn.benchmark) == (False, True)
    assert (cudnn.enabled, cudnn.benchmark) == before
    with pytest.warns(UserWarning, match="'highest', 'high', or 'medium'"):
        at.set_float32_matmul_precision("x")
    at.set_float32_matmul_precision("high")
    try:
        assert at.get_float32_matmul_precision() == "high"
    finally:
        at.set_float32_matmul_precision("highest")


def test_default_tensor_type() -> None:
    try:
        at.set_default_tensor_type("torch.DoubleTensor")
        assert at.ones(1).dtype is at.float64
        at.set_default_tensor_type(at.HalfTensor)
        assert at.get_default_dtype() is at.float16
    finally:
        at.set_default_tensor_type(at.FloatTensor)
    assert at.ones(1).dtype is at.float32


def test_decorators_that_change_nothing() -> None:
    def f(x: int) -> int:
        return x + 1

    for decorate in (at.jit.script, at.jit.ignore, at.jit.ignore(drop=True), at.jit.unused, at.jit.export,
                     at.compiler.disable, at.compiler.disable(recursive=False), at.compiler.allow_in_graph,
                     at.amp.custom_fwd, at.amp.custom_fwd(cast_inputs=at.float32), at.amp.custom_bwd,
                     at.amp.custom_bwd(device_type="cuda")):  # fmt: skip
        assert decorate(f) is f
    net = nn.Linear(1, 1)
    assert at.jit.trace(net, at.ones(1)) is net
    assert not isinstance(net, at.jit.ScriptModule)
    assert at.autocast("cpu", enabled=False)(f)(1) == 2


def test_autocast_of_a_device_that_is_not_there_warns() -> None:
    with pytest.warns(UserWarning, match="CUDA is not available. Disabling"):
        at.autocast("cuda")
    with pytest.warns(UserWarning, match="CUDA is not available. Disabling"):
        at.cuda.amp.autocast()
    with at.autocast("cuda", enabled=False) as context:
        assert context.fast_dtype is at.float16
        assert (at.ones(2, 2) @ at.ones(2, 2)).dtype is at.float32


# --- GradScaler ---------------------------------------------------------------------------------------------


def parameter_with_gradient(grad: float) -> tuple[at.Tensor, Any]:
    w = at.ones(2, requires_grad=True)
    w.grad = at.full((2,), grad)
    return w, at.optim.SGD([w], lr=1.0)


def test_scaler_unscales_before_the_step_and_grows() -> None:
    scaler = at.GradScaler("cpu", init_scale=4.0, growth_interval=2)
    for scale_after in (4.0, 8.0):
        w, optimizer = parameter_with_gradient(2.0)
        scaler.unscale_(optimizer)
        assert w.grad is not None
        assert w.grad.tolist() == [0.5, 0.5]
        scaler.step(optimizer)
        scaler.update()
        assert w.tolist() == [0.5, 0.5]
        assert scaler.get_scale() == scale_after


def test_scaler_leaves_a_step_out_after_infinity() -> None:
    scaler = at.GradScaler("cpu", init_scale=4.0)
    w, optimizer = parameter_with_gradient(float("inf"))
    scaler.step(optimizer)
    scaler.update()
    assert w.tolist() == [1.0, 1.0]
    assert scaler.get_scale() == 2.0


def test_scaler_refuses_calls_out_of_order() -> None:
    scaler = at.GradScaler("cpu")
    _, optimizer = parameter_with_gradient(1.0)
    with pytest.raises(RuntimeError, match="No inf checks"):
        scaler.update()
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="already been called"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match="Closure"):
        scaler.step(optimizer, closure=lambda: 1)
    scaler.update(8.0)
    assert scaler.get_scale() == 8.0


def test_scaler_of_a_device_that_is_not_there_is_disabled() -> None:
    for make in (at.GradScaler, at.cuda.amp.GradScaler):
        with pytest.warns(UserWarning, match="CUDA is not available. Disabling"):
            scaler = make()
        assert not scaler.is_enabled()
        assert (scaler.get_scale(), scaler.state_dict()) == (1.0, {})
        x = at.ones(1)
        assert scaler.scale(x) is x
        w, optimizer = parameter_with_gradient(1.0)
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        assert w.tolist() == [0.0, 0.0]
    assert not at.cuda.amp.GradScaler(enabled=False).is_enabled()


def test_state_of_a_scaler() -> None:
    scaler = at.GradScaler("cpu", init_scale=2.0)
    other = at.GradScaler("cpu")
    other.load_state_dict(scaler.state_dict())
    assert other.state_dict() == scaler.state_dict()
    with pytest.raises(RuntimeError, match="empty"):
        other.load_state_dict({})
    assert [t.item() for t in scaler.scale([at.tensor(1.0), at.tensor(2.0)])] == [2.0, 4.0]
    for wrong in ({"growth_factor": 1.0}, {"backoff_factor": 1.0}):
        with pytest.raises(ValueError, match="factor must be"):
            at.GradScaler("cpu", **wrong)  # type: ignore[arg-type]


# --- wrappers and paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", [nn.DataParallel, nn.parallel.DistributedDataParallel])
def test_wrapper_for_one_process(wrapper: type[Any]) -> None:
    inner = nn.Linear(2, 1)
    net = wrapper(inner, device_ids=[0])
    assert net.module is inner
    assert list(net.state_dict()) == ["module.weight", "module.bias"]
    x = at.ones(3, 2)
    assert at.equal(net(x), inner(x))
    net.load_state_dict({f"module.{k}": v * 0 for k, v in inner.state_dict().items()})
    assert not inner.weight.any()
    assert at.equal(nn.parallel.data_parallel(inner, x), inner(x))
    assert at.equal(nn.parallel.data_parallel(inner, (x,)), inner(x))


def test_paths_of_modules() -> None:
    from autotape.nn.modules import Conv2d
    from autotape.nn.modules.batchnorm import _BatchNorm  # type: ignore[import-not-found]
    from autotape.nn.modules.loss import _Loss  # type: ignore[import-not-found]
    from autotape.nn.modules.module import Module  # type: ignore[import-not-found]
    from autotape.nn.modules.rnn import LSTM  # type: ignore[import-not-found]
    from autotape.nn.modules.utils import _ntuple, _single, _triple  # type: ignore[import-not-found]

    assert Conv2d is nn.Conv2d
    assert Module is nn.Module
    assert LSTM is nn.LSTM
    assert issubclass(nn.BatchNorm2d, _BatchNorm)
    assert issubclass(nn.CrossEntropyLoss, _Loss)
    assert (_single(2), _triple((1, 2, 3)), _ntuple(2)("ab")) == ((2,), (1, 2, 3), ("a", "b"))


def test_names_of_older_scripts() -> None:
    from autotape.optim.lr_scheduler import LRScheduler, _LRScheduler

    assert _LRScheduler is LRScheduler
    with pytest.warns(
        FutureWarning, match="xavier_uniform is now deprecated in favor of nn.init.xavier_uniform_"
    ):
        nn.init.xavier_uniform(at.empty(2, 2))
    w = at.ones(2, requires_grad=True)
    w.grad = at.tensor([3.0, 4.0])
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        assert nn.utils.clip_grad_norm([w], 1.0).item() == 5.0
    with pytest.warns(UserWarning, match="volatile was removed"):
        at.autograd.Variable(at.ones(1), volatile=True)
    x: Any = at.ones(2, dtype=at.int64)
    assert x.new([3]).dtype is at.int64
    assert x.new(2, 3).shape == (2, 3)
    assert x.new(x).data_ptr() == x.data_ptr()
    assert x.new().shape == (0,)
    seen: list[Any] = []
    net = nn.Linear(2, 1)
    net.register_backward_hook(lambda module, gi, go: seen.append(go[0].shape))
    net(at.ones(3, 2, requires_grad=True)).sum().backward()
    assert seen == [(3, 1)]


NUMBER_FIRST = [
    (lambda x, y: x.clone().add_(0.5, y), lambda x, y: x + 0.5 * y),
    (lambda x, y: at.add(x, 2, y), lambda x, y: x + 2 * y),
    (lambda x, y: x.sub(0.5, y), lambda x, y: x - 0.5 * y),
    (lambda x, y: x.clone().addcmul_(0.5, x, y), lambda x, y: x + 0.5 * x * y),
    (lambda x, y: x.clone().addcdiv_(-0.5, x, y), lambda x, y: x - 0.5 * x / y),
]


@pytest.mark.parametrize(("older", "formula"), NUMBER_FIRST)
def test_number_before_the_tensors(older: Any, formula: Any) -> None:
    x, y = at.tensor([1.0, 2.0], dtype=at.float64), at.tensor([3.0, 5.0], dtype=at.float64)
    with pytest.warns(FutureWarning, match="older form"):
        got = older(x, y)
    assert at.allclose(got, formula(x, y))
    with pytest.raises(TypeError, match="positional"):
        at.add(x, 2, y, y)


def test_option_that_an_optimizer_of_ones_own_requires() -> None:
    from autotape.optim.optimizer import Optimizer, required

    w = at.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        Optimizer([w], {"lr": required})
    assert Optimizer([{"params": [w], "lr": 1.0}], {"lr": required}).param_groups[0]["lr"] == 1.0


# --- pictures and event files -------------------------------------------------------------------------------


def unpacked(data: bytes) -> np.ndarray[Any, Any]:
    """The pixels of a PNG file as written here."""
    width, height = struct.unpack(">II", data[16:24])
    at_idat = data.index(b"IDAT")
    (length,) = struct.unpack(">I", data[at_idat - 4 : at_idat])
    rows = np.frombuffer(zlib.decompress(data[at_idat + 4 : at_idat + 4 + length]), np.uint8)
    return rows.reshape(height, -1)[:, 1:].reshape(height, width, -1)


def test_picture_of_several_images(tmp_path: Path) -> None:
    images = at.arange(12.0).reshape(3, 1, 2, 2) / 11
    grid = at.utils.make_grid(images, nrow=2, padding=1, pad_value=0.5)
    assert grid.shape == (3, 7, 7)
    assert at.equal(grid[0, 1:3, 4:6], images[1, 0])
    assert grid[0, 0, 0] == 0.5
    at.utils.save_image(images, tmp_path / "a.png", nrow=2, padding=1)
    pixels = unpacked((tmp_path / "a.png").read_bytes())
    assert pixels.shape == (7, 7, 3)
    assert pixels[4:6, 1:3, 2].ravel().tolist() == [185, 209, 232, 255]
    scaled = at.utils.make_grid(at.tensor([[[-1.0, 3.0]]]), normalize=True)
    assert scaled[1].tolist() == [[0.0, 1.0]]
    with pytest.raises(ValueError, match="'jpg'"):
        at.utils.save_image(images, tmp_path / "a.jpg")
    with pytest.raises(TypeError, match="list of tensors"):
        at.utils.make_grid(3)  # type: ignore[arg-type]


def records(path: Path) -> list[bytes]:
    """The records of an event file, with their checksums compared."""

    def crc(data: bytes) -> int:
        c = _crc32c(data)
        return ((c >> 15 | c << 17) + 0xA282EAD8) & 0xFFFFFFFF

    stream, found = io.BytesIO(path.read_bytes()), []
    while head := stream.read(12):
        length, check = struct.unpack("<QI", head)
        assert check == crc(head[:8])
        found.append(stream.read(length))
        assert struct.unpack("<I", stream.read(4))[0] == crc(found[-1])
    return found


def test_checksum_is_that_of_the_standard() -> None:
    assert _crc32c(b"123456789") == 0xE3069283  # the check value of CRC-32C


def test_event_file(tmp_path: Path) -> None:
    with SummaryWriter(tmp_path, comment="x") as writer:
        writer.add_scalar("loss", at.tensor(0.5), 300, walltime=1.0)
        writer.add_scalars("a/b", {"train": 1.0, "test": 2.0}, 1)
        writer.add_histogram("weights", at.arange(10.0), 2)
        writer.add_image("picture", at.rand(3, 4, 4), 3)
        writer.add_images("pictures", np.zeros((2, 1, 4, 4), np.uint8))
        writer.add_text("note", "**hello**")
        writer.flush()
        with pytest.warns(UserWarning, match="summary"):
            writer.add_graph(nn.Linear(1, 1))
        with pytest.raises(ValueError, match="no element"):
            writer.add_histogram("weights", [])
        with pytest.raises(ValueError, match="'HWC'"):
            writer.add_image("picture", at.rand(4, 4), dataformats="HWC")
    (path,) = [p for p in tmp_path.iterdir() if p.is_file()]
    found = records(path)
    assert len(found) == 6
    assert found[0].endswith(b"\x1a\x0dbrain.Event:2")
    assert found[1] == (
        b"\x09" + struct.pack("<d", 1.0) + b"\x10\xac\x02" + b"\x2a\x0d\x0a\x0b\x0a\x04loss\x15"
        + struct.pack("<f", 0.5)
    )  # fmt: skip
    assert b"\x89PNG" in found[3]
    assert b"**hello**" in found[5]
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_dir()) == ["a_b_test", "a_b_train"]
