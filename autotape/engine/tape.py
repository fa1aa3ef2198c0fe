"""The tape: entries in creation order, gradient modes, and where each entry came from.

An :class:`Entry` is one recorded operation. It refers to the entries of its inputs, never to its output
tensor, so an entry lives exactly as long as something that depends on it: a loop that only runs forward does
not grow memory and nothing here makes a reference cycle. Every entry's ``index`` comes from one process-wide
clock; creation order is a topological order, also across threads.
"""

from __future__ import annotations

import gc
import itertools
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import Context, ContextVar, copy_context
from functools import partial
from types import CodeType, FrameType, TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from autotape.engine.operation import Operation
    from autotape.engine.packing import Packed
    from autotape.engine.tensor import RemovableHandle, Tensor

__all__ = ["Tape", "current_tape"]

tick = itertools.count(1).__next__  # the clock: entries and in-place writes take their index from it

Where = tuple[CodeType, int]


class Entry:
    """One recorded operation: a place on the tape, and a tensor's ``grad_fn``.

    ``parents`` holds, for each input, the :class:`Entry` or :class:`AccumulateGrad` its gradient goes to, or
    None; ``saved`` the output, the inputs and the constants as the operation's VJP rule takes them, None
    where the rule does not use one. Replaying the entry sets ``saved`` to None.
    """

    # Class-level defaults instead of __slots__: an entry sets only what it has.
    hooks: list[Callable[[Any], Any] | None] | None = None
    retained: AccumulateGrad | None = None
    outputs: list[tuple[tuple[int, ...], np.dtype[Any]]] | None = None
    picks: dict[int, weakref.ref[Entry]] | None = None
    modules: tuple[Any, ...] = ()
    packed: Packed | None = None  # instead of saved, while saved_tensors_hooks were set
    number = 0  # of an entry that stands for one of several outputs: which one
    masked = 0  # 1 below an operation that masks gradients, 2 if a rule recorded it there (see replay)
    tape: Tape | None = None  # a thread's; a private one lists its entries: a cycle would keep both alive

    index: int
    operation: Operation
    parents: tuple[Entry | AccumulateGrad | None, ...]
    saved: tuple[Any, ...] | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    where: Where

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays kept for backward (0 once replayed)."""
        return sum(a.nbytes for a in _arrays(self.saved or ()))

    @property
    def waits(self) -> bool:
        """Whether the entry can be replayed: it has what its rule needs."""
        return self.saved is not None or self.packed is not None

    @property
    def source(self) -> str:
        """``file:line`` of the code that recorded the entry."""
        return describe(self.where)

    @property
    def source_line(self) -> str:
        """The text of that line, '' where it can't be read."""
        import linecache

        return linecache.getline(self.where[0].co_filename, line_number(self.where)).strip()

    @property
    def module_path(self) -> str:
        """``net.2 Linear``: the modules that were running, recorded under ``Tape()`` or anomaly mode."""
        return module_path(self.modules)

    @property
    def inputs(self) -> tuple[Entry | AccumulateGrad | None, ...]:
        """The tape's places of the inputs: an entry, an ``AccumulateGrad`` (a leaf), or None."""
        return self.parents

    @property
    def next_functions(self) -> tuple[tuple[Entry | AccumulateGrad | None, int], ...]:
        """``parents`` in PyTorch's form: pairs of a node and an output number."""
        node = self._made_by()
        return tuple((p, 0 if p is None else p.number) for p in node.parents)

    def name(self) -> str:
        """PyTorch's name of the node: ``MulBackward0``."""
        operation = self._made_by().operation
        operation = getattr(operation, "inner", operation)  # of one with hooks
        words = operation.name.strip("_").split("_")
        return "".join(w[:1].upper() + w[1:] for w in words) + (
            "Backward" if operation.python else "Backward0"
        )

    def _made_by(self) -> Entry:
        """The entry itself; for one of several outputs, that of the operation that made them all."""
        first = self.parents[0] if self.parents else None
        return first if isinstance(first, Entry) and first.outputs is not None else self

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's notes."""
        return self.__dict__.setdefault("_metadata", {})  # type: ignore[no-any-return]

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after backward computed the gradients of the inputs.

        A tuple that it returns replaces ``grad_inputs``.

        >>> import autotape as at
        >>> x = at.ones(2, requires_grad=True)
        >>> y = x * 2
        >>> handle = y.grad_fn.register_hook(lambda inputs, outputs: print(inputs, outputs))
        >>> y.sum().backward()
        (tensor([2., 2.]), None) (tensor([1., 1.]),)
        """
        from autotape.engine.node_hooks import hooks_of
        from autotape.engine.tensor import RemovableHandle

        return RemovableHandle(hooks_of(self._made_by()).after, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before; a tuple that it returns replaces ``grad_outputs``."""
        from autotape.engine.node_hooks import hooks_of
        from autotape.engine.tensor import RemovableHandle

        return RemovableHandle(hooks_of(self._made_by()).before, fn)

    def __repr__(self) -> str:
        return f"<{self.name()} {self.shape} {self.dtype.name}>"


class AccumulateGrad:
    """The end of the tape for a leaf that requires a gradient: where the leaf's gradient accumulates."""

    index = 0  # before every entry
    number = 0
    _leaf: weakref.ref[Tensor] | None = None
    hooks: list[Callable[[Any], Any] | None] | None = None
    post_hooks: list[Callable[[Any], Any] | None] | None = None
    outputs = None
    parents: tuple[()] = ()
    next_functions: tuple[()] = ()

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.grad: Tensor | None = None

    def name(self) -> str:
        """PyTorch's name of the node."""
        return "AccumulateGrad"

    @property
    def variable(self) -> Tensor | None:
        """The leaf; None if it is gone (the tape keeps no tensor alive)."""
        return None if self._leaf is None else self._leaf()

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's notes."""
        return self.__dict__.setdefault("_metadata", {})  # type: ignore[no-any-return]

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn((), (grad,))`` after backward has accumulated ``grad`` into the leaf."""
        from autotape.engine.node_hooks import hook_leaf

        return hook_leaf(self, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn((grad,))`` before; a tuple that it returns replaces the gradient."""
        from autotape.engine.tensor import RemovableHandle

        def before(g: Tensor) -> Any:
            result = fn((g,))
            return result[0] if isinstance(result, tuple) else result

        if self.hooks is None:
            self.hooks = []
        return RemovableHandle(self.hooks, before)

    def __repr__(self) -> str:
        return f"<AccumulateGrad {self.shape}>"


Node = Entry | AccumulateGrad


class Tape:
    """Operations in the order they were recorded.

    Each thread records on a tape of its own (:func:`current_tape`), which keeps nothing alive: it lists the
    entries that some tensor still depends on. ``with Tape() as tape:`` records on a private one, which keeps
    the list of its entries (not their arrays, once they are replayed) and notes the modules they ran in.

    >>> import autotape as at
    >>> x = at.ones(2, 3, requires_grad=True)
    >>> with at.Tape() as tape:
    ...     y = (x * 2).exp().sum()
    >>> len(tape), tape[1].operation.name
    (3, 'exp')
    >>> print(tape)  # doctest: +NORMALIZE_WHITESPACE
    index  operation  inputs  shape   dtype    bytes  module
        0  mul        leaf    (2, 3)  float32      4
        1  exp        0       (2, 3)  float32     24
        2  sum        1       ()      float32      0
    """

    # Not 0: place() looks whether to note modules (private tapes, anomaly mode) or to call hooks.
    _detailed: int = 0
    _modules = False  # anomaly mode: all tapes note modules
    _counting = threading.Lock()

    def __init__(self) -> None:
        # With each entry its parents: it forgets them when it is replayed, the picture should not.
        self._log: list[tuple[Entry, tuple[Node | None, ...]]] | None = []
        self._detailed = 1
        self._before: tuple[Tape | None, Tape] | None = None

    @classmethod
    def _of_thread(cls) -> Tape:
        tape = cls.__new__(cls)
        tape._log = tape._before = None
        return tape

    def __enter__(self) -> Tape:
        if self._before is not None:
            raise RuntimeError(
                "this Tape is already recording; a private tape can't be entered twice at once"
            )
        home = current_tape()
        self._before = (recording.get(), home)
        _home.set(self)
        if self._before[0] is not None:
            recording.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._before is not None
        before, home = self._before
        self._before = None
        recording.set(before)
        _home.set(home)

    def entries(self) -> list[Entry]:
        """The entries in creation order; of a thread's tape those that are alive and not yet replayed."""
        if self._log is not None:
            return [entry for entry, _ in self._log]
        # Asking the collector costs milliseconds here and nothing per operation; a list of weak references
        # costs 0.2 us per entry (a third of a small operation's overhead).
        alive = [o for o in gc.get_objects() if type(o) is Entry and o.tape is self and o.waits]
        return sorted(alive, key=lambda e: e.index)

    def __len__(self) -> int:
        return len(self.entries())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries())

    def __getitem__(self, position: int) -> Entry:
        return self.entries()[position]

    def __repr__(self) -> str:
        kind = "private tape" if self._log is not None else "tape of a thread"
        return f"<{kind}: {len(self)} entries>"

    def __str__(self) -> str:
        entries = self._log if self._log is not None else [(e, e.parents) for e in self.entries()]
        position = {id(e): str(i) for i, (e, _) in enumerate(entries)}

        def label(node: Node) -> str:
            return "leaf" if isinstance(node, AccumulateGrad) else position.get(id(node), "outside")

        rows = [("index", "operation", "inputs", "shape", "dtype", "bytes", "module")]
        for i, (e, parents) in enumerate(entries):
            inputs = ", ".join(label(p) for p in parents if p is not None)
            kept = str(e.nbytes) if e.waits else "replayed"
            rows.append((str(i), e.operation.name, inputs, str(e.shape), e.dtype.name, kept, e.module_path))
        widths = [max(len(row[c]) for row in rows) for c in range(7)]
        numeric = {0, 5}
        return "\n".join(
            "  ".join(
                cell.rjust(w) if c in numeric else cell.ljust(w)
                for c, (cell, w) in enumerate(zip(row, widths))
            ).rstrip()
            for row in rows
        )


# What operations record on: a tape, or None while gradients are off. A context variable, so that threads and
# asyncio tasks have their own. A new thread has no value (LookupError): start_tape() gives it its tape.
recording: ContextVar[Tape | None] = ContextVar("autotape.recording")
_home: ContextVar[Tape] = ContextVar("autotape.home")


def start_tape() -> Tape:
    """Give this thread (or context) the tape it records on; returns it."""
    try:
        tape = _home.get()
    except LookupError:
        tape = Tape._of_thread()
        _home.set(tape)
    recording.set(tape)
    return tape


def current_tape() -> Tape:
    """The tape that this thread records on: its own, or the private one of the innermost ``with Tape()``.

    >>> import autotape as at
    >>> at.current_tape()  # doctest: +ELLIPSIS
    <tape of a thread: ... entries>
    """
    try:
        return _home.get()
    except LookupError:
        return start_tape()


def on_tape(tape: Tape | None, function: Callable[..., Any], *args: Any) -> Any:
    """Call ``function`` while operations are recorded on ``tape`` (None: not at all).

    In a context of its own: an interruption, wherever it hits, can't leave the mode changed.
    """
    context = copy_context()
    context.run(recording.set, tape)
    return context.run(function, *args)


# --- where an entry came from -------------------------------------------------------------------------------

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_MODULE_FILE = os.path.join(_PACKAGE, "nn", "module.py")


outside: set[str] = set()  # source files known not to be autotape's own ...
_inside: set[str] = set()  # ... and known to be


def user_frame(frame: FrameType) -> FrameType:
    """The innermost of ``frame`` and its callers that is not autotape's own."""
    while True:
        filename = frame.f_code.co_filename
        if filename in outside:
            return frame
        if filename not in _inside:
            if not filename.startswith(_PACKAGE):
                outside.add(filename)
                return frame
            _inside.add(filename)
        back = frame.f_back
        if back is None:
            return frame
        frame = back


get_frame = sys._getframe


def line_number(where: Where) -> int:
    """The line of an instruction."""
    code, instruction = where
    line = code.co_firstlineno
    for start, end, number in code.co_lines():
        if start <= instruction < end and number is not None:
            line = number
    return line


def describe(where: Where) -> str:
    """``file:line``."""
    return f"{where[0].co_filename}:{line_number(where)}"


def modules_running(depth: int = 2) -> tuple[Any, ...]:
    """What :func:`module_path` needs: the caller's name for the outermost nn.Module, then the modules."""
    running: list[Any] = []
    root = ""
    frame: FrameType | None = get_frame(depth)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__call__" and code.co_filename == _MODULE_FILE:
            module = frame.f_locals["self"]
            running.append(module)
            caller = frame.f_back
            names = caller.f_locals.items() if caller is not None else ()
            root = next((n for n, v in names if v is module and n != "self"), type(module).__name__)
        frame = frame.f_back
    return (root, *reversed(running)) if running else ()


def module_path(modules: tuple[Any, ...]) -> str:
    """``net.2 Linear`` from what :func:`modules_running` found."""
    if not modules:
        return ""
    root, *running = modules
    names = [
        next((n for n, m in outer.named_modules() if m is inner), type(inner).__name__)
        for outer, inner in itertools.pairwise(running)
    ]
    return ".".join([root, *names]) + " " + type(running[-1]).__name__


def _arrays(values: Sequence[Any]) -> Iterator[np.ndarray[Any, Any]]:
    for v in values:
        if isinstance(v, np.ndarray):
            yield v
        elif isinstance(v, (tuple, list)):  # a list: what a forward function left for its rule
            yield from _arrays(v)


# --- in-place writes ----------------------------------------------------------------------------------------


class _Write:
    """The last in-place write to one block of memory."""

    __slots__ = ("clock", "count", "name", "owner", "where")
    clock: int
    count: int
    name: str
    owner: weakref.ref[np.ndarray[Any, Any]]
    where: Where | None


def owner_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory: the last ndarray in the chain of bases."""
    base = array.base
    while isinstance(base, np.ndarray):
        array, base = base, base.base
    return array


def _forget(by_owner: dict[int, _Write], key: int, _: Any) -> None:
    by_owner.pop(key, None)


class Writes:
    """In-place writes by the memory they changed: what PyTorch's version counters know.

    Keyed by the array that owns the memory, so all views (also ``from_numpy`` and ``numpy()`` of one array)
    share one counter, and an operation that writes nothing pays nothing. ``last`` is the clock of the newest
    write: an entry recorded after it needs no look at all.
    """

    def __init__(self) -> None:
        self.last = 0
        self._by_owner: dict[int, _Write] = {}

    def note(self, array: np.ndarray[Any, Any], name: str, where: Where | None = None) -> None:
        """Remember that ``array``'s memory was overwritten by the operation ``name``."""
        owner = array if array.base is None else owner_of(array)
        write = self._by_owner.get(id(owner))
        if write is None:
            write = self._by_owner[id(owner)] = _Write()
            write.count = 0
            write.owner = weakref.ref(owner, partial(_forget, self._by_owner, id(owner)))
        write.count += 1
        write.name = name
        write.where = where
        write.clock = self.last = tick()

    def of(self, array: np.ndarray[Any, Any]) -> _Write | None:
        """The last write to the array's memory, if any."""
        owner = array if array.base is None else owner_of(array)
        return self._by_owner.get(id(owner))

    def version(self, array: np.ndarray[Any, Any]) -> int:
        """How often the array's memory was written in place."""
        write = self.of(array)
        return 0 if write is None else write.count

    def check(self, entry: Entry) -> None:
        """RuntimeError if an array that ``entry`` needs was written after it was recorded."""
        for position, value in enumerate(entry.saved or ()):  # packed ones are checked when unpacked
            for array in _arrays((value,)):
                write = self.of(array)
                if write is not None and write.clock > entry.index:
                    raise _overwritten(entry, position, array, write)


def _overwritten(entry: Entry, position: int, array: np.ndarray[Any, Any], write: _Write) -> RuntimeError:
    what = (
        "output"
        if position == 0
        else f"input {position}"
        if position <= len(entry.parents)
        else "saved value"
    )
    place = "" if write.where is None else f" at {describe(write.where)}"
    if write.name.endswith(".step"):
        remedy = "Call backward() before the optimizer's step()"
    elif write.name.endswith("_") and not write.name.startswith("_"):
        remedy = f"Use {write.name.rstrip('_')}() instead of {write.name}(), or clone() the tensor before"
    else:
        remedy = "clone() the tensor before it is changed"
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"{source_of(entry)} needs its {what}, a {array.dtype.name} tensor of shape {list(array.shape)}, "
        f"which {write.name} overwrote{place}. {remedy}."
    )


def source_of(entry: Entry) -> str:
    """``mul (file:line: text) in net.2 Linear`` for messages; the module where the entry has noted it."""
    text = entry.source_line
    place = f"{describe(entry.where)}: {text}" if text else describe(entry.where)
    module = f" in {entry.module_path}" if entry.modules else ""
    return f"{entry.operation.name} ({place}){module}"


writes = Writes()


# Running NumPy in a context of its own whose error state is 'ignore' silences floating-point warnings, as
# PyTorch
# computes, for 0.03 us a call where np.errstate costs 1.3 us; the user's own error state is untouched. A
# context can
# be entered by one thread at a time: whoever finds it taken gets a RuntimeError and uses quietly().
_context = Context()
_context.run(np.seterr, all="ignore")
run_quietly = _context.run


def quietly(function: Callable[..., Any], *args: Any) -> Any:
    """Call a NumPy function without floating-point warnings, from any thread."""
    try:
        return run_quietly(function, *args)
    except RuntimeError:
        with np.errstate(all="ignore"):
            return function(*args)
