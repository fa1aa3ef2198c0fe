"""PyTorch's own table of operators and sample inputs (``op_db``), run on both sides and compared.

    python -m tests.parity.opinfo [--dtype D ...] [--list] NAME ...

prints each disagreement for the operators whose names match (shell patterns), and the counts.
"""

from __future__ import annotations

import argparse
import fnmatch
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import autotape as at

torch = pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    invocations = pytest.importorskip(
        "torch.testing._internal.common_methods_invocations",
        reason="PyTorch's operator table needs the package expecttest",
    )

OPERATORS: dict[str, Any] = {op.full_name: op for op in invocations.op_db}
DTYPES = ("float64", "complex128", "float32", "int64", "bool", "uint8")
RTOL = {"float16": 2e-3, "float32": 1e-4, "float64": 1e-9, "complex64": 1e-4, "complex128": 1e-9}

Result = tuple[str, str | None]  # the kind of check, and what disagrees


def checks(name: str, dtype: str) -> Iterator[Result]:
    """Every check of one operator in one dtype: values, derivatives, variants, errors."""
    op = OPERATORS[name]
    torch_dtype = getattr(torch, dtype)
    if torch_dtype not in op.dtypes:
        return
    function = ours_of(op)
    if function is None:
        yield "value", f"{name}: autotape has no such name"
        return
    differentiable = dtype in ("float64", "complex128") and op.supports_autograd
    torch.manual_seed(0)
    for number, sample in enumerate(op.sample_inputs("cpu", torch_dtype, requires_grad=differentiable)):
        where = f"{name} {dtype} sample {number}: {described(sample)}"
        for kind, problem in _sample_checks(op, function, sample, differentiable):
            yield kind, None if problem is None else f"{kind}: {where}: {problem}"
    if op.error_inputs_func is not None and dtype in ("float64", "float32"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            errors = list(op.error_inputs("cpu"))
        for error in errors:
            yield "error", _error_check(op, function, error)


def ours_of(op: Any) -> Callable[..., Any] | None:
    """What autotape has under the operator's name."""
    theirs = op.op
    if isinstance(theirs, types.FunctionType) and theirs.__name__ == "<lambda>":
        scope = {**theirs.__globals__, "torch": at, "wrapper_set_seed": lambda f, *a, **k: f(*a, **k)}
        return types.FunctionType(theirs.__code__, scope, "sample", theirs.__defaults__, theirs.__closure__)
    found: Any = at
    for part in op.name.split("."):
        found = getattr(found, part, None)
    if not callable(found):  # no such function, or a dtype of that name
        found = getattr(at.Tensor, op.name, None)
    return found if callable(found) else None


def _sample_checks(op: Any, function: Any, sample: Any, differentiable: bool) -> Iterator[Result]:
    inputs = (sample.input, *sample.args)
    leaves: list[tuple[Any, Any]] = []
    ours, kwargs = convert(inputs, leaves), convert(sample.kwargs, leaves)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = outcome(op.op, *inputs, **sample.kwargs)
        if isinstance(expected, Exception):
            return
        got = outcome(function, *ours, **kwargs)
        problem = disagreement(comparable(op, got), comparable(op, expected), values=not random(op, sample))
        yield "value", problem
        if problem is not None:
            return
        if differentiable and not random(op, sample):
            yield from _derivatives(op, got, expected, leaves, sample)
        yield from _variants(op, function, sample, expected)


def _variants(op: Any, function: Any, sample: Any, expected: Any) -> Iterator[Result]:
    values = not random(op, sample)

    def arguments() -> tuple[Any, list[Any], Any]:
        first, *rest = convert((sample.input, *sample.args), None)
        return first, rest, convert(sample.kwargs, None)

    first, rest, kwargs = arguments()
    method = getattr(op.method_variant, "__name__", None)
    if method is not None and isinstance(first, at.Tensor) and method != "<lambda>":
        bound = outcome(lambda: getattr(first, method))
        got = outcome(bound, *rest, **kwargs) if callable(bound) else bound
        yield "method", disagreement(comparable(op, got), comparable(op, expected), values=values)
    name = getattr(op.inplace_variant, "__name__", None)
    if name is not None and name.endswith("_") and isinstance(first, at.Tensor):
        theirs = sample.input.detach().clone()
        other = [x.detach() if isinstance(x, torch.Tensor) else x for x in sample.args]
        wanted = outcome(op.inplace_variant, theirs, *other, **sample.kwargs)
        first, rest, kwargs = arguments()
        bound = outcome(lambda: getattr(first, name))
        got = outcome(bound, *rest, **kwargs) if callable(bound) else bound
        if not isinstance(wanted, Exception):
            yield "inplace", disagreement(got, wanted, values=values)
        elif not isinstance(got, Exception):
            yield "inplace", f"{name}: PyTorch raises {type(wanted).__name__} ({wanted!s:.80})"
    if op.supports_out and isinstance(expected, torch.Tensor) and op.variant_test_name == "":
        first, rest, kwargs = arguments()
        out = at.empty_like(at.from_numpy(array_of(expected)))
        got = outcome(function, first, *rest, **kwargs, out=out)
        problem = disagreement(got, expected, values=values)
        yield "out", problem or (None if got is out else "the result is not `out`")


def _derivatives(op: Any, got: Any, expected: Any, leaves: Any, sample: Any) -> Iterator[Result]:
    ours = [a for a, b in leaves if b.requires_grad]
    theirs = [b for _, b in leaves if b.requires_grad]
    got, expected = differentiated(op, got, at), differentiated(op, expected, torch)
    pairs = [
        (a, b) for a, b in zip(got, expected, strict=True) if isinstance(b, torch.Tensor) and b.requires_grad
    ]
    if not pairs or not theirs:
        return
    for a, _ in pairs:
        if not a.requires_grad:
            yield "grad", "the result does not require grad"
            return
    rng = np.random.default_rng(0)
    seeds = [cotangent(rng, b) for _, b in pairs]
    second = op.supports_gradgrad
    names = [f"input {i}" for i in range(len(theirs))]
    wanted = outcome(
        torch.autograd.grad, [b for _, b in pairs], theirs, [torch.from_numpy(s) for s in seeds],
        create_graph=second, allow_unused=True,
    )  # fmt: skip
    if isinstance(wanted, Exception):
        return
    found = outcome(
        at.autograd.grad, [a for a, _ in pairs], ours, [at.from_numpy(s.copy()) for s in seeds],
        create_graph=second, allow_unused=True,
    )  # fmt: skip
    problem = gradients_differ(found, wanted, names)
    yield "grad", problem
    if problem is not None or not second:
        return
    both = [(a, b) for a, b in zip(found, wanted, strict=True) if b is not None and b.requires_grad]
    if not both:
        return
    seeds = [cotangent(rng, b) for _, b in both]
    wanted = outcome(
        torch.autograd.grad, [b for _, b in both], theirs, [torch.from_numpy(s) for s in seeds],
        allow_unused=True,
    )  # fmt: skip
    if isinstance(wanted, Exception):
        return
    known = [(a, at.from_numpy(s)) for (a, _), s in zip(both, seeds, strict=True) if a is not None]
    known = [(a, s) for a, s in known if a.requires_grad]  # the rest is constant here, and may be 0 there
    found = [None] * len(ours)
    if known:
        heads, cotangents = [a for a, _ in known], [s for _, s in known]
        found = outcome(at.autograd.grad, heads, ours, cotangents, allow_unused=True)
    scale = max([float(np.abs(array_of(b)).max(initial=0)) for _, b in both])
    yield "gradgrad", gradients_differ(found, wanted, names, rtol=1e-8, scale=scale)


def _error_check(op: Any, function: Any, error: Any) -> str | None:
    sample = error.sample_input
    if not isinstance(error.error_type, type):
        return None
    try:
        inputs, kwargs = convert((sample.input, *sample.args), []), convert(sample.kwargs, [])
    except NotImplementedError:  # nothing NumPy has: bfloat16, 65 dimensions
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = outcome(op.op, sample.input, *sample.args, **sample.kwargs)
        if not isinstance(theirs, Exception):
            return None
        got = outcome(function, *inputs, **kwargs)
    if isinstance(got, error.error_type) or (isinstance(got, Exception) and isinstance(got, type(theirs))):
        return None
    difference = f"PyTorch raises {theirs!r:.150}, autotape gives {got!r:.200}"
    return f"error: {op.full_name}: {described(sample)}: {difference}"


# --- both sides ---------------------------------------------------------------------------------------------


def random(op: Any, sample: Any) -> bool:
    """Whether its values can't be compared: drawn, or not initialised."""
    drawn = op.name in RANDOM or op.name.startswith(("new_empty", "empty"))
    return drawn or bool(sample.kwargs.get("dropout_p"))


RANDOM = frozenset({
    "rand_like", "randn", "randn_like", "randint", "randint_like", "bernoulli", "multinomial", "normal",
    "cauchy", "exponential", "geometric", "log_normal", "uniform", "nn.functional.dropout",
    "nn.functional.dropout2d", "nn.functional.dropout3d", "nn.functional.alpha_dropout", "resize_",
    "nn.functional.feature_alpha_dropout", "nn.functional.rrelu", "svd_lowrank", "pca_lowrank",
})  # fmt: skip


def convert(value: Any, leaves: list[tuple[Any, Any]] | None) -> Any:
    """A PyTorch argument as autotape's; ``leaves`` collects the pairs of tensors. None: no gradients."""
    if isinstance(value, torch.Tensor):
        if leaves is None:
            return at.from_numpy(array_of(value))
        for ours, theirs in leaves:
            if theirs is value:
                return ours
        ours = at.from_numpy(array_of(value))
        if value.requires_grad:
            ours.requires_grad_()
        leaves.append((ours, value))
        return ours
    if isinstance(value, torch.Size):
        return at.Size(value)
    if isinstance(value, (tuple, list)):
        items = [convert(v, leaves) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {k: convert(v, leaves) for k, v in value.items()}
    if isinstance(value, torch.dtype | torch.layout | torch.memory_format):
        return getattr(at, str(value).removeprefix("torch."), value)
    if isinstance(value, torch.device):
        return at.device(str(value))
    return value


def array_of(tensor: Any) -> Any:
    """A copy of the values, in the same order of memory."""
    if tensor.dtype is torch.bfloat16:
        raise NotImplementedError("NumPy has no bfloat16")
    if tensor.dim() > 64:
        raise NotImplementedError("NumPy has 64 dimensions at most")
    if tensor._is_zerotensor():
        return np.zeros(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
    return tensor.numpy(force=True).copy(order="K")


def outcome(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result, or the exception."""
    try:
        return call(*args, **kwargs)
    except Exception as error:
        return error


def described(sample: Any) -> str:
    def text(x: Any) -> str:
        if isinstance(x, torch.Tensor):
            return f"{str(x.dtype).removeprefix('torch.')}{list(x.shape)}"
        if isinstance(x, (list, tuple)):
            return "(" + ", ".join(map(text, x)) + ")"
        return repr(x)

    parts = [text(x) for x in (sample.input, *sample.args)]
    parts += [f"{k}={text(v)}" for k, v in sample.kwargs.items()]
    return f"({', '.join(parts)})"[:200]


def disagreement(got: Any, expected: Any, values: bool = True) -> str | None:
    """What differs between a result of ours and PyTorch's."""
    if isinstance(got, Exception):
        return f"{type(got).__name__}: {got!s:.250}"
    if isinstance(expected, torch.Tensor):
        if not isinstance(got, at.Tensor):
            return f"a {type(got).__name__} for a Tensor"
        if str(got.dtype).removeprefix("autotape.") != str(expected.dtype).removeprefix("torch."):
            return f"dtype {got.dtype} for {expected.dtype}"
        if tuple(got.shape) != tuple(expected.shape):
            return f"shape {list(got.shape)} for {list(expected.shape)}"
        return values_differ(got, expected) if values else None
    if isinstance(expected, (tuple, list)):
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            return (
                f"{type(got).__name__} of {len(got) if hasattr(got, '__len__') else '-'} for {len(expected)}"
            )
        for i, (a, b) in enumerate(zip(got, expected, strict=True)):
            problem = disagreement(a, b, values)
            if problem is not None:
                return f"output {i}: {problem}"
        return None
    if isinstance(expected, torch.dtype):
        return None if str(got).split(".")[-1] == str(expected).split(".")[-1] else f"{got} for {expected}"
    same = got == expected or (got != got and expected != expected)
    return None if same else f"{got!r} for {expected!r}"


def values_differ(got: Any, expected: Any, rtol: float | None = None) -> str | None:
    a, b = got.detach().numpy(), array_of(expected)
    rtol = RTOL.get(str(b.dtype), 0) if rtol is None else rtol
    finite = np.abs(b[np.isfinite(b)]) if b.dtype.kind in "fc" else np.zeros(0)
    atol = rtol * 1e-2 * float(finite.max(initial=0)) if finite.size else 0.0
    close = np.isclose(a, b, rtol=rtol, atol=atol, equal_nan=True) if b.dtype.kind in "fc" else a == b
    if close.all():
        return None
    where = tuple(int(i) for i in np.argwhere(~close)[0])
    return f"{int((~close).sum())} of {b.size} values differ; at {list(where)} {a[where]!r} for {b[where]!r}"


def gradients_differ(
    found: Any, wanted: Any, names: list[str], rtol: float = 1e-9, scale: float = 0.0
) -> str | None:
    """What differs, relative to each element or to the largest; less than 1e-6 of ``scale`` is noise."""
    if isinstance(found, Exception):
        return f"{type(found).__name__}: {found!s:.250}"
    magnitudes = [np.abs(array_of(b)) for b in wanted if b is not None]
    largest = max([float(m[np.isfinite(m)].max(initial=0)) for m in magnitudes], default=0.0)
    largest = max(largest, 1e-6 * scale)
    for name, a, b in zip(names, found, wanted, strict=True):
        if a is None or b is None:
            value = np.zeros(()) if a is b else array_of(b) if a is None else a.detach().numpy()
            if np.abs(value).max(initial=0) > rtol * largest:
                has = ("no", "one") if a is None else ("a", "none")
                return f"{name}: {has[0]} gradient where PyTorch has {has[1]}"
            continue
        if tuple(a.shape) != tuple(b.shape):
            return f"{name}: shape {list(a.shape)} for {list(b.shape)}"
        x, y = a.detach().numpy(), array_of(b)
        close = np.isclose(x, y, rtol=rtol, atol=rtol * largest, equal_nan=True)
        if not close.all():
            where = tuple(int(i) for i in np.argwhere(~close)[0])
            pair = f"{x[where]!r} for {y[where]!r}"
            return f"{name}: {int((~close).sum())} of {y.size} differ; at {list(where)} {pair}"
    return None


def cotangent(rng: np.random.Generator, tensor: Any) -> Any:
    shape = tuple(tensor.shape)
    g = rng.standard_normal(shape)
    if tensor.is_complex():
        g = g + 1j * rng.standard_normal(shape)
    return np.asarray(g, str(tensor.dtype).removeprefix("torch."))


DECOMPOSITIONS = ("linalg.svd", "svd", "linalg.eigh", "linalg.eig")


def comparable(op: Any, result: Any) -> Any:
    """A result; of a decomposition without what is free in it: signs, phases, further basis vectors."""
    if op.name not in DECOMPOSITIONS or not isinstance(result, tuple):
        return result
    if len(result) == 2:
        return result[0], result[1].abs()
    u, s, v = result
    k = s.shape[-1]
    v = v[..., :k] if op.name == "svd" else v[..., :k, :]
    return u[..., :k].abs(), s, v.abs()


def differentiated(op: Any, result: Any, library: Any) -> list[Any]:
    """The outputs to differentiate: of a decomposition, what its free signs and phases leave alone."""
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]
    if op.name in DECOMPOSITIONS:
        return [x.abs() for x in outputs]
    return outputs


def run(names: list[str], dtypes: list[str]) -> tuple[Counter[str], Counter[str], list[str]]:
    """All checks of the operators: how many of each kind, how many agree, what disagrees."""
    total: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    problems: list[str] = []
    for name in names:
        for dtype in dtypes:
            for kind, problem in checks(name, dtype):
                total[kind] += 1
                agree[kind] += problem is None
                if problem is not None:
                    problems.append(problem)
    return total, agree, problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"])
    parser.add_argument(
        "--dtype", action="append", choices=[*RTOL, "int64", "int32", "bool", "uint8", "int8"]
    )
    parser.add_argument("--list", action="store_true", help="one line per operator with problems")
    parser.add_argument("--limit", type=int, default=5, help="problems shown per operator and dtype")
    options = parser.parse_args()
    names = [n for n in OPERATORS if any(fnmatch.fnmatch(n, pattern) for pattern in options.names)]
    total: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    for name in names:
        for dtype in options.dtype or DTYPES:
            counts, good, problems = run([name], [dtype])
            total += counts
            agree += good
            if problems and options.list:
                print(f"{name} {dtype}: {len(problems)} problems; {problems[0]}")
            for problem in problems[: 0 if options.list else options.limit]:
                print(problem)
    print(", ".join(f"{kind} {agree[kind]} of {total[kind]}" for kind in total))


if __name__ == "__main__":
    main()
