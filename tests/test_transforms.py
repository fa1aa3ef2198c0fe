"""Transforms of images, on arrays and on tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import transforms as T
from autotape.engine.tensor import Tensor
from autotape.left_out import LeftOut
from autotape.nn import functional as F

Array = np.ndarray[Any, Any]


def picture(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def as_tensor(image: Array) -> Tensor:
    """The same numbers as a tensor, channels first."""
    return at.from_numpy(image.copy() if image.ndim == 2 else np.ascontiguousarray(image.transpose(2, 0, 1)))


def as_array(image: Array | Tensor) -> Array:
    """Any image as an array, channels last."""
    if isinstance(image, np.ndarray):
        return image
    return image.numpy() if image.ndim == 2 else image.numpy().transpose(1, 2, 0)


FORMS: list[Callable[[Array], Any]] = [lambda image: image, as_tensor]  # an array, a tensor
forms = pytest.mark.parametrize("form", FORMS, ids=["array", "tensor"])
shapes = pytest.mark.parametrize("shape", [(8, 6), (8, 6, 3), (7, 7, 1)])


# --- values -------------------------------------------------------------------------------------------------


@shapes
def test_to_tensor(shape: tuple[int, ...]) -> None:
    image = picture(*shape)
    x = T.ToTensor()(image)
    channels = 1 if len(shape) == 2 else shape[2]
    assert x.shape == (channels, *shape[:2])
    assert x.dtype == at.float32
    assert x.is_contiguous()
    assert np.array_equal(
        x.numpy(), np.atleast_3d(image).transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    )
    assert at.equal(T.ToTensor()(image[:, ::-1]), x.flip(-1))  # an array with a negative stride


def test_to_tensor_leaves_other_dtypes_as_they_are() -> None:
    image = np.full((2, 3), 200.5)
    x = T.ToTensor()(image)
    assert (x.dtype, x.shape, float(x[0, 0, 0])) == (at.float64, (1, 2, 3), 200.5)
    image[:] = 0
    assert float(x.min()) == 200.5
    at.set_default_dtype(at.float64)
    try:
        assert T.ToTensor()(picture(2, 2)).dtype == at.float64
    finally:
        at.set_default_dtype(at.float32)


@pytest.mark.parametrize(
    ("image", "error"),
    [
        ([[1, 2]], TypeError),
        (at.ones(3, 3), TypeError),
        (np.zeros(3, np.uint8), ValueError),
        (np.zeros((1, 2, 3, 4), np.uint8), ValueError),
    ],
)
def test_to_tensor_takes_arrays_of_two_or_three_dimensions(image: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="pic should be"):
        T.ToTensor()(image)


def test_normalize() -> None:
    x = at.rand(2, 3, 4, 5, dtype=at.float64)
    mean, std = (0.1, 0.2, 0.3), (0.5, 2.0, 4.0)
    y = T.Normalize(mean, std)(x)
    expected = (x.numpy() - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1))
    assert np.allclose(y.numpy(), expected, rtol=1e-15)
    assert y.dtype == at.float64
    assert at.equal(T.Normalize((0.5,), (0.25,))(x), (x - 0.5) / 0.25)  # one number for all channels
    before = x.clone()
    T.Normalize(mean, std)(x)
    assert at.equal(x, before)
    z = T.Normalize(mean, std, inplace=True)(x)
    assert z is x
    assert at.equal(x, y)


def test_normalize_refuses_what_it_can_not_do() -> None:
    half = T.Normalize((0.5, 0.5), (0.5, 0.5))
    with pytest.raises(TypeError, match=r"put ToTensor\(\) before it"):
        half(picture(4, 4))
    with pytest.raises(TypeError, match=r"float tensor. Got autotape.uint8"):
        half(as_tensor(picture(4, 4, 2)))
    with pytest.raises(ValueError, match=r"\(..., C, H, W\). Got \(4, 4\)"):
        half(at.rand(4, 4))
    with pytest.raises(ValueError, match="an image of 3 channels needs as many numbers"):
        half(at.rand(3, 4, 4))
    with pytest.raises(ValueError, match="std must not be zero"):
        T.Normalize((0.5,), (0.0,))


def test_convert_image_dtype() -> None:
    levels = at.arange(256).to(at.uint8)
    floats = T.ConvertImageDtype(at.float32)(levels)
    assert at.equal(floats, levels.to(at.float32) / 255)
    assert at.equal(T.ConvertImageDtype(at.uint8)(floats), levels)
    assert T.ConvertImageDtype(at.uint8)(levels) is levels
    wide = T.ConvertImageDtype(at.int32)(levels)
    assert wide.dtype == at.int32
    assert (int(wide[0]), int(wide[1]), int(wide[255])) == (0, 2**23, 255 * 2**23)
    assert at.equal(T.ConvertImageDtype(at.uint8)(wide), levels)
    assert T.ConvertImageDtype(at.float64)(at.rand(2)).dtype == at.float64
    with pytest.raises(TypeError, match="should be Tensor Image, got ndarray"):
        T.ConvertImageDtype(at.float32)(picture(2, 2))


def test_grayscale() -> None:
    image = picture(5, 4, 3)
    exact = image @ np.array([0.299, 0.587, 0.114])
    grey = T.Grayscale()(image)
    assert (grey.shape, grey.dtype) == ((5, 4), np.uint8)
    assert np.abs(grey - exact).max() <= 0.51
    assert T.Grayscale()(np.full((1, 1, 3), 255, np.uint8)).tolist() == [[255]]
    three = T.Grayscale(3)(image)
    assert np.array_equal(three, np.stack([grey] * 3, 2))
    assert np.array_equal(T.Grayscale(3)(grey), three)
    assert T.Grayscale()(grey) is grey
    x = T.ToTensor()(image)
    assert np.allclose(T.Grayscale()(x).numpy()[0] * 255, exact, atol=0.05)
    assert T.Grayscale(3)(x).shape == (3, 5, 4)
    assert T.Grayscale(3)(x[:1]).shape == (3, 5, 4)
    assert T.Grayscale()(as_tensor(image)).dtype == at.uint8
    for wrong in (picture(4, 4, 2), as_tensor(picture(4, 4, 2))):
        with pytest.raises(ValueError, match="is needed, got"):
            T.Grayscale()(wrong)
    with pytest.raises(ValueError, match="either 1 or 3, got 2"):
        T.Grayscale(2)


# --- shapes -------------------------------------------------------------------------------------------------


@forms
@shapes
@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize(
    ("padding", "sides"),  # left, top, right, bottom
    [
        (2, (2, 2, 2, 2)),
        ([3], (3, 3, 3, 3)),
        ((1, 2), (1, 2, 1, 2)),
        ((0, 1, 2, 3), (0, 1, 2, 3)),
        (0, (0,) * 4),
    ],
)
def test_pad(form: Any, shape: tuple[int, ...], mode: str, padding: Any, sides: tuple[int, ...]) -> None:
    image = picture(*shape)
    left, top, right, bottom = sides
    widths = [(top, bottom), (left, right), (0, 0)][: len(shape)]
    value = {"constant_values": 9} if mode == "constant" else {}
    expected = np.pad(image, widths, mode, **value)  # type: ignore[call-overload]
    padded = T.Pad(padding, fill=9, padding_mode=mode)(form(image))
    assert np.array_equal(as_array(padded), expected)


def test_pad_with_a_colour_and_wrong_arguments() -> None:
    padded = T.Pad(1, fill=(1, 2, 3))(picture(2, 2, 3))
    assert padded[0, 0].tolist() == padded[3, 2].tolist() == [1, 2, 3]
    for wrong in ((1, 2, 3), -1, ()):
        with pytest.raises(ValueError, match="Padding must be"):
            T.Pad(wrong)
    with pytest.raises(ValueError, match="Padding mode should be either"):
        T.Pad(1, padding_mode="wrap")
    with pytest.raises(ValueError, match=r"must be less than the size \(3, 3\)"):
        T.Pad(3, padding_mode="reflect")(picture(3, 3))


@forms
@shapes
@pytest.mark.parametrize("size", [1, 4, (3, 5), (6, 2)])
def test_center_crop(form: Any, shape: tuple[int, ...], size: Any) -> None:
    image = picture(*shape)
    height, width = (size, size) if isinstance(size, int) else size
    top, left = round((shape[0] - height) / 2), round((shape[1] - width) / 2)
    cropped = T.CenterCrop(size)(form(image))
    assert np.array_equal(as_array(cropped), image[top : top + height, left : left + width])


@forms
def test_center_crop_of_a_smaller_image_pads_with_zeros(form: Any) -> None:
    image = picture(3, 4, 3)
    cropped = as_array(T.CenterCrop(6)(form(image)))
    assert cropped.shape == (6, 6, 3)
    assert np.array_equal(cropped[1:4, 1:5], image)
    assert int(cropped.astype(int).sum()) == int(image.astype(int).sum())


@forms
def test_random_crop_takes_every_place_and_only_those(form: Any) -> None:
    image = np.arange(30, dtype=np.uint8).reshape(5, 6)
    at.manual_seed(0)
    crop = T.RandomCrop((4, 3))
    corners = set()
    for _ in range(200):
        part = as_array(crop(form(image)))
        top, left = divmod(int(part[0, 0]), 6)
        assert np.array_equal(part, image[top : top + 4, left : left + 3])
        corners.add((top, left))
    assert corners == {(top, left) for top in range(2) for left in range(4)}


@forms
def test_random_crop_pads_first(form: Any) -> None:
    image = picture(4, 4, 3)
    crop = T.RandomCrop(4, padding=4, fill=7)
    at.manual_seed(3)
    parts = [as_array(crop(form(image))) for _ in range(50)]
    assert {part.shape for part in parts} == {(4, 4, 3)}
    padded = np.pad(image, [(4, 4), (4, 4), (0, 0)], constant_values=7)
    windows = {padded[i : i + 4, j : j + 4].tobytes() for i in range(9) for j in range(9)}
    assert all(part.tobytes() in windows for part in parts)
    assert len({part.tobytes() for part in parts}) > 20
    at.manual_seed(3)
    assert all(np.array_equal(as_array(crop(form(image))), part) for part in parts)


@forms
def test_random_crop_of_an_image_that_is_too_small(form: Any) -> None:
    image = form(picture(3, 8))
    with pytest.raises(ValueError, match=r"crop size \(4, 4\) is larger than input image size \(3, 8\)"):
        T.RandomCrop(4)(image)
    assert as_array(T.RandomCrop(4, pad_if_needed=True)(image)).shape == (4, 4)
    assert as_array(T.RandomCrop((3, 8))(image)).shape == (3, 8)


@forms
@shapes
@pytest.mark.parametrize(("flip", "axis"), [(T.RandomHorizontalFlip, 1), (T.RandomVerticalFlip, 0)])
def test_flips(form: Any, shape: tuple[int, ...], flip: Any, axis: int) -> None:
    image = picture(*shape)
    assert np.array_equal(as_array(flip(1.0)(form(image))), np.flip(image, axis))
    same = form(image)
    assert flip(0.0)(same) is same
    at.manual_seed(0)
    count = sum(not np.array_equal(as_array(flip(0.25)(form(image))), image) for _ in range(400))
    assert 60 < count < 140
    with pytest.raises(ValueError, match="p must be a probability"):
        flip(1.5)


@pytest.mark.parametrize("size", [(4, 3), (8, 6), (16, 12), (5, 11), (20, 2), 3, 13, [9]])
@pytest.mark.parametrize("shape", [(8, 6), (6, 8), (7, 7)])
def test_resize_is_the_antialiased_interpolation(size: Any, shape: tuple[int, int]) -> None:
    image = picture(*shape, 3)
    x = T.ToTensor()(image).double()
    if isinstance(size, tuple):
        goal = size
    else:
        short = size if isinstance(size, int) else size[0]
        goal = tuple(int(short * side / min(shape)) for side in shape)
    y = T.Resize(size)(x)
    expected = F.interpolate(x[None], goal, mode="bilinear", antialias=True)[0]
    assert y.shape == (3, *goal)
    assert np.allclose(y.numpy(), expected.numpy(), atol=1e-6)
    resized = T.Resize(size)(image)
    assert (resized.shape, resized.dtype) == ((*goal, 3), np.uint8)
    assert np.abs(resized / 255 - y.numpy().transpose(1, 2, 0)).max() < 0.51 / 255
    assert np.array_equal(as_array(T.Resize(size)(as_tensor(image))), resized)
    assert np.array_equal(T.Resize(size)(image[:, :, 0]), resized[:, :, 0])


def test_resize_keeps_a_flat_image_flat_and_its_own_size() -> None:
    assert set(T.Resize((3, 17))(np.full((9, 5), 77, np.uint8)).ravel().tolist()) == {77}
    image = picture(4, 5)
    assert T.Resize((4, 5))(image) is image
    assert T.Resize(4)(image) is image
    for wrong in (0, (1, 2, 3), (4, -1)):
        with pytest.raises(ValueError, match="size must be one or two numbers"):
            T.Resize(wrong)


def test_tensors_keep_their_gradients() -> None:
    x = at.rand(3, 6, 6, dtype=at.float64).requires_grad_()
    change = T.Compose(
        [T.Pad(1), T.CenterCrop(5), T.RandomHorizontalFlip(1.0), T.Resize(4), T.Normalize((0.5,), (0.5,))]
    )
    change(x).sum().backward()
    assert x.grad is not None
    assert float(x.grad.sum()) == pytest.approx(2 * 3 * 16)


# --- all of them --------------------------------------------------------------------------------------------

ALL = [
    T.Pad(1),
    T.CenterCrop(3),
    T.RandomCrop(3),
    T.RandomHorizontalFlip(1.0),
    T.RandomVerticalFlip(1.0),
    T.Resize(3),
    T.Grayscale(3),
]


@forms
@pytest.mark.parametrize("transform", ALL, ids=repr)
def test_the_image_that_was_given_stays_and_is_not_shared(form: Any, transform: T.Transform) -> None:
    image = form(picture(5, 6, 3))
    before = as_array(image).copy()
    changed = transform(image)
    writable = as_array(changed)
    if not (
        isinstance(changed, Tensor) and isinstance(transform, T.Grayscale)
    ):  # its channels are one expanded
        writable[...] = 0
    assert np.array_equal(as_array(image), before)
    assert as_array(changed).dtype == np.uint8


@pytest.mark.parametrize("transform", ALL, ids=repr)
@pytest.mark.parametrize("wrong", [[[1, 2]], "image", np.zeros(3), np.zeros((2, 2, 2, 2)), at.ones(3), None])
def test_what_is_no_image_is_refused(transform: T.Transform, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"an image is an array \(H, W\)"):
        transform(wrong)


def test_compose_and_lambda() -> None:
    double = T.Lambda(lambda x: x * 2)
    change = T.Compose([T.ToTensor(), double, T.Lambda(lambda x: x.flatten())])
    image = picture(2, 3)
    assert at.equal(change(image), (T.ToTensor()(image) * 2).flatten())
    assert T.Compose([])(image) is image
    with pytest.raises(TypeError, match="lambd should be callable, got int"):
        T.Lambda(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("transform", "text"),
    [
        (T.ToTensor(), "ToTensor()"),
        (T.Normalize((0.5,), (0.25,)), "Normalize(mean=(0.5,), std=(0.25,))"),
        (T.RandomCrop(32, padding=4), "RandomCrop(size=(32, 32), padding=4)"),
        (T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
        (T.RandomVerticalFlip(0.1), "RandomVerticalFlip(p=0.1)"),
        (T.CenterCrop(3), "CenterCrop(size=(3, 3))"),
        (T.Pad(2), "Pad(padding=2, fill=0, padding_mode=constant)"),
        (T.Resize(256), "Resize(size=256)"),
        (T.Grayscale(), "Grayscale(num_output_channels=1)"),
        (T.ConvertImageDtype(at.float64), "ConvertImageDtype(autotape.float64)"),
        (T.Lambda(abs), "Lambda()"),
        (
            T.Compose([T.ToTensor(), T.Compose([T.Lambda(abs)])]),
            "Compose(\n    ToTensor()\n    Compose(\n        Lambda()\n    )\n)",
        ),
    ],
)
def test_repr(transform: T.Transform, text: str) -> None:
    assert repr(transform) == text


def test_what_is_left_out_says_so() -> None:
    for name in ("PILToTensor", "ColorJitter", "RandomRotation", "v2"):
        with pytest.raises(LeftOut, match=rf"autotape\.transforms\.{name} is left out: "):
            getattr(T, name)
    with pytest.raises(AttributeError, match="did you mean 'Normalize'"):
        T.Normalise  # type: ignore[attr-defined]  # noqa: B018
