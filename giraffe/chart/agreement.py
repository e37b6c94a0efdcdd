"""Whether leads that were read agree: limb leads with each other, a strip with its lead's column.

Both are checks that need no reference: I + III = II at every moment (Einthoven, Pflügers Arch. 150,
1913), and a lead that is printed twice is one signal.
"""

import numpy as np

FEWEST_S = 0.5  # of signals that are compared
MOST = 0.25  # share of the signals' power that a residual may have before somebody is told
SAME = 0.06  # share of power up to which a strip is another lead's
FAR = 3.0  # times as much power must be between it and the next lead
MATCH_S = 0.02  # by which a strip may lie beside its column


def einthoven(leads: dict[str, np.ndarray], fs: float) -> float:
    """Power of I + III - II as a share of the mean power of the three; NaN where unknown.

    Parameters
    ----------
    leads : dict of str to ndarray, shape (samples,)
        In mV over one time, by name; NaN where nothing is known.
    fs : float
        Sampling frequency in Hz.
    """
    if not all(name in leads for name in ("I", "II", "III")):
        return np.nan
    one, two, three = (leads[name] for name in ("I", "II", "III"))
    return _share(one + three - two, (one, two, three), fs)


def twice(first: np.ndarray, second: np.ndarray, fs: float) -> float:
    """Power of the difference of two readings of a lead as a share of their own; NaN if unknown.

    The better one of some small shifts counts, as a page's rows may begin a little apart.
    """
    size = min(len(first), len(second))
    reach = round(MATCH_S * fs)
    found = []
    for shift in range(-reach, reach + 1):
        moved = np.full(size, np.nan)
        moved[max(shift, 0) : size + min(shift, 0)] = second[max(-shift, 0) : size - max(shift, 0)]
        found.append(_share(first[:size] - moved, (first[:size], moved), fs))
    return float(np.nanmin(found)) if np.isfinite(found).any() else np.nan


def _share(residual: np.ndarray, signals, fs: float) -> float:
    good = np.isfinite(residual)
    if good.sum() < FEWEST_S * fs:
        return np.nan
    power = np.mean([np.var(signal[good]) for signal in signals])
    return float(np.var(residual[good]) / power) if power > 0 else np.nan


def lead_of_strip(strip: np.ndarray, columns: dict[str, np.ndarray], lead: str, fs: float) -> str:
    """Which lead a strip shows: the one that it was taken for, unless another's column is the same.

    Parameters
    ----------
    strip : ndarray, shape (samples,)
        In mV, NaN where missing.
    columns : dict of str to ndarray
        The same of leads that are printed in columns.
    lead : str
        What the strip was taken for, by its name or the layout.
    fs : float
        Sampling frequency in Hz.
    """
    apart = {name: twice(signal, strip, fs) for name, signal in columns.items()}
    apart = {name: share for name, share in apart.items() if np.isfinite(share)}
    own = apart.get(lead, np.inf)
    order = sorted(apart, key=apart.__getitem__)
    if len(order) < 2 or own <= MOST:
        return lead
    best, next_best = (apart[name] for name in order[:2])
    return order[0] if best < SAME and next_best > FAR * best else lead
