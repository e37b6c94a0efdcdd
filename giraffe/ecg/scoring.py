"""Signal scores of the Challenge: alignment, SNR and the metrics beside it.

The definitions are the Challenge's own (its contract, "Metric definitions"), with the oddities
that every published score contains; each is marked where it stands.

All functions take 1-D arrays in mV on one time grid; a shorter estimate is padded with NaN, and
NaN marks samples that are missing.
"""

import cv2
import numpy as np
from scipy import fft, ndimage, signal


def convert_signal(x, num_quant_levels, min_amp, max_amp, max_t):
    """Draw a signal as a 0/1 image with one pixel per finite sample.

    Parameters
    ----------
    x : array_like, shape (n,)
        Signal in mV; samples that are not finite leave their column empty.
    num_quant_levels : int
        Number of amplitude levels, the image's height.
    min_amp, max_amp : float
        Amplitudes in mV of the first and the last row.
    max_t : int
        Number of samples of the longer signal, the image's width.

    Returns
    -------
    ndarray of float64, shape (num_quant_levels, max_t)
    """
    x = np.asarray(x, dtype=float)
    image = np.zeros((num_quant_levels, max_t))
    columns = np.flatnonzero(np.isfinite(x))
    if max_amp > min_amp:
        # np.rint rounds halves to even, as the definition asks.
        levels = np.rint((num_quant_levels - 1) * (x[columns] - min_amp) / (max_amp - min_amp) + 1)
        rows = np.clip(levels, 1, num_quant_levels).astype(int) - 1
    else:
        rows = np.zeros(len(columns), dtype=int)
    image[rows, columns] = 1
    return image


def fft_correlate(A_ref, A_est):
    """Full two-dimensional cross-correlation by FFT.

    Parameters
    ----------
    A_ref, A_est : ndarray, shape (rows, columns)

    Returns
    -------
    ndarray of float64, shape (2 * rows - 1, 2 * columns - 1)
        For equal shapes the zero lag lies at ``(rows - 1, columns - 1)``.
    """
    return signal.fftconvolve(A_ref, A_est[::-1, ::-1], mode="full")


def align_signals(x_ref, x_est, num_quant_levels, smooth=True, sigma=0.5):
    """Shift an estimate in time and amplitude to where it fits the reference best.

    Both signals are drawn as images (`convert_signal`), smoothed by a Gaussian, and the peak of
    their cross-correlation gives the shift.

    Parameters
    ----------
    x_ref, x_est : array_like, shape (n,) and (m,)
        Reference and estimate in mV.
    num_quant_levels : int
        Number of amplitude levels of the images.
    smooth : bool
        Whether the images are smoothed before they are correlated.
    sigma : float
        Standard deviation of the Gaussian in pixels.

    Returns
    -------
    shifted : ndarray
        The shifted estimate; samples that the shift uncovers are NaN.
    offset_hz : int
        Horizontal offset in samples; positive if the estimate came late.
    offset_vt : float
        Vertical offset in mV; positive if the estimate lay too high.
    """
    x_ref = np.asarray(x_ref, dtype=float)
    x_est = np.asarray(x_est, dtype=float)
    finite_ref, finite_est = np.isfinite(x_ref), np.isfinite(x_est)
    if not finite_ref.any() or not finite_est.any():
        return x_est, 0, 0.0

    values = np.concatenate((x_ref[finite_ref], x_est[finite_est]))
    min_amp, max_amp = values.min(), values.max()
    max_t = max(len(x_ref), len(x_est))
    images = [convert_signal(x, num_quant_levels, min_amp, max_amp, max_t) for x in (x_ref, x_est)]
    row, column = _peak_of_correlation(images[0], images[1], sigma if smooth else 0.0)
    # The autocorrelation of a non-empty image has its only maximum at lag zero
    # (Cauchy-Schwarz, strict for finite support), so it needs no transform of its own.
    offset_hz = int(max_t - 1 - column)
    offset_vt = float((num_quant_levels - 1 - row) * (max_amp - min_amp) / (num_quant_levels - 1))

    k = abs(offset_hz)
    if offset_hz >= 0:
        shifted = np.concatenate((x_est[k:], np.full(k, np.nan)))
    else:
        # The organisers return |k| NaN and only the first |k| samples of the estimate, 2|k| in
        # all. It is surely not what they meant, but every published score contains it.
        shifted = np.concatenate((np.full(k, np.nan), x_est[:k]))
    return shifted - offset_vt, offset_hz, offset_vt


PEAK_CERTAINTY = 1e-6
"""Bound of a float32 correlation's error, as a share of the images' norms; the largest one measured
over real signals is twenty times smaller."""


def _peak_of_correlation(a, b, sigma: float = 0.0) -> tuple[int, int]:
    """Where `fft_correlate` of two real images of one shape has its first maximum.

    Float32 takes half the time. Where another lag comes as near to the highest value as its errors
    reach, the full computation decides.

    Parameters
    ----------
    a, b : ndarray, shape (rows, columns)
    sigma : float
        Of a Gaussian by which both are smoothed before, in pixels; 0: none.

    Returns
    -------
    row, column : int
    """
    shape = [2 * n - 1 for n in a.shape]
    padded = [fft.next_fast_len(n, real=True) for n in shape]
    smooth_a, smooth_b = (_smooth_float32(image, sigma) for image in (a, b))
    spectrum = fft.rfft2(smooth_a, padded)
    spectrum *= fft.rfft2(smooth_b[::-1, ::-1], padded)
    correlation = fft.irfft2(spectrum, padded, overwrite_x=True)[: shape[0], : shape[1]]
    margin = 2 * PEAK_CERTAINTY * np.linalg.norm(smooth_a) * np.linalg.norm(smooth_b)
    near = np.flatnonzero(correlation >= correlation.max() - margin)
    if len(near) > 1:
        if sigma:
            a, b = (ndimage.gaussian_filter(image, sigma) for image in (a, b))
        near = [np.argmax(fft_correlate(a, b))]
    row, column = np.unravel_index(near[0], correlation.shape)
    return int(row), int(column)


def _smooth_float32(image, sigma: float) -> np.ndarray:
    """`scipy.ndimage.gaussian_filter` in float32, ten times as fast."""
    image = image.astype(np.float32)
    if not sigma:
        return image
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    return cv2.sepFilter2D(image, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)


def _pair(x_ref, x_est, keep_nans):
    """Samples of both signals that count, and the share of the reference that they are."""
    x_ref = np.asarray(x_ref, dtype=float)
    x_est = np.asarray(x_est, dtype=float)
    n = max(len(x_ref), len(x_est))
    x_ref, x_est = (np.pad(x, (0, n - len(x)), constant_values=np.nan) for x in (x_ref, x_est))
    if not keep_nans:
        x_est = np.where(np.isfinite(x_est), x_est, 0.0)
    both = np.isfinite(x_ref) & np.isfinite(x_est)
    num_ref = np.isfinite(x_ref).sum()
    share = both.sum() / num_ref if num_ref else np.nan
    return x_ref[both], x_est[both], share


def compute_snr(x_ref, x_est, keep_nans=True, signal_median=False, noise_median=False):
    """Signal-to-noise ratio of an estimate.

    Parameters
    ----------
    x_ref, x_est : array_like
        Reference and estimate in mV.
    keep_nans : bool
        Use the samples that are finite in both and scale the ratio by their share of the
        reference; otherwise missing samples of the estimate count as 0 mV.
    signal_median, noise_median : bool
        Median instead of mean of the squares.

    Returns
    -------
    snr : float
        In dB; 0 where the estimate lacks every sample of the reference, NaN where the ratio is
        undefined (also for a perfect estimate, whose noise is zero).
    p_signal, p_noise : float
        Powers in mV².
    """
    ref, est, share = _pair(x_ref, x_est, keep_nans)
    if not len(ref):
        return (0.0 if share == 0 else np.nan), np.nan, np.nan
    p_signal = (np.median if signal_median else np.mean)(ref**2)
    p_noise = (np.median if noise_median else np.mean)((ref - est) ** 2)
    if not (p_signal > 0 and p_noise > 0):
        return np.nan, p_signal, p_noise
    snr = 10 * np.log10(p_signal / p_noise)
    return (snr * share if keep_nans else snr), p_signal, p_noise


def compute_ks_metric(x_ref, x_est, keep_nans=True):
    """One minus the largest distance between the cumulative absolute signals.

    Returns
    -------
    float
        In [0, 1]; NaN where no sample is finite in both signals.
    """
    ref, est, _ = _pair(x_ref, x_est, keep_nans)
    if not len(ref):
        return np.nan
    cdfs = []
    for x in (ref, est):
        cdf = np.cumsum(np.abs(x))
        cdfs.append(cdf / cdf[-1] if cdf[-1] > 0 else cdf)
    return 1.0 - np.max(np.abs(cdfs[0] - cdfs[1]))


def compute_asci_metric(x_ref, x_est, beta=0.05, keep_nans=True):
    """Adaptive signed correlation index: mean of +1 for good samples and -1 for the others.

    Parameters
    ----------
    beta : float
        A sample is good if its error is at most ``beta`` times the reference's standard deviation.

    Raises
    ------
    ValueError
        If ``beta`` lies outside (0, 1].
    """
    if not 0 < beta <= 1:
        raise ValueError(f"beta is {beta}; it must lie in (0, 1]")
    ref, est, _ = _pair(x_ref, x_est, keep_nans)
    if not len(ref):
        return np.nan
    good = np.abs(ref - est) <= beta * np.std(ref)
    return float(np.mean(np.where(good, 1.0, -1.0)))


def compute_weighted_absolute_difference(x_ref, x_est, sampling_frequency, keep_nans=True):
    """Mean absolute error in mV that weighs the samples around high deflections less.

    The weights are 1 - 0.5 s / max(s), where s is the reference smoothed forward and backward
    by a boxcar of 0.1 s (Gustafsson's method for the ends).
    """
    ref, est, _ = _pair(x_ref, x_est, keep_nans)
    if not len(ref):
        return np.nan
    width = max(round(0.1 * sampling_frequency), 1)
    smoothed = signal.filtfilt(np.ones(width) / width, [1.0], ref, method="gust")
    weights = 1 - 0.5 * smoothed / np.max(smoothed)
    return float(np.sum(np.abs(ref - est) * weights) / np.sum(weights))
