"""The engine: dtypes, the tape, Tensor, how an operation is recorded and how the tape is replayed.

Imports NumPy only and knows no operation: the families of operations are in :mod:`autotape.ops`.
"""
