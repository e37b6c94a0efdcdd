"""How a picture without a chart was captured, so that wear and light tell nothing about charts."""

import cv2
import numpy as np

from giraffe.pictures import decode
from giraffe.printout.others.drawing import smooth_field

WHOLE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)
NOISE_SIDE = 512
_noise_bank: list[np.ndarray] = []


def snapshot(picture: np.ndarray, rng) -> np.ndarray:
    """Capture a picture: put down, turned, tilted, lit, blurred, noisy, grey, as a JPEG.

    Parameters
    ----------
    picture : ndarray of uint8, shape (height, width, 3)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of uint8
        Of the same size, or turned by 90 degrees.
    """
    height, width = picture.shape[:2]
    if rng.random() < 0.55:
        picture = _put_down(picture, rng)
    if rng.random() < 0.5:
        picture = _light(picture, rng)
    if rng.random() < 0.35:
        sigma = max(height, width) / 1000 * rng.uniform(0.4, 2.0)
        picture = cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3))
    colour = rng.random()
    if colour < 0.25:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        usual = np.median(grey[::8, ::8]) / 255
        if colour < 0.1 and usual > 0.4:  # a scanner's text mode; the paper stays light
            level = np.arange(256) / 255
            middle = usual * rng.uniform(0.6, 0.85)
            steep = 1 / (1 + np.exp(-rng.uniform(8, 25) * (level - middle)))
            grey = cv2.LUT(grey, np.rint(255 * steep).astype(np.uint8))
        picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    if rng.random() < 0.5:
        picture = _add_noise(picture, rng.uniform(1, 9), rng)
    if rng.random() < 0.5:
        quality = int(rng.integers(28, 92))
        encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        picture = decode(encoded)
    if rng.random() < 0.1:
        picture = np.ascontiguousarray(np.rot90(picture, rng.integers(1, 4)))
    return picture


def _put_down(picture, rng) -> np.ndarray:
    """On a table or a scanner's lid, a little turned and tilted; now and then cut into."""
    height, width = picture.shape[:2]
    # Long strips are laid straighter, so that their row stays in the frame.
    turn = np.deg2rad(rng.normal(0, 3)) * min(1.0, 1.5 * min(height, width) / max(height, width))
    zoom = rng.uniform(0.72, 1.2)
    ratio = np.array([width, height], np.float32)
    flat = (WHOLE - 0.5) * ratio
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = zoom * flat @ rotation + ratio * (0.5 + rng.normal(0, 0.03, 2))
    corners += ratio * rng.normal(0, rng.choice([0.002, 0.025]), (4, 2))
    matrix = cv2.getPerspectiveTransform(WHOLE * ratio, corners.astype(np.float32))
    if rng.random() < 0.4:
        below = np.full_like(picture, int(rng.integers(225, 256)))
    else:
        colour = rng.integers(30, 215) + rng.integers(-25, 26, 3)
        grain = smooth_field(rng, int(rng.integers(2, 60)), int(rng.integers(2, 12)), 96, 96)
        small = np.clip(colour * (1 + 0.08 * grain[:, :, None]), 0, 255).astype(np.uint8)
        below = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.warpPerspective(
        picture, matrix, (width, height), below, cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
    )
    return below


def _light(picture, rng) -> np.ndarray:
    """Uneven light, shadows and a tint."""
    height, width = picture.shape[:2]
    v, u = np.mgrid[-1:1:32j, -1:1:32j]
    angle = rng.uniform(0, 2 * np.pi)
    light = 1 - rng.uniform(0, 0.4) * (u * np.cos(angle) + v * np.sin(angle) + 1.4) / 2.8
    if rng.random() < 0.4:
        edge = u * np.cos(2 * angle) + v * np.sin(2 * angle) - rng.uniform(-0.5, 0.9)
        light *= 1 - rng.uniform(0.1, 0.5) / (1 + np.exp(-edge / rng.uniform(0.03, 0.2)))
    light *= 1 - rng.uniform(0, 0.3) * (u**2 + v**2) / 2
    gains = 1 - rng.uniform(0, 0.15, 3) * (rng.random() < 0.5)
    table = np.rint(255 * rng.uniform(0.8, 1.0) * light[:, :, None] * gains).astype(np.uint8)
    field = cv2.resize(table, (width, height), interpolation=cv2.INTER_LINEAR)
    return cv2.multiply(picture, field, scale=1 / 255)


def _add_noise(picture, deviation: float, rng) -> np.ndarray:
    """A sensor's noise, of a deviation in grey levels, from a stored field."""
    if not _noise_bank:
        fixed = np.random.default_rng(2025)
        shape = (2 * NOISE_SIDE, 2 * NOISE_SIDE, 3)
        field = 128 + 32 * fixed.standard_normal(shape, dtype=np.float32)
        _noise_bank.append(np.clip(field, 0, 255).astype(np.uint8))
    height, width = picture.shape[:2]
    top, left = rng.integers(0, NOISE_SIDE, 2)
    tile = _noise_bank[0][top : top + NOISE_SIDE, left : left + NOISE_SIDE]
    repeats = (-(-height // NOISE_SIDE), -(-width // NOISE_SIDE), 1)
    window = np.tile(tile, repeats)[:height, :width]
    share = deviation / 32
    return cv2.addWeighted(picture, 1.0, window, share, -128 * share)
