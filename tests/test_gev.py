"""The GEV activation: exact probabilities, and a loss that is finite with finite gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import genextreme

from giraffe.network.gev import EDGE, GEV, MAX_LOG_T, gev_cross_entropy, gev_probability

X = st.floats(-1e4, 1e4)
SHAPE = st.floats(-2, 2)
MU = st.floats(-3, 3)
SIGMA = st.floats(0.1, 10)


def _tensors(*values, dtype=torch.float64):
    return [torch.tensor([float(v)], dtype=dtype) for v in values]


@given(X, MU, SIGMA, SHAPE)
def test_the_probability_is_scipys_distribution_function(x, mu, sigma, xi):
    p = gev_probability(*_tensors(x, mu, sigma, xi)).item()
    # SciPy's shape parameter has the opposite sign.
    assert p == pytest.approx(genextreme.cdf(x, -xi, loc=mu, scale=sigma), abs=1e-7)
    assert 0 <= p <= 1


@given(st.floats(-8, 30))
def test_the_limit_of_shape_zero_is_reached_from_both_sides(x):
    gumbel = np.exp(-np.exp(-x))
    for xi in (-1e-6, -1e-12, 0.0, 1e-12, 1e-6):
        assert gev_probability(*_tensors(x, 0, 1, xi)).item() == pytest.approx(gumbel, abs=1e-4)


def test_the_printed_formula_of_the_paper_would_decrease_and_ours_rises():
    x = torch.linspace(-3, 3, 50)
    p = gev_probability(x[:, None], *_tensors(0, 1, 0, dtype=torch.float32))
    assert (p.diff(dim=0) > 0).all()


@given(X, X, MU, SIGMA, SHAPE)
def test_the_probability_never_falls_when_the_output_rises(a, b, mu, sigma, xi):
    low, high = (gev_probability(*_tensors(v, mu, sigma, xi)).item() for v in sorted((a, b)))
    assert low <= high


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_off_the_support_the_probability_is_zero_or_one(dtype):
    assert gev_probability(*_tensors(-2.1, 0, 1, 0.5, dtype=dtype)).item() == 0
    assert gev_probability(*_tensors(2.1, 0, 1, -0.5, dtype=dtype)).item() == 1
    edge = gev_probability(*_tensors(-2.0, 0, 1, 0.5, dtype=dtype)).item()
    assert edge == 0


@given(st.floats(-4, 4), SHAPE, st.sampled_from([0.0, 1.0]))
def test_inside_the_loss_is_the_cross_entropy_of_the_probability(z, xi, y):
    log_t = -z if xi == 0 else -np.log1p(max(xi * z, EDGE - 1)) / xi
    if 1 + xi * z < 2 * EDGE or abs(log_t) > 15:
        return
    loss = gev_cross_entropy(*_tensors(z, y, 0, 1, xi)).item()
    # In extended precision, because 1 - p loses digits near p = 1.
    t = np.exp(np.longdouble(log_t))
    expected = t if y else -np.log(-np.expm1(-t))
    assert loss == pytest.approx(float(expected), rel=1e-6, abs=1e-9)


@settings(max_examples=60)
@given(st.floats(-60, 60), MU, SIGMA, SHAPE, st.sampled_from([0.0, 0.3, 1.0]))
def test_gradients_agree_with_finite_differences(x, mu, sigma, xi, y):
    parameters = [v.requires_grad_() for v in _tensors(x, mu, sigma, xi)]

    def loss(*values):
        return gev_cross_entropy(values[0], torch.tensor([y], dtype=torch.float64), *values[1:])

    gradients = torch.autograd.grad(loss(*parameters).sum(), parameters)
    for i, gradient in enumerate(gradients):
        step = 1e-6 * max(1.0, abs(parameters[i].item()))
        moved = []
        for sign in (1, -1):
            values = [p.detach().clone() for p in parameters]
            values[i] += sign * step
            moved.append(loss(*values).item())
        slope = (moved[0] - moved[1]) / (2 * step)
        scale = max(abs(slope), abs(moved[0]) * 1e-3, 1.0)
        assert abs(gradient.item() - slope) <= 2e-3 * scale


@pytest.mark.parametrize("y", [0.0, 1.0])
@pytest.mark.parametrize("xi", [-0.5, -1e-9, 0.0, 1e-9, 0.5])
def test_the_continuation_has_the_value_and_the_slope_of_its_boundary(xi, y):
    # Boundaries in z: |log t| = 20, or 1 + ξz = EDGE where that comes first.
    edge = -np.log(EDGE) / xi if xi else np.inf
    for s in (min(MAX_LOG_T, edge) if xi > 0 else 20.0, max(-MAX_LOG_T, edge) if xi < 0 else -20.0):
        boundary = -s if xi == 0 else np.expm1(-xi * s) / xi
        values, slopes = [], []
        for step in (-1e-9, 1e-9, 5.0 * np.sign(boundary)):
            x = torch.tensor([boundary + step], dtype=torch.float64, requires_grad=True)
            loss = gev_cross_entropy(x, torch.tensor([y]).double(), *_tensors(0, 1, xi))
            loss.backward()
            values.append(loss.item())
            slopes.append(x.grad.item())
        assert values[0] == pytest.approx(values[1], rel=1e-5, abs=1e-9)
        assert slopes[0] == pytest.approx(slopes[1], rel=1e-5, abs=1e-9)
        # Far outside the slope is that of the boundary.
        assert slopes[2] == pytest.approx(slopes[1], rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("xi", [-1.5, -0.3, -1e-6, 0.0, 1e-6, 0.3, 1.5])
def test_nothing_is_nan_or_infinite_under_mixed_precision(precision, xi):
    head = GEV(11)
    torch.nn.init.constant_(head.xi, xi)
    with torch.autocast("cpu", precision, enabled=precision != torch.float32):
        # Outputs rounded to the precision; the last layer gives them to the head in float32.
        x = torch.linspace(-1e4, 1e4, 2001).to(precision).float()[:, None].repeat(1, 11)
        x.requires_grad_()
        for y in (0.0, 1.0):
            loss = head.cross_entropy(x, torch.full(x.shape, y))
            assert loss.dtype == torch.float32
            gradients = torch.autograd.grad(loss.mean(), [x, *head.parameters()])
            assert torch.isfinite(loss).all()
            assert all(torch.isfinite(g).all() for g in gradients)
        p = head(x)
        assert p.dtype == torch.float32 and ((p >= 0) & (p <= 1)).all()


def test_beyond_the_edge_the_gradient_still_points_back():
    head = GEV(1)
    torch.nn.init.constant_(head.xi, 0.5)
    x = torch.tensor([[-50.0]], requires_grad=True)  # the support begins at -2
    head.cross_entropy(x, torch.ones(1, 1)).backward()
    assert x.grad.item() < 0  # a larger output lowers the loss of a missed positive


def test_the_parameters_start_as_the_gumbel_distribution_and_learn():
    head = GEV(2)
    assert (
        head.mu.tolist() == [0, 0] and head.sigma.tolist() == [1, 1] and head.xi.tolist() == [0, 0]
    )
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    x = torch.linspace(-2, 2, 40)[:, None].repeat(1, 2)
    y = (x > 1.0).float()
    first = head.cross_entropy(x, y).mean()
    for _ in range(200):
        optimizer.zero_grad()
        loss = head.cross_entropy(x, y).mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.5 * first
    assert (head.sigma > 0).all() and (head.xi != 0).all()
