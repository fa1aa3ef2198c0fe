"""Training a small GPT beside PyTorch: two pre-norm blocks, causal attention, GELU, AdamW.

    python benchmarks/transformer.py

Width 64, 4 heads, 32 tokens, batch 8, vocabulary 65. The attention is written out (view, transpose, matmul,
masked_fill, softmax), or calls ``scaled_dot_product_attention``, or is ``nn.TransformerEncoder``'s.
"""

from __future__ import annotations

import math
from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape

WIDTH, HEADS, TOKENS, BATCH, VOCABULARY, BLOCKS = 64, 4, 32, 8, 65, 2
torch: Any = torch_or_none()


def gpt(library: Any, attention: str) -> Any:
    """The model in one of the two libraries: the same source for both."""
    nn = library.nn
    functional = nn.functional

    class Attention(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.out = nn.Linear(WIDTH, WIDTH)
            self.register_buffer("mask", library.tril(library.ones(TOKENS, TOKENS)) == 0)

        def forward(self, x: Any) -> Any:
            b, t, c = x.shape
            q, k, v = self.qkv(x).split(WIDTH, dim=2)
            q = q.view(b, t, HEADS, c // HEADS).transpose(1, 2)
            k = k.view(b, t, HEADS, c // HEADS).transpose(1, 2)
            v = v.view(b, t, HEADS, c // HEADS).transpose(1, 2)
            if attention == "fused":
                y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            else:
                scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(c // HEADS))
                scores = scores.masked_fill(self.mask[:t, :t], float("-inf"))
                y = functional.softmax(scores, dim=-1) @ v
            return self.out(y.transpose(1, 2).contiguous().view(b, t, c))

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attention = Attention()
            self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Encoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, BLOCKS)
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(TOKENS))

        def forward(self, x: Any) -> Any:
            return self.blocks(x, mask=self.mask, is_causal=True)

    class GPT(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(VOCABULARY, WIDTH)
            self.places = nn.Embedding(TOKENS, WIDTH)
            self.blocks = (
                Encoder() if attention == "module" else nn.Sequential(*[Block() for _ in range(BLOCKS)])
            )
            self.norm = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.tokens(tokens) + self.places(library.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x)))

    return GPT()


def step_with(library: Any, attention: str) -> Job:
    """One training step: forward, backward, AdamW."""
    rng = np.random.default_rng(0)
    cross_entropy = library.nn.functional.cross_entropy
    model = gpt(library, attention)
    with library.no_grad():
        for p in model.parameters():
            p.copy_(library.from_numpy(rng.normal(0, 0.05, tuple(p.shape)).astype(np.float32)))
    optimizer = library.optim.AdamW(model.parameters(), lr=1e-3)
    text = rng.integers(0, VOCABULARY, (BATCH, TOKENS + 1))
    tokens, targets = library.from_numpy(text[:, :-1].copy()), library.from_numpy(text[:, 1:].copy())

    def step() -> Any:
        logits = model(tokens)
        loss = cross_entropy(logits.view(-1, VOCABULARY), targets.view(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def main() -> None:
    """Print the tables."""
    libraries = {"autotape": autotape} | ({} if torch is None else {"PyTorch": torch})
    for attention in ("written out", "fused", "module"):
        jobs = {name: step_with(library, attention) for name, library in libraries.items()}
        losses = [[float(job().item()) for _ in range(3)] for job in jobs.values()]  # type: ignore[attr-defined]
        assert np.ptp(losses, axis=0).max() < 1e-4, losses  # the same work
        report(f"GPT of {BLOCKS} blocks, attention {attention}", compare(jobs))


if __name__ == "__main__":
    main()
