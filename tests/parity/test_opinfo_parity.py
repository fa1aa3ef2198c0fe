"""Every operator of PyTorch's own table that autotape has: sample inputs, derivatives, variants, errors.

Differences that are meant stand in KNOWN with their reason; anything else fails.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

import autotape as at
from autotape.left_out import LeftOut

pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

from tests.parity import opinfo

# Not part of PyTorch's public surface, or of its compilers, vendors, sparse and masked tensors; nn.functional
# is compared by module. Of as_strided.partial_views the sample is a view whose memory can't be handed over.
OUTSIDE = re.compile(
    r"^(_[^_]|__rdiv__|jiterator|torch\.|masked\.|sparse\.|nn\.functional\.|signal\.|max_pool2d_with_indices_backward"
    r"|addmm\.decomposed|bmm\.triton|constant_pad_nd|grid_sampler|hash_tensor|native_|as_strided.partial_views"
    r"|slice$|bfloat16$)"  # Python 2's division, no public function, NumPy has no bfloat16
)
KNOWN = {
    # A number where PyTorch demands a Tensor, as its operators take it too.
    r"^error: .*TypeError\(.*(must be Tensor, not|invalid combination|doesn't apply to a 'int')": "wider",
    # `out` of any dtype that holds the result; the comparison copies it, so that it overlaps nothing.
    r"^error: (aminmax|arange|bernoulli|cat|complex|gather|index_select): .*out=": "wider",
    r"^error: (kthvalue|masked_select|take): .*out=": "wider",
    r"^inplace: addbmm .*doesn't match the broadcast shape": "PyTorch resizes the tensor in place",
    r"^inplace: as_strided .*is left out": "a tensor keeps its own strides",
    r"^value: (argsort |(topk|kthvalue|mode|sort) .*: output 1:)": "which of equals, PyTorch leaves open",
    r"^value: (sinc|special.ndtr|logit) .*float32": "PyTorch is less accurate than float32",
    r"^value: histogramdd float32 .*weight": "a value at an edge that float32 rounds",
    r"^gradgrad: cov .*aweights=float32": "computed in float32",
    r"^grad: cholesky_(solve|inverse) ": "PyTorch gives the triangle that is not read a gradient",
    r"^grad: istft .* a gradient where PyTorch has none": "of the window; checked by differences",
    r"^grad: corrcoef float64 .*e-1[789]\)$": "PyTorch rounds; the gradient is 0",
    r"^gradgrad: (logsumexp|logcumsumexp) .* for np\.\w+\([^)]*e-1[0-9]": "PyTorch rounds a 0",
    r"^gradgrad: linalg.norm.subgradients_at_zero .* for np\.\w+\(nan": "0 here, as the first one",
}  # fmt: skip

DEFINED_BY_LAMBDA = ("chalf", "pca_lowrank", "resize_as_", "svd_lowrank", "to_sparse")  # and left out


def names() -> list[str]:
    return [name for name in opinfo.OPERATORS if not OUTSIDE.match(name)]


@pytest.mark.filterwarnings("ignore::UserWarning")  # of the table itself
@pytest.mark.parametrize("name", names())
def test_operator(name: str, record_property: Any) -> None:
    if opinfo.ours_of(opinfo.OPERATORS[name]) is None or name in DEFINED_BY_LAMBDA:
        with pytest.raises(LeftOut):
            look_up(opinfo.OPERATORS[name].name)
        return
    total: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    problems = []
    for dtype in opinfo.DTYPES:
        for kind, problem in opinfo.checks(name, dtype):
            total[kind] += 1
            agree[kind] += problem is None
            if problem is not None and not any(re.search(known, problem) for known in KNOWN):
                problems.append(problem)
    for kind in total:
        record_property(kind, (agree[kind], total[kind]))
    assert not problems, "\n".join([f"{len(problems)} problems:", *problems[:10]])


def look_up(name: str) -> Any:
    found: Any = at
    for part in name.split("."):
        found = getattr(found, part)
    return found
