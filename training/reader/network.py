"""PP-OCRv6's small recogniser in torch, batch norms folded: PPLCNetV4 backbone, two SVTR blocks, one linear layer.

Built after `PPOCRV6SmallRec` of PaddleX 3.7 (Apache-2.0). Modules are registered in the order of the ONNX graph:
`weights` lays the parameters in by that order.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

#: Channels of the network's three stages, and which of the blocks of each weigh their channels (squeeze, excite).
_STAGES: tuple[tuple[int, tuple[bool, ...]], ...] = (
    (96, (True, False, False)),
    (192, (True, False, True, False, True, False)),
    (384, (True, False)),
)
#: Channels of the sequence that the classifier sees; attention heads.
WIDTH, _HEADS = 120, 8
#: Pixels of input width for each step of the output, and the only input height.
STEP_PX, HEIGHT_PX = 8, 48


class _Stem(nn.Module):  # type: ignore[misc]
    """Two roads through the first strides, joined: a quarter of the input's width and height."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 48, 3, 2, 1)
        self.narrow = nn.Conv2d(48, 24, 2)
        self.widen = nn.Conv2d(24, 48, 2)
        self.join = nn.Conv2d(96, 48, 3, 2, 1)
        self.out = nn.Conv2d(48, 96, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        learnt = F.relu(self.narrow(_padded(x)))
        learnt = F.relu(self.widen(_padded(learnt)))
        pooled = F.max_pool2d(_padded(x), 2, 1)
        return F.relu(self.out(F.relu(self.join(torch.cat([pooled, learnt], 1)))))


def _padded(x: Tensor) -> Tensor:
    """One row and column more at the lower right, as ONNX's SAME_UPPER has it for kernels of two."""
    return F.pad(x, (0, 1, 0, 1))


class _Excite(nn.Module):  # type: ignore[misc]
    """Weighs channels by their mean over the picture, its padding included."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return x * F.hardsigmoid(self.expand(F.relu(self.squeeze(mean))))


class _Block(nn.Module):  # type: ignore[misc]
    """Depthwise 3x3, then two 1x1 convolutions beside a shortcut; without the shortcut where the shape changes."""

    def __init__(self, channels: int, out: int, excite: bool = False) -> None:
        super().__init__()
        self.shortcut = channels == out
        self.depthwise = nn.Conv2d(channels, channels, 3, 1 if self.shortcut else (2, 1), 1, groups=channels)
        self.excite = _Excite(channels) if excite else nn.Identity()
        self.expand = nn.Conv2d(channels, 2 * channels, 1)
        self.project = nn.Conv2d(2 * channels, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.excite(self.depthwise(x))
        change: Tensor = self.project(F.gelu(self.expand(x)))
        return x + change if self.shortcut else change


class _Attention(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.project = nn.Linear(WIDTH, WIDTH)
        self.mlp_norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 2 * WIDTH)
        self.narrow = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        count, steps, _ = x.shape
        query, key, value = self.qkv(self.norm(x)).view(count, steps, 3, _HEADS, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(count, steps, WIDTH)
        x = x + self.project(mixed)
        return x + self.narrow(F.silu(self.widen(self.mlp_norm(x))))


class _Neck(nn.Module):  # type: ignore[misc]
    """From feature maps one pixel high to a sequence that looks at itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beside = nn.Conv2d(channels, WIDTH, 1)
        self.enter = nn.Conv2d(channels, WIDTH, 1)
        self.neighbours = nn.Conv2d(WIDTH, WIDTH, (1, 7), padding=(0, 3), groups=WIDTH)
        self.attention = nn.Sequential(_Attention(), _Attention())
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        beside = F.silu(self.beside(x))
        x = F.silu(self.enter(x))
        x = x + F.silu(self.neighbours(x))
        x = self.norm(self.attention(x.squeeze(2).transpose(1, 2)))
        return x + beside.squeeze(2).transpose(1, 2)


class PlateNetwork(nn.Module):  # type: ignore[misc]
    """Float (batch, 3, 48, width) in -1..1, BGR, width a multiple of 16, to logits (batch, width / 8, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.stem = _Stem()
        blocks: list[_Block] = []
        before = _STAGES[0][0]
        for channels, excites in _STAGES:
            if channels != before:
                blocks.append(_Block(before, channels))
            blocks += [_Block(channels, channels, excite) for excite in excites]
            before = channels
        self.blocks = nn.Sequential(*blocks)
        self.neck = _Neck(before)
        self.classifier = nn.Linear(WIDTH, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(self.blocks(self.stem(x)), (3, 2))
        logits: Tensor = self.classifier(self.neck(x))
        return logits
