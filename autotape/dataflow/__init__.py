"""Networks that are declared first, as a graph of named nodes, and computed afterwards, as far as needed.

Everywhere else in autotape a network is what its code does when it runs. Here it is data, which can be drawn
and asked for any of its nodes. The tape underneath is the same.

>>> import autotape as at
>>> from autotape import dataflow as df
>>> from functools import partial
>>> x = df.placeholder("x", (None, 4))
>>> hidden = df.relu("hidden", df.matmul("z1", x, df.variable("w1", (4, 8))))
>>> y = df.softmax("y", df.matmul("z2", hidden, df.variable("w2", (8, 3))))
>>> network = df.Network(y, partial(at.optim.Adam, lr=0.01))
>>> network.predict("y", {"x": at.randn(5, 4)}).shape
autotape.Size([5, 3])
>>> loss = network.fit("y", at.tensor([0, 2, 1, 1, 0]), {"x": at.randn(5, 4)})
"""

from autotape.dataflow.network import Network
from autotape.dataflow.nodes import Node, add, matmul, node, placeholder, relu, softmax, variable

__all__ = ["Network", "Node", "add", "matmul", "node", "placeholder", "relu", "softmax", "variable"]
