"""The generalized extreme value (GEV) activation and its cross-entropy in log space.

With z = (x - μ) / σ the probability is the GEV distribution function (paper, "GEV activation";
origin of the activation: Bridge et al., IEEE JBHI 24(10), 2020, 2776-2786)

    p = exp(-t),   t = (1 + ξz)^(-1/ξ),   t = exp(-z) for ξ = 0.

Erratum: the paper prints the branch of ξ = 0 as exp(-exp((x - μ)/σ)), which decreases in x and is
not the limit of the other branch. The limit above is what is implemented.

Everything is computed from s = log t = -z φ(ξz) with φ(u) = log1p(u)/u, which is smooth through
u = 0, so the case ξ = 0 needs no branch and its gradient has no 0/0.
"""

import math

import torch
from torch import nn

MAX_LOG_T = 20.0
"""Beyond |log t| = 20 the loss goes on linearly in x: exp(20) is far above any useful loss."""

EDGE = 1e-3
"""Where 1 + ξz falls below this, at the support's edge, the loss goes on linearly too."""

_SERIES_BELOW = 0.05  # |u| below which φ and ψ come from their series; error < 1e-9
_MAX_EXPONENT = 60.0  # keeps exp() finite in float32 (overflow at 88)


def _log1p_ratio(u: torch.Tensor) -> torch.Tensor:
    """φ(u) = log1p(u) / u for u > -1, with φ(0) = 1 and finite gradients everywhere."""
    small = u.abs() < _SERIES_BELOW
    v = torch.where(small, u, torch.zeros_like(u))
    series = 1 - v * (1 / 2 - v * (1 / 3 - v * (1 / 4 - v * (1 / 5 - v * (1 / 6 - v / 7)))))
    w = torch.where(small, torch.ones_like(u), u)
    return torch.where(small, series, torch.log1p(w) / w)


def _expm1_ratio(v: torch.Tensor) -> torch.Tensor:
    """ψ(v) = expm1(v) / v, with ψ(0) = 1 and finite gradients everywhere."""
    small = v.abs() < _SERIES_BELOW
    a = torch.where(small, v, torch.zeros_like(v))
    series = 1 + a * (1 / 2 + a * (1 / 6 + a * (1 / 24 + a * (1 / 120 + a / 720))))
    b = torch.where(small, torch.ones_like(v), v.clamp(max=_MAX_EXPONENT))
    return torch.where(small, series, torch.expm1(b) / b)


def gev_probability(x, mu, sigma, xi) -> torch.Tensor:
    """Distribution function of the GEV, exact on and off its support.

    Parameters
    ----------
    x : Tensor, shape (..., classes)
        Outputs of the network.
    mu, sigma, xi : Tensor, shape (classes,)
        Location, scale (> 0) and shape of each class.

    Returns
    -------
    Tensor of float32 (float64 for float64 parameters)
        In [0, 1]; off the support 0 for ξ > 0 and 1 for ξ < 0.
    """
    z = (x.to(mu.dtype) - mu) / sigma
    u = xi * z
    inside = u > -1
    safe_u = torch.where(inside, u, torch.zeros_like(u))
    log_t = -z * _log1p_ratio(safe_u)
    p = torch.exp(-torch.exp(log_t.clamp(max=_MAX_EXPONENT)))
    outside = torch.where(xi > 0, torch.zeros_like(p), torch.ones_like(p))
    return torch.where(inside, p, outside)


def gev_cross_entropy(x, targets, mu, sigma, xi) -> torch.Tensor:
    """Binary cross-entropy of the GEV activation, finite with finite gradients for every x.

    Inside, loss = y t - (1 - y) log(-expm1(-t)). Where |log t| > `MAX_LOG_T` or
    1 + ξz < `EDGE` it is continued linearly in x, with the value and the slope of the boundary.

    Parameters
    ----------
    x : Tensor, shape (..., classes)
        Outputs of the network.
    targets : Tensor, shape (..., classes)
        In [0, 1].
    mu, sigma, xi : Tensor, shape (classes,)
        Location, scale (> 0) and shape of each class.

    Returns
    -------
    Tensor, shape (..., classes)
        Loss of each entry.
    """
    z = (x.to(mu.dtype) - mu) / sigma
    # log t falls as z rises; the boundaries in log t, then in z = -s ψ(-ξs).
    # The edge comes first only for |ξ| > -log(EDGE) / MAX_LOG_T = 0.35, so small ξ, by which it
    # could not be divided, need no edge.
    large = xi.abs() > 0.1
    edge = -math.log(EDGE) / torch.where(large, xi, torch.ones_like(xi))
    limit = torch.full_like(xi, MAX_LOG_T)
    highest = torch.where(large & (xi > 0), torch.minimum(edge, limit), limit)
    lowest = torch.where(large & (xi < 0), torch.maximum(edge, -limit), -limit)
    z_low = -highest * _expm1_ratio(-xi * highest)
    z_high = -lowest * _expm1_ratio(-xi * lowest)
    z_in = torch.minimum(torch.maximum(z, z_low), z_high)

    u = xi * z_in
    log_t = -z_in * _log1p_ratio(u)
    t = torch.exp(log_t)
    q = -torch.expm1(-t)  # 1 - p
    loss = targets * t - (1 - targets) * torch.log(q)
    slope_in_log_t = targets * t - (1 - targets) * t * torch.exp(-t) / q
    slope_in_z = -slope_in_log_t / (1 + u)
    return loss + slope_in_z * (z - z_in)


class GEV(nn.Module):
    """The activation with its learned parameters: location, scale and shape of each class.

    Starts at μ = 0, σ = 1, ξ = 0, the Gumbel distribution. The parameters and all arithmetic stay
    in float32 under mixed precision.

    Parameters
    ----------
    num_classes : int
    """

    def __init__(self, num_classes: int):
        super().__init__()
        self.mu = nn.Parameter(torch.zeros(num_classes))
        self.log_sigma = nn.Parameter(torch.zeros(num_classes))
        self.xi = nn.Parameter(torch.zeros(num_classes))

    @property
    def sigma(self) -> torch.Tensor:
        """Scale, positive by construction."""
        return self.log_sigma.exp()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities of outputs of shape (..., classes)."""
        with torch.autocast(x.device.type, enabled=False):
            return gev_probability(x, self.mu, self.sigma, self.xi)

    def cross_entropy(self, x: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Loss of each entry; see `gev_cross_entropy`."""
        with torch.autocast(x.device.type, enabled=False):
            return gev_cross_entropy(x, targets.to(self.mu.dtype), self.mu, self.sigma, self.xi)
