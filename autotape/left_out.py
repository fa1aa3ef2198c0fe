"""Names of PyTorch's that autotape leaves out on purpose, and what to use instead.

Asking for one raises :class:`LeftOut`, which says so. It is an AttributeError too: ``hasattr`` is False.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

__all__ = ["LeftOut"]


class LeftOut(NotImplementedError, AttributeError):  # noqa: N818 - it says what it means
    """A name that PyTorch has and autotape leaves out; the message says what to use instead.

    >>> import autotape as at
    >>> at.sparse_coo_tensor
    Traceback (most recent call last):
    autotape.left_out.LeftOut: autotape.sparse_coo_tensor is left out: autotape has dense tensors only; ...
    """


_SPARSE = (
    "autotape has dense tensors only; keep indices and values in two tensors and use index_add or scatter_add"
)
_QUANTIZED = "autotape does not quantize; round and clamp a float tensor to study quantization"
_DEVICE = "autotape computes on the CPU, where every tensor lies"
_STORAGE = "a tensor's memory is a NumPy array: x.numpy() shares it"
_COMPILER = "autotape runs eagerly: write it in Python"
_VENDOR = "use the function without the vendor's prefix, or the module in autotape.nn"
_COPY = "use the view of the same name and .clone()"
_AUTOCAST = "autotape computes in the dtype that a tensor has; convert it with .to(dtype)"
_SCIPY = "use SciPy on x.numpy(), and autograd.Function to give it a derivative"
_NN = "use the function in autotape.nn.functional"
_QR = "use linalg.qr"
_SVD = "use linalg.svd and cut its results"
_DISTRIBUTED = "autotape runs in one process"

# namespace -> (advice, names; * matches anything). The first that matches counts.
_TABLE: dict[str, tuple[tuple[str, str], ...]] = {
    "autotape": (
        (
            _SPARSE,
            "sparse sparse_* to_sparse* smm dsmm sspaddmm hsmm hspmm spmm saddmm resize_as_sparse_ *_indices",
        ),
        (_SPARSE, "nested jagged hash_tensor"),
        (
            _QUANTIZED,
            "q_* int_repr dequantize quantize_* fake_quantize_* fbgemm_* "
            "quantized_* quantization ao qint* quint* "
            "qscheme per_channel_* per_tensor_* "
            "choose_qparams_optimized fused_moving_avg_obs_fake_quant "
            "empty_quantized",
        ),
        (_DEVICE, "ipu mtia is_vulkan_available Stream Event get_device_module"),
        (_STORAGE, "*Storage storage is_storage resize_as_ as_strided_scatter from_file"),
        (
            "NumPy has no such dtype; use float16 or float32",
            "float8_* float4_* BFloat16Tensor complex32 chalf",
        ),
        ("use uint8, or the next larger signed integer", "uint16 uint32 uint64 uint[1-7] int[1-7] bits*"),
        ("it is linalg.lu_factor, linalg.lu_solve or linalg.lu", "lu lu_solve lu_unpack"),
        (_QR, "geqrf orgqr ormqr"),
        (_SVD, "pca_lowrank svd_lowrank lobpcg"),
        ("PyTorch removed it too; it is in autotape.linalg", "eig symeig solve lstsq matrix_rank"),
        (
            _COMPILER,
            "cond while_loop sym_* Sym* fork wait parse_* "
            "import_ir_module* fx export library ops classes "
            "Script* CompilationUnit Graph package overrides",
        ),
        (_VENDOR, "cudnn_* miopen_* mkldnn_* native_* batch_norm_*"),
        (_COPY, "*_copy"),
        (_AUTOCAST, "*autocast_* is_autocast_* clear_autocast_cache"),
        ("use split, chunk or tensor_split", "unsafe_*"),
        ("use scatter_reduce or index_add", "segment_reduce"),
        ("use arange, which leaves the end out", "range"),
        (_DISTRIBUTED, "futures monitor"),
        ("use masked_fill or where", "masked"),
        (
            _NN,
            "norm_except_dim affine_grid_generator grid_sampler* "
            "feature_dropout* convolution embedding_renorm_",
        ),
        ("use norm", "frobenius_norm nuclear_norm"),
        ("use nonzero", "nonzero_static"),
    ),
    "Tensor": (
        (
            _SPARSE,
            "to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo "
            "to_sparse_csc to_sparse_csr to_dense coalesce "
            "is_coalesced indices values crow_indices col_indices "
            "ccol_indices row_indices smm sspaddmm sparse_dim "
            "dense_dim sparse_mask sparse_resize_ "
            "sparse_resize_and_clear_ resize_as_sparse_ to_padded_tensor",
        ),
        (
            _QUANTIZED,
            "q_scale q_zero_point q_per_channel_axis "
            "q_per_channel_scales q_per_channel_zero_points qscheme "
            "int_repr dequantize",
        ),
        (_DEVICE, "xpu ipu mtia to_mkldnn record_stream share_memory_ is_shared pin_memory"),
        (_STORAGE, "set_ untyped_storage storage storage_type resize_as resize_as_ resize const_data_ptr"),
        (_STORAGE, "as_strided_ as_strided_scatter"),
        ("it is linalg.lu_factor or linalg.lu_solve", "lu lu_solve"),
        (_QR, "geqrf orgqr ormqr"),
        ("PyTorch removed it too; it is in autotape.linalg", "eig symeig solve lstsq"),
        ("PyTorch removed it too; use distributions and log_prob", "reinforce"),
        ("gradients are on by requires_grad and off by no_grad", "volatile"),
        ("NumPy has no complex32; use .cfloat()", "chalf"),
        ("use map_", "map2_"),
        ("use split, chunk or tensor_split", "unsafe_chunk unsafe_split unsafe_split_with_sizes"),
        (_COPY, "narrow_copy"),
        ("use nonzero", "nonzero_static"),
        (_COMPILER, "module_load as_subclass hash_tensor slice_inverse"),
    ),
    "nn": (
        ("use CrossEntropyLoss over all classes", "AdaptiveLogSoftmaxWithLoss LinearCrossEntropyLoss"),
        ("use Sequential or ModuleList", "Container"),
        ("use LocalResponseNorm", "CrossMapLRN2d"),
        ("use MaxPool2d or AdaptiveMaxPool2d", "FractionalMaxPool*"),
        ("use LPPool2d", "LPPool3d"),
        ("use the module with its sizes given", "LazyConvTranspose3d LazyInstanceNorm1d LazyInstanceNorm3d"),
        ("use NLLLoss", "NLLLoss2d"),
        ("use BatchNorm1d, BatchNorm2d or BatchNorm3d", "SyncBatchNorm"),
    ),
    "nn.Module": (
        (_DEVICE, "share_memory ipu xpu mtia"),
        ("a state dict holds the versions of its parts in _metadata", "dump_patches"),
        ("call super().__init__() in __init__", "call_super_init"),
    ),
    "nn.functional": (
        ("use conv1d", "conv_tbc"),
        ("use max_pool2d or adaptive_max_pool2d", "fractional_max_pool*"),
        ("use lp_pool2d", "lp_pool3d"),
        ("use matmul", "grouped_mm scaled_mm scaled_grouped_mm"),
        ("use linear and cross_entropy", "linear_cross_entropy adaptive_log_softmax_with_loss"),
        ("use channel_shuffle", "native_channel_shuffle"),
        ("use interpolate", "upsample_bilinear upsample_nearest"),
    ),
    "nn.utils": (
        ("convert a tensor with .contiguous(); NumPy has no memory formats", "convert_conv*_memory_format"),
        ("use fuse_conv_bn_eval", "fuse_linear_bn_*"),
    ),
    "optim": (
        ("use Adam; gradients are dense", "SparseAdam"),
        ("use autograd.profiler.profile", "profile_hook_step"),
    ),
    "autograd": (
        ("use Function", "NestedIOFunction"),
        ("a backward runs in the thread that asked for it", "*multithreading*"),
        ("use autograd.profiler", "kineto* profiler_legacy"),
    ),
    "func": (
        (_COMPILER, "functionalize debug_unwrap"),
        ("use reshape and permute, or the package einops", "rearrange"),
        ("put BatchNorm modules into eval(), or use GroupNorm", "replace_all_batch_norm_modules_"),
    ),
    "linalg": (
        ("use solve, or cholesky for a definite matrix", "ldl_*"),
        ("use qr", "householder_product"),
        ("use lu_factor", "lu_factor_ex"),
        ("use solve", "solve_ex"),
    ),
    "special": (
        ("use special.i0 or special.i1", "modified_bessel_i0 modified_bessel_i1"),
        ("it is special.sinc(x / pi)", "spherical_bessel_j0"),
        (
            _SCIPY,
            "bessel_* modified_bessel_* scaled_modified_bessel_* spherical_bessel_* airy_ai *_polynomial_*",
        ),
    ),
    "distributions": (
        (
            "draw with numpy.random and write log_prob with special.gammaln",
            "FisherSnedecor InverseGamma Kumaraswamy LKJCholesky VonMises Wishart ContinuousBernoulli",
        ),
        (
            "use TransformedDistribution of Uniform, Normal or Exponential",
            "GeneralizedPareto LogisticNormal Pareto Weibull",
        ),
        ("use MultivariateNormal", "LowRankMultivariateNormal"),
        ("use RelaxedBernoulli or RelaxedOneHotCategorical", "LogitRelaxedBernoulli ExpRelaxedCategorical"),
        ("derive from Distribution", "ExponentialFamily"),
        (
            "derive from Transform, with _call, _inverse and log_abs_det_jacobian",
            "*Transform biject_to transform_to",
        ),
    ),
    "utils.data": (
        (
            "use Dataset and DataLoader",
            "*DataPipe* datapipes* functional_datapipe DataChunk graph* argument_validation "
            "guaranteed_datapipes_determinism non_deterministic runtime_validation*",
        ),
    ),
    "amp": ((_AUTOCAST, "*autocast_*"),),
    "cuda": (
        (_DEVICE, "CUDAGraph graph graphs nvtx comm nccl jiterator tunable ExternalStream *_peer* profiler"),
        (_DEVICE, "Default* caching_allocator_* change_current_allocator get_allocator_backend MemPool"),
        (_STORAGE, "*Storage"),
    ),
    "distributed": ((_DISTRIBUTED, "*"),),
    "hub": (
        (
            "write the model in autotape.nn and load its weights from a safetensors file with autotape.load",
            "load list help load_state_dict_from_url",
        ),
        ("use urllib.request", "download_url_to_file get_dir set_dir"),
    ),
    "jit": (
        ("save the state_dict and build the module again", "save load"),
        (
            _COMPILER,
            "fork wait CompilationUnit Script* Trac* Attribute trace_module run_frozen_optimizations",
        ),
        (_COMPILER, "script_if_tracing set_fusion_strategy fuser strict_fusion enable_onednn_fusion"),
    ),
    "models": (("write the model in autotape.nn, and load its weights from a safetensors file", "*"),),
    "serialization": (
        (
            "save a state_dict, or load with weights_only=False what you trust",
            "*safe_globals* skip_data register_package",
        ),
    ),
    "onnx": (
        ("save the state_dict with autotape.save, load it in PyTorch and export there", "*export* ops"),
    ),
    "testing": (("use assert_close", "assert_allclose"), ("write the check in Python", "FileCheck")),
    "transforms": (
        ("an image of PIL becomes a tensor by ToTensor", "PILToTensor"),
        (
            "write it for the array and give it as Lambda",
            "ColorJitter FiveCrop TenCrop GaussianBlur LinearTransformation TrivialAugmentWide AutoAugment* "
            "AugMix Random*",
        ),
        ("use the transforms without v2", "v2"),
    ),
}


def advice(namespace: str, name: str) -> str | None:
    """What to use instead of a name that is left out of a namespace; None for any other name."""
    for text, patterns in _table(namespace):
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return text
    return None


@cache
def _table(namespace: str) -> list[tuple[str, list[str]]]:
    return [(text, names.split()) for text, names in _TABLE.get(namespace, ())]


def missing(namespace: str, name: str, known: Iterable[str] = ()) -> AttributeError:
    """The error for a name that a namespace has not: it is left out, or it resembles one of ``known``."""
    path = namespace if namespace == "autotape" else f"autotape.{namespace}"
    text = advice(namespace, name)
    if text is not None:
        return LeftOut(f"{path}.{name} is left out: {text}")
    import difflib  # 4 ms, for an error only

    close = difflib.get_close_matches(name, [k for k in known if not k.startswith("_")], 1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return AttributeError(f"module '{path}' has no attribute '{name}'{hint}")


class _LeftOutMethod:
    """Stands for a method that a class does not have: a `__getattr__` would make every access slower."""

    def __init__(self, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        raise LeftOut(f"{self.namespace}.{self.name} is left out: {advice(self.namespace, self.name)}")


def mark_methods(cls: type, namespace: str) -> None:
    """Give a class the names of PyTorch's methods that are left out; its ``dir`` does not list them."""
    left_out = {name for _, names in _table(namespace) for name in names}
    for name in left_out:
        setattr(cls, name, _LeftOutMethod(namespace, name))
    listed: Any = cls.__dir__

    def names_of(self: object) -> list[str]:
        return [n for n in listed(self) if n not in left_out]

    cls.__dir__ = names_of  # type: ignore[assignment]
