"""Makes tests/vectors again: small synthetic records for the scorer, of our own making.

    python tests/make_vectors.py

The expected scores come from `score_plainly`, which follows the definitions without any short cut.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage, signal

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

FS, SAMPLES, LEADS = 100, 300, ("I", "II", "V1")


def write(folder: Path, name: str, samples: np.ndarray, labels, fs=FS, leads=LEADS) -> None:
    """A record in format 16 with gain 1000; NaN is WFDB's invalid sample."""
    folder.mkdir(parents=True, exist_ok=True)
    digital = np.where(np.isnan(samples), -32768, np.rint(samples * 1000)).astype("<i2")
    lines = [f"{name} {len(leads)} {fs} {len(samples)}"]
    for lead, column in zip(leads, digital.T, strict=True):
        checksum = int(column.astype(int).sum()) % 65536
        lines.append(f"{name}.dat 16 1000.0(0)/mV 16 0 {column[0]} {checksum} 0 {lead}")
    (folder / f"{name}.hea").write_text(
        "\n".join([*lines, f"# Labels: {', '.join(labels)}"]) + "\n"
    )
    (folder / f"{name}.dat").write_bytes(digital.tobytes())


def score_plainly(ref: np.ndarray, est: np.ndarray) -> tuple[float, int]:
    """SNR after alignment, and the horizontal shift, straight from the definitions."""
    finite = np.concatenate([ref[np.isfinite(ref)], est[np.isfinite(est)]])
    low, high = finite.min(), finite.max()
    images = []
    for x in (ref, est):
        image = np.zeros((256, max(len(ref), len(est))))
        for t, value in enumerate(x):
            if np.isfinite(value):
                image[min(max(round(255 * (value - low) / (high - low) + 1), 1), 256) - 1, t] = 1
        images.append(ndimage.gaussian_filter(image, 0.5))
    peaks = [
        np.unravel_index(np.argmax(c), c.shape)
        for c in (signal.correlate(images[0], image, mode="full") for image in images)
    ]
    shift = int(peaks[0][1] - peaks[1][1])
    if abs(shift) <= 0.5 * FS and shift >= 0:
        rise = (peaks[0][0] - peaks[1][0]) * (high - low) / 255
        if abs(rise) <= 1:
            est = np.concatenate([est[shift:], np.full(shift, np.nan)]) - rise
    est = np.concatenate([est, np.full(len(ref) - len(est), np.nan)])
    both = np.isfinite(ref) & np.isfinite(est)
    power, noise = np.mean(ref[both] ** 2), np.mean((ref[both] - est[both]) ** 2)
    return 10 * np.log10(power / noise) * both.sum() / np.isfinite(ref).sum(), shift


def main() -> None:
    """Write the records and what is expected of the scorer."""
    from helper_code import load_signals

    rng = np.random.default_rng(1)
    t = np.arange(SAMPLES) / FS
    expected = {"snr": {}}
    folder = HERE / "vectors"
    for k, (late, labels, outputs) in enumerate(
        (
            (0, ["NORM"], ["NORM"]),
            (7, ["Old MI", "CD"], ["Old MI"]),
            (23, ["AFIB/AFL"], ["NORM", "AFIB/AFL"]),
        )
    ):
        beats = sum(np.exp(-0.5 * ((t - c) / 0.02) ** 2) for c in np.arange(0.3 + 0.1 * k, 3, 0.8))
        ref = np.stack([beats, 0.7 * beats, -0.8 * beats], axis=1)
        ref += 0.05 * np.sin(2 * np.pi * 1.1 * t)[:, None]
        est = np.roll(ref, late, axis=0) + rng.normal(0, 0.003, ref.shape) + 0.1 * k
        est[:late] = np.nan
        if k == 2:
            est[200:220] = np.nan
        name = f"synthetic{k}"
        write(folder / "reference", name, ref, labels)
        write(folder / "outputs", name, est, outputs)
        read_ref, read_est = (
            load_signals(str(folder / part / name))[0] for part in ("reference", "outputs")
        )
        expected["snr"][name] = {}
        for i, lead in enumerate(LEADS):
            snr, shift = score_plainly(read_ref[:, i], read_est[:, i])
            assert shift == late, (shift, late)
            expected["snr"][name][lead] = snr
    # By hand: NORM 1 TP, 1 FP; Old MI 1 TP; CD 1 FN; AFIB/AFL 1 TP.
    expected["f"] = {"NORM": 2 / 3, "Old MI": 1.0, "CD": 0.0, "AFIB/AFL": 1.0}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
