"""Small datasets that come with the package (licences in NOTICE.txt), known ones read from files, made ones.

Images: :class:`MNIST`, :class:`FashionMNIST`, :class:`CIFAR10`, :class:`CIFAR100`, :func:`digits`. Text:
:func:`sonnets`, :class:`TinyShakespeare`, :class:`TextCorpus`, :class:`Vocabulary`. Drawn from formulas:
:func:`spiral`, :func:`moons`, :func:`toy_sequence`.
"""

from __future__ import annotations

from autotape.datasets._digits import digits
from autotape.datasets.cifar import CIFAR10, CIFAR100
from autotape.datasets.download import download_file
from autotape.datasets.mnist import MNIST, FashionMNIST
from autotape.datasets.synthetic import moons, spiral, toy_sequence
from autotape.datasets.text import (
    TextCorpus,
    TinyShakespeare,
    batchify,
    bptt_windows,
    sonnets,
    split_words,
)
from autotape.datasets.vision import VisionDataset
from autotape.datasets.vocabulary import Vocabulary

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "FashionMNIST",
    "MNIST",
    "TextCorpus",
    "TinyShakespeare",
    "VisionDataset",
    "Vocabulary",
    "batchify",
    "bptt_windows",
    "digits",
    "download_file",
    "moons",
    "sonnets",
    "spiral",
    "split_words",
    "toy_sequence",
]
