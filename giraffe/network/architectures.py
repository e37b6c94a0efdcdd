"""The networks: InceptionV3 and the organisers' example CNN, with a GEV or a sigmoid head.

InceptionV3: Szegedy et al., CVPR 2016, as torchvision builds it; its auxiliary head only where a
recipe asks for it, and only in training.
"""

from typing import NamedTuple

import torch
import torchvision
from torch import nn

from giraffe.classes import CLASSES
from giraffe.network.gev import GEV
from giraffe.recipe import Recipe

INCEPTION_FEATURES = 2048
CELL_FEATURES = 768  # of the module Mixed_6e
VANILLA_FEATURES = 512
AUXILIARY_SIZE = 299
"""Smallest height and width for which the auxiliary head's convolutions have something to see."""

TRAINING_ONLY = ("measured.", "cells.", "body.AuxLogits.")
"""How the names of layers begin that a running model does not need."""

LABELS = ("last.", "head.")
"""How the names of layers begin that know the labels; all others know pictures."""


class Sigmoid(nn.Module):
    """The ordinary head: logistic function and binary cross-entropy."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of outputs of shape (..., classes)."""
        return torch.sigmoid(x.float())

    def cross_entropy(self, x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each entry."""
        return nn.functional.binary_cross_entropy_with_logits(
            x.float(), targets.float(), reduction="none"
        )


class Vanilla(nn.Sequential):
    """Three convolutions and a hidden layer of 512 units (paper, "Model and training").

    Parameters
    ----------
    size : (int, int)
        Height and width of the input; 425 x 550 gives the paper's 64 x 53 x 68 features.
    """

    def __init__(self, size: tuple[int, int]):
        layers: list[nn.Module] = []
        for channels_in, channels_out in ((3, 16), (16, 32), (32, 64)):
            layers += [
                nn.Conv2d(channels_in, channels_out, 3, padding=1),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
        features = 64 * (size[0] // 8) * (size[1] // 8)
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(features, VANILLA_FEATURES),
            nn.ReLU(),
        )


class Outputs(NamedTuple):
    """What the network says of a batch.

    Attributes
    ----------
    labels : Tensor of float32, shape (batch, classes)
        Outputs x before the activation.
    auxiliary : Tensor of float32, shape (batch, classes), or None
        Those of the auxiliary head, in training.
    measured : Tensor of float32, shape (batch, measurements), or None
        Measurements, in training that predicts them.
    cells : Tensor of float32, shape (batch, numbers, rows, columns), or None
        What is read in each cell of the picture, in training that predicts it.
    """

    labels: torch.Tensor
    auxiliary: torch.Tensor | None = None
    measured: torch.Tensor | None = None
    cells: torch.Tensor | None = None


class Network(nn.Module):
    """Images to outputs, and outputs to probabilities or a loss.

    Parameters
    ----------
    recipe : Recipe
        Architecture and activation.
    size : (int, int)
        Height and width of the input in px.
    measurements : int
        Numbers that are predicted beside the labels, in training alone.
    cells : int
        Numbers that are predicted in each cell of the features of Mixed_6e, in training alone.
    """

    def __init__(
        self, recipe: Recipe, size: tuple[int, int], measurements: int = 0, cells: int = 0
    ):
        super().__init__()
        self.auxiliary = bool(recipe.auxiliary) and min(size) >= AUXILIARY_SIZE
        if recipe.architecture == "inception":
            self.body = torchvision.models.inception_v3(
                weights=None, aux_logits=self.auxiliary, transform_input=False, init_weights=False
            )
            self.body.fc = nn.Identity()
            if self.auxiliary:
                aux = self.body.AuxLogits
                aux.fc = nn.Linear(aux.fc.in_features, len(CLASSES))
            features = INCEPTION_FEATURES
        elif recipe.architecture == "vanilla":
            self.body = Vanilla(size)
            features = VANILLA_FEATURES
        else:
            raise ValueError(f"unknown architecture {recipe.architecture!r}")
        self.last = nn.Linear(features, len(CLASSES))
        self.measured = nn.Linear(features, measurements) if measurements else None
        self.cells = None
        self._features: torch.Tensor | None = None
        if cells and recipe.architecture == "inception":
            self.cells = nn.Conv2d(CELL_FEATURES, cells, 1)
            self.body.Mixed_6e.register_forward_hook(self._keep_features)
        if recipe.activation not in ("gev", "sigmoid"):
            raise ValueError(f"unknown activation {recipe.activation!r}")
        self.head = GEV(len(CLASSES)) if recipe.activation == "gev" else Sigmoid()
        self._frozen = _modules_to(self.body, recipe.frozen) if recipe.frozen else []
        for module in self._frozen:
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> "Network":
        """As of any module; what is frozen keeps its batch normalisation's statistics too."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def _keep_features(self, module, inputs, features) -> None:
        self._features = features if self.training else None

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Outputs x of the last layer alone; see `outputs`."""
        return self.outputs(images).labels

    def outputs(self, images: torch.Tensor) -> Outputs:
        """All outputs, before the activation.

        Parameters
        ----------
        images : Tensor of uint8, shape (batch, 3, height, width)
            Brought to [-1, 1] here, on the device.
        """
        features = self.body((images.float() - 127.5) / 127.5)
        auxiliary = measured = cells = None
        if not isinstance(features, torch.Tensor):  # torchvision's pair of outputs in training
            features, auxiliary = features
            auxiliary = auxiliary.float()
        if self.training and self.cells is not None:
            cells = self.cells(self._features).float()
            self._features = None
        # The GEV's loss has slopes that float16 cannot hold, so the last layer is always float32.
        with torch.autocast(images.device.type, enabled=False):
            features = features.float()
            if self.training and self.measured is not None:
                measured = self.measured(features)
            return Outputs(self.last(features), auxiliary, measured, cells)

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Probability of each class, shape (batch, classes)."""
        return self.head(self(images))

    def parameter_groups(self, weight_decay: float) -> list[dict]:
        """Parameters for an optimizer; the head's own are not decayed."""
        return [
            {
                "params": [p for n, p in self.named_parameters() if not n.startswith("head.")],
                "weight_decay": weight_decay,
            },
            {"params": list(self.head.parameters()), "weight_decay": 0.0},
        ]


def _modules_to(body: nn.Module, last: str) -> list[nn.Module]:
    """The body's modules from the picture to the one of that name."""
    names = [name for name, _ in body.named_children()]
    if last not in names:
        raise ValueError(f"no module {last!r} to freeze; there are: {', '.join(names)}")
    return [getattr(body, name) for name in names[: names.index(last) + 1]]
