"""The networks that were tried, and the one that is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Network:
    """One of Ultralytics' networks, at a width of its own."""

    #: How the tables call it.
    name: str
    #: Ultralytics' description of the layers.
    layers: str = "yolo26.yaml"
    #: Channels of every layer, as a share of the description's; Ultralytics' `n` has a quarter.
    width: float = 0.25
    #: Repeats of every block, as a share of the description's.
    depth: float = 0.5
    #: Name of the activation in `torch.nn`.
    activation: str = "SiLU"

    def build(self) -> Any:
        """Return the untrained network for one class, `plate`, in training mode."""
        from ultralytics.cfg import get_cfg
        from ultralytics.nn import tasks

        description: dict[str, Any] = tasks.yaml_model_load(self.layers)
        # Without YOLO26's second head, which replaces non-maximum suppression: it found fewer plates here, and costs
        # time in every step.
        description |= {"nc": 1, "end2end": False, "scale": "own", "scales": {"own": [self.depth, self.width, 1024]}}
        make: Any = tasks.DetectionModel
        model = make(description, nc=1, verbose=False)
        model.args = get_cfg()
        model.names = {0: "plate"}
        return self.activated(model).train()

    def activated(self, model: Any) -> Any:
        """Return a network, trained or not, with this one's activation in place of its own."""
        from torch import nn

        for block in model.modules():
            if isinstance(getattr(block, "act", None), (nn.SiLU, nn.ReLU)):
                block.act = getattr(nn, self.activation)(inplace=True)
        return model


#: What `compare` trains side by side. The thin ones have three quarters and half of the channels of `n`.
CANDIDATES = (
    Network("yolo26n"),
    Network("yolo11n", "yolo11.yaml"),
    Network("yolo26 thin", width=0.1875),
    Network("yolo26 half", width=0.125),
    Network("yolo26 half + p2", "yolo26-p2.yaml", 0.125),
    Network("yolo26 half, ReLU", width=0.125, activation="ReLU"),
)
#: What is shipped.
SHIPPED = CANDIDATES[5]
