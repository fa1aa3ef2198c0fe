"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np

from autotape.autograd.modes import enable_grad
from autotape.engine.tape import writes
from autotape.engine.tensor import Tensor
from autotape.optim._checks import require_rate
from autotape.optim.optimizer import Array, Optimizer, ParamsLike

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    r"""L-BFGS (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.4), for a whole step a closure.

    Each of at most ``max_iter`` iterations goes along :math:`d = -H g`, where :math:`H` approximates the
    inverse Hessian by the last ``history_size`` pairs of steps and changes of gradient: by
    :math:`\text{lr}\, d`, or by what a line search finds that satisfies the strong Wolfe conditions
    (:math:`c_1 = 10^{-4}`, :math:`c_2 = 0.9`). One group of parameters only; memory is
    ``2 * history_size + 3`` times theirs.

    Args:
        lr: the step size, and where a line search starts.
        max_iter, max_eval: iterations and evaluations per step; 1.25 times ``max_iter`` evaluations if None.
        tolerance_grad, tolerance_change: a step ends where the largest entry of the gradient, or that of the
            last change of the parameters or the change of the loss, is not greater.
        history_size: pairs remembered.
        line_search_fn: None or ``"strong_wolfe"``.

    >>> import autotape as at
    >>> p = at.tensor([3.0, -2.0], requires_grad=True)
    >>> opt = at.optim.LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     opt.zero_grad()
    ...     loss = ((p - at.tensor([1.0, 2.0])) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> opt.step(closure).item(), p.detach().round(decimals=4)
    (20.0, tensor([1., 2.]))
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        require_rate(lr)
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
            "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Minimize for up to ``max_iter`` iterations; the loss that ``closure`` gave first is returned.

        ``closure`` clears the gradients, computes the loss, calls its ``backward()`` and returns it; it is
        called several times, with gradients enabled.
        """
        if closure is None:
            raise TypeError(
                "LBFGS.step() needs a closure that computes the loss and its gradients, and returns it"
            )
        group = self.param_groups[0]
        objective = _Objective(group["params"], closure, self._name)
        first_loss = objective.closure()
        loss, gradient = _number(first_loss), objective.gradient()
        state = self.state[group["params"][0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        state["func_evals"] += 1
        if _largest(gradient) <= group["tolerance_grad"]:
            return first_loss
        with np.errstate(all="ignore"):
            self._minimize(group, state, objective, loss, gradient)
        return first_loss

    def _minimize(
        self,
        group: dict[str, Any],
        state: dict[str, Any],
        objective: _Objective,
        loss: float,
        gradient: Array,
    ) -> None:
        lr, smallest = float(group["lr"]), group["tolerance_change"]
        memory = _Memory(state, group["history_size"])
        direction, t = _array_of(state.get("d")), state.get("t", 0.0)
        t = float(t)
        previous, previous_loss = _array_of(state.get("prev_flat_grad")), state.get("prev_loss", 0.0)
        evaluations = 1
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                direction = -gradient
                memory.clear()
            else:
                memory.remember(gradient - previous, direction * t)
                direction = memory.apply(gradient)
            previous, previous_loss = gradient, loss
            t = min(1.0, 1.0 / float(np.abs(gradient).sum())) * lr if state["n_iter"] == 1 else lr
            slope = float(gradient @ direction)
            if slope > -smallest:
                break
            used = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported as line_search_fn")
                start = objective.values()
                found, used = _strong_wolfe(
                    partial(objective.at, start, direction), direction, _Point(0.0, loss, gradient, slope), t,
                    _largest(direction), smallest,
                )  # fmt: skip
                t, loss, gradient = found.t, found.loss, found.gradient
                objective.move(start, t, direction)
            else:
                objective.move(None, t, direction)
                if iteration != group["max_iter"]:
                    loss, gradient = objective.evaluate()
                    used = 1
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(direction * t) <= smallest
                or abs(loss - previous_loss) < smallest
            ):
                break
        state["d"], state["t"] = Tensor._wrap(direction), t
        memory.save(state)
        state["prev_flat_grad"], state["prev_loss"] = Tensor._wrap(previous), previous_loss


class _Objective:
    """The loss as a function of all parameters as one vector; complex ones as their two parts."""

    def __init__(self, params: list[Tensor], closure: Callable[[], Any], name: str) -> None:
        self.params = params
        self.name = name
        self._closure = closure
        self._errors = np.geterr()

    def closure(self) -> Any:
        with enable_grad(), np.errstate(**self._errors):  # the user's own, as outside of the step
            return self._closure()

    def evaluate(self) -> tuple[float, Array]:
        loss = _number(self.closure())
        return loss, self.gradient()

    def at(self, start: Array, direction: Array, t: float) -> tuple[float, Array]:
        """Loss and gradient at ``start + t * direction``; the parameters are put back there by the caller."""
        self.move(start, t, direction)
        return self.evaluate()

    def gradient(self) -> Array:
        return np.concatenate(
            [_real(np.zeros_like(p._array) if p.grad is None else p.grad._array) for p in self.params]
        )

    def values(self) -> Array:
        return np.concatenate([_real(p._array) for p in self.params])

    def move(self, start: Array | None, t: float, direction: Array) -> None:
        """Set the parameters to ``start + t * direction``, from where they are if ``start`` is None."""
        offset = 0
        for p in self.params:
            array = p._array
            is_complex = array.dtype.kind == "c"
            n = array.size * (2 if is_complex else 1)
            here = slice(offset, offset + n)
            origin = _real(array) if start is None else start[here]
            values = (origin + t * direction[here]).astype(array.real.dtype, copy=False)
            array[...] = (values.view(array.dtype) if is_complex else values).reshape(array.shape)
            writes.note(array, self.name)
            offset += n


class _Memory:
    """Pairs of steps s and changes of gradient y, and the inverse Hessian that they approximate."""

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.size = size
        self.changes: list[Array] = [t._array for t in state.get("old_dirs", ())]
        self.steps: list[Array] = [t._array for t in state.get("old_stps", ())]
        self.rho: list[Any] = [_array_of(r) for r in state.get("ro", ())]
        self.scale: Any = _array_of(state.get("H_diag", 1.0))

    def clear(self) -> None:
        self.changes, self.steps, self.rho, self.scale = [], [], [], np.ones(())

    def remember(self, y: Array, s: Array) -> None:
        """Keep the pair if the curvature along it is positive."""
        curvature = y @ s
        if curvature > 1e-10:
            if len(self.changes) == self.size:
                del self.changes[0], self.steps[0], self.rho[0]
            self.changes.append(y)
            self.steps.append(s)
            self.rho.append(1 / curvature)
            self.scale = curvature / (y @ y)

    def apply(self, gradient: Array) -> Array:
        """``-H gradient``, by the two loops of algorithm 7.4."""
        q = -gradient
        parts = []
        for y, s, r in zip(reversed(self.changes), reversed(self.steps), reversed(self.rho)):
            parts.append((s @ q) * r)
            q = q - parts[-1] * y
        q = q * self.scale
        for y, s, r, part in zip(self.changes, self.steps, self.rho, reversed(parts)):
            q = q + s * (part - (y @ q) * r)
        return np.asarray(q)

    def save(self, state: dict[str, Any]) -> None:
        state["old_dirs"] = [Tensor._wrap(y) for y in self.changes]
        state["old_stps"] = [Tensor._wrap(s) for s in self.steps]
        state["ro"] = [Tensor._wrap(np.asarray(r)) for r in self.rho]
        state["H_diag"] = Tensor._wrap(np.asarray(self.scale))


class _Point(NamedTuple):
    """A point of a line search: how far, the loss there, its gradient, its slope along the line."""

    t: float
    loss: float
    gradient: Array
    slope: float


def _strong_wolfe(
    evaluate: Callable[[float], tuple[float, Array]],
    direction: Array,
    origin: _Point,
    t: float,
    reach: float,
    tolerance: float,
    sufficient: float = 1e-4,
    flat: float = 0.9,
    limit: int = 25,
) -> tuple[_Point, int]:
    """A point that satisfies the strong Wolfe conditions, and the number of evaluations it took.

    Nocedal and Wright 2006, algorithms 3.5 and 3.6, with the steps of minFunc (Schmidt 2005): cubic
    interpolation, kept away from the ends of the bracket. ``reach``: the largest entry of the direction.
    """
    first_slope, first_loss = origin.slope, origin.loss
    evaluations = 0

    def look(t: float) -> _Point:
        nonlocal evaluations
        evaluations += 1
        loss, gradient = evaluate(t)
        return _Point(t, loss, gradient, float(gradient @ direction))

    def is_too_high(point: _Point) -> bool:
        return point.loss > first_loss + sufficient * point.t * first_slope

    def is_flat(point: _Point) -> bool:
        return abs(point.slope) <= -flat * first_slope

    # Go further until the bracket from the point before to this one holds a good point.
    before, point = origin, look(t)
    for number in range(limit):
        if is_too_high(point) or (number > 1 and point.loss >= before.loss):
            break
        if is_flat(point):
            return point, evaluations
        if point.slope >= 0:
            break
        low, high = point.t + 0.01 * (point.t - before.t), point.t * 10
        before, point = point, look(_cubic_minimum(before, point, low, high))
    else:
        return min(origin, point, key=lambda p: p.loss), evaluations

    # Shrink it.
    bracket = [before, point]
    best = 0 if before.loss <= point.loss else 1
    made_little_progress = False
    for _ in range(number, limit):
        low, high = sorted((bracket[0].t, bracket[1].t))
        if (high - low) * reach < tolerance:
            break
        t = _cubic_minimum(bracket[0], bracket[1], low, high)
        margin = 0.1 * (high - low)
        is_near_an_end = min(high - t, t - low) < margin
        if is_near_an_end and (made_little_progress or t >= high or t <= low):
            t = high - margin if abs(t - high) < abs(t - low) else low + margin
            made_little_progress = False
        else:
            made_little_progress = is_near_an_end
        point = look(t)
        if is_too_high(point) or point.loss >= bracket[best].loss:
            bracket[1 - best] = point
            best = 0 if bracket[0].loss <= bracket[1].loss else 1
        else:
            if is_flat(point):
                return point, evaluations
            if point.slope * (bracket[1 - best].t - bracket[best].t) >= 0:
                bracket[1 - best] = bracket[best]
            bracket[best] = point
    return bracket[best], evaluations


def _cubic_minimum(a: _Point, b: _Point, low: float, high: float) -> float:
    """Where the cubic through two points with their slopes is least between two bounds."""
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t) if a.t != b.t else nan
    square = d1 * d1 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2
    d2 = sqrt(square)
    divisor = b.slope - a.slope + 2 * d2
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / divisor) if divisor else nan
    return (low + high) / 2 if t != t else min(max(t, low), high)


def _number(loss: Any) -> float:
    return float(loss.item() if isinstance(loss, Tensor) else loss)


def _largest(array: Array) -> float:
    return float(np.abs(array).max()) if array.size else 0.0


def _real(array: Array) -> Array:
    flat = array.ravel()
    return flat.view(array.real.dtype) if array.dtype.kind == "c" else flat


def _array_of(value: Any) -> Any:
    """A piece of state as an array: a Tensor's, a number's, None as nothing."""
    return value._array if isinstance(value, Tensor) else np.zeros(()) if value is None else np.asarray(value)
