"""What a module owns: parameters, buffers and child modules, under the names of its attributes.

A member is an ordinary attribute in the module's ``__dict__``, read at the cost of one (20 ns; through a
``__getattr__`` it would be 400). The module itself keeps only the members' names, by kind and in order.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, MutableMapping, ValuesView
from typing import TYPE_CHECKING, Any, TypeVar

from autotape.engine.tensor import Tensor
from autotape.nn.parameter import Buffer, Parameter

if TYPE_CHECKING:
    from autotape.nn.module import Module

__all__ = [
    "BUFFERS",
    "MODULES",
    "Owner",
    "PARAMETERS",
    "REGISTRATION",
]

S = TypeVar("S", bound="Owner")

# Where a module keeps the names of each kind.
PARAMETERS, BUFFERS, MODULES = "_parameter_names", "_buffer_names", "_module_names"
_LABELS = {PARAMETERS: "parameter", BUFFERS: "buffer", MODULES: "module"}

# What is called when any module gets a member of a kind: functions (module, name, member).
REGISTRATION: dict[str, list[Any]] = {PARAMETERS: [], BUFFERS: [], MODULES: []}


class Registry(MutableMapping[str, Any]):
    """The members of one kind by name. Changing it changes the module's attributes, as in PyTorch."""

    __slots__ = ("_attributes", "_names")

    def __init__(self, names: dict[str, None], attributes: dict[str, Any]) -> None:
        self._names = names
        self._attributes = attributes

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._attributes[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self._names[name] = None
        self._attributes[name] = value

    def __delitem__(self, name: str) -> None:
        del self._names[name]
        del self._attributes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(self.copy())

    def copy(self) -> dict[str, Any]:
        """The members as a plain dict."""
        attributes = self._attributes
        return {name: attributes[name] for name in self._names}

    # What a dict returns: the mixin's views go through __getitem__ and can't be reversed.

    def keys(self) -> KeysView[str]:
        """The names."""
        return self.copy().keys()

    def values(self) -> ValuesView[Any]:
        """The members."""
        return self.copy().values()

    def items(self) -> ItemsView[str, Any]:
        """The names and members."""
        return self.copy().items()


class Members:
    """Descriptor: the :class:`Registry` of one kind; assigning a mapping replaces the members."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __get__(self, owner: Any, owner_type: type) -> Any:
        if owner is None:
            return self
        attributes = owner.__dict__
        try:
            return Registry(attributes[self.kind], attributes)
        except KeyError:
            raise AttributeError(
                f"{owner_type.__name__} has no members before Module.__init__() call"
            ) from None

    def __set__(self, owner: Any, members: Mapping[str, Any]) -> None:
        members = dict(members)  # may be taken from the registry that is cleared next
        registry = self.__get__(owner, type(owner))
        registry.clear()
        registry.update(members)


class Owner:
    """The part of :class:`autotape.nn.Module` that registers members and walks over them."""

    _parameters = Members(PARAMETERS)
    _buffers = Members(BUFFERS)
    _modules = Members(MODULES)
    _non_persistent_buffers_set: set[str]

    def __init__(self) -> None:
        self.__dict__.update({PARAMETERS: {}, BUFFERS: {}, MODULES: {}, "_non_persistent_buffers_set": set()})

    # --- registering ---------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        if isinstance(value, Parameter):
            self._register(PARAMETERS, name, value)
        elif name in attributes.get(PARAMETERS, ()):
            if value is not None:
                raise _cannot_assign(value, f"parameter '{name}' (autotape.nn.Parameter or None expected)")
            attributes[name] = None
        elif isinstance(value, Owner):
            self._register(MODULES, name, value)
        elif name in attributes.get(MODULES, ()):
            if value is not None:
                raise _cannot_assign(value, f"child module '{name}' (autotape.nn.Module or None expected)")
            attributes[name] = None
        elif isinstance(value, Buffer):
            self._register(BUFFERS, name, value)
            self._set_persistent(name, value.persistent)
        elif name in attributes.get(BUFFERS, ()):
            if value is not None and not isinstance(value, Tensor):
                raise _cannot_assign(
                    value, f"buffer '{name}' (autotape.nn.Buffer, autotape.Tensor or None expected)"
                )
            self._register(BUFFERS, name, value)
        else:
            object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for kind in _LABELS:
            if name in self.__dict__.get(kind, ()):
                del self.__dict__[kind][name], self.__dict__[name]
                self._non_persistent_buffers_set.discard(name)
                return
        object.__delattr__(self, name)

    def _register(self, kind: str, name: str, value: Any) -> None:
        """Make ``value`` the member ``name`` of one kind, and of no other."""
        attributes = self.__dict__
        if kind not in attributes:
            raise _not_initialised(kind)
        if kind == PARAMETERS and value is not None and value.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                "forward() method."
            )
        for hook in tuple(REGISTRATION[kind]):
            result = hook(self, name, value)
            if result is not None:
                value = result
        if name not in attributes[kind]:
            if isinstance(getattr(type(self), name, None), property):  # a parametrized parameter, for example
                raise KeyError(f"attribute '{name}' already exists")
            if "." in name and kind != MODULES:
                raise KeyError(f'{_LABELS[kind]} name can\'t contain "."')
            for other in _LABELS:
                attributes[other].pop(name, None)
            self._non_persistent_buffers_set.discard(name)
            attributes[kind][name] = None
        attributes[name] = value

    def _set_persistent(self, name: str, persistent: bool) -> None:
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def _check_name(self, kind: str, name: str) -> None:
        label = _LABELS[kind]
        if kind not in self.__dict__:
            raise _not_initialised(kind)
        if not isinstance(name, str):
            raise TypeError(f"{label} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{label} name can\'t contain ".", got: {name}')
        if name == "":
            raise KeyError(f'{label} name can\'t be empty string ""')
        if hasattr(self, name) and name not in self.__dict__[kind]:
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under an attribute name; None keeps the name for a parameter that is not there."""
        self._check_name(PARAMETERS, name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{_type_name(param)}' object to parameter '{name}' "
                "(autotape.nn.Parameter or None required)"
            )
        self._register(PARAMETERS, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a buffer under an attribute name: state that is not trained; in the state dict if persistent.

        >>> import autotape as at
        >>> from autotape import nn
        >>> net = nn.Module()
        >>> net.register_buffer("mean", at.zeros(2))
        >>> net.mean
        tensor([0., 0.])
        """
        self._check_name(BUFFERS, name)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_type_name(tensor)}' object to buffer '{name}' "
                "(autotape Tensor or None required)"
            )
        self._register(BUFFERS, name, tensor)
        self._set_persistent(name, persistent)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under an attribute name."""
        if module is not None and not isinstance(module, Owner):
            raise TypeError(f"{_type_name(module)} is not a Module subclass")
        self._check_name(MODULES, name)
        self._register(MODULES, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child module: another name of :meth:`add_module`."""
        self.add_module(name, module)

    def __dir__(self) -> list[str]:
        return sorted(name for name in super().__dir__() if not name[0].isdigit())

    def __copy__(self: S) -> S:
        copied = object.__new__(type(self))
        # Of the names a copy each: what one of the two registers later is not the other's.
        own = {key: self.__dict__[key].copy() for key in (*_LABELS, "_non_persistent_buffers_set")}
        copied.__dict__.update({**self.__dict__, **own})
        return copied

    # --- finding -------------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"encoder.layers.0"``; AttributeError if there is none."""
        module: Any = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Owner):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module  # type: ignore[no-any-return]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put ``module`` at a path, in the place of the module there or, unless ``strict``, as a new child.

        Errors: ValueError for an empty path or what is no module; AttributeError if there is no module above
        it, if another attribute has the name, or (``strict``) if nothing is there.

        >>> from autotape import nn
        >>> net = nn.Sequential(nn.Sequential(nn.ReLU()))
        >>> net.set_submodule("0.0", nn.Tanh())
        >>> net[0][0]
        Tanh()
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Owner):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            parent.get_submodule(name)  # raises unless it is a module
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"encoder.layers.0.weight"``; AttributeError if there is none."""
        return self._get(target, PARAMETERS, "an nn.Parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path of attribute names; AttributeError if there is none."""
        return self._get(target, BUFFERS, "a buffer")  # type: ignore[no-any-return]

    def _get(self, target: str, kind: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
        if name not in module.__dict__[kind]:
            raise AttributeError(f"`{name}` is not {what}")
        return getattr(module, name)

    # --- walking the tree ----------------------------------------------------------------------------------

    def children(self) -> Iterator[Module]:
        """The direct child modules, each once."""
        seen: set[int] = set()
        attributes = self.__dict__
        for name in tuple(attributes[MODULES]):
            module = attributes[name]
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The direct child modules with their names, each once."""
        seen: set[int] = set()
        attributes = self.__dict__
        for name in tuple(attributes[MODULES]):
            module = attributes[name]
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once, parents first."""
        for _, module in self.named_modules():
            yield module

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it with their paths, parents first; each once, unless told otherwise.

        >>> from autotape import nn
        >>> [name for name, _ in nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU())).named_modules()]
        ['', '0', '1', '1.0']
        """
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self  # type: ignore[misc]
        attributes = self.__dict__
        for name in tuple(attributes[MODULES]):
            module = attributes[name]
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                if module.__dict__.get(MODULES, True):
                    yield from module.named_modules(memo, path, remove_duplicate)
                elif module not in memo:  # a leaf: without a generator of its own
                    if remove_duplicate:
                        memo.add(module)
                    yield path, module

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters of this module, and with ``recurse`` of all below it, each once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths (``0.weight``), each once, unless told otherwise."""
        return self._named_members(PARAMETERS, prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers of this module, and with ``recurse`` of all below it, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths, each once, unless told otherwise."""
        return self._named_members(BUFFERS, prefix, recurse, remove_duplicate)

    def _named_members(
        self, kind: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        owners: Any = [(prefix, self)]
        if recurse:
            owners = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in owners:
            attributes = module.__dict__
            for name in attributes[kind]:
                member = attributes[name]
                if member is None or id(member) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(member))
                yield (f"{path}.{name}" if path else name), member


def _not_initialised(kind: str) -> AttributeError:
    label = "parameters" if kind == PARAMETERS else _LABELS[kind]
    return AttributeError(f"cannot assign {label} before Module.__init__() call")


def _type_name(value: Any) -> str:
    return f"autotape.{type(value).__name__}" if isinstance(value, Tensor) else type(value).__name__


def _cannot_assign(value: Any, what: str) -> TypeError:
    return TypeError(f"cannot assign '{_type_name(value)}' as {what}")
