"""The operations by family: NumPy forward functions and VJP rules. May import the engine and each other.

Each family file lists its public functions in ``__all__`` and those of them that are also Tensor methods in
``methods``; ``in_place`` are the methods that get a twin with a trailing underscore.
"""
