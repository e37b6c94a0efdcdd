"""Tiny records in the style of each database of the Challenges 2020 and 2021."""

from pathlib import Path

import numpy as np

from giraffe.ecg.waveform import LEADS

EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
FRANK = ("vx", "vy", "vz")


def signals(num_samples: int, fs: float = 500) -> np.ndarray:
    """Twelve leads in digital units of 1 µV that obey Einthoven's law, shape (12, samples)."""
    rng = np.random.default_rng(3)
    times = np.arange(num_samples) / fs
    eight = {
        name: 2 * np.round(200 * np.sin(2 * np.pi * times * rate) + 300 * (times * 9 % 9 < 1))
        for name, rate in zip(EIGHT, rng.uniform(1, 5, 8), strict=True)
    }
    one, two = eight["I"], eight["II"]
    limbs = {"III": two - one, "aVR": -(one + two) / 2, "aVL": one - two / 2, "aVF": two - one / 2}
    return np.stack([(eight | limbs)[name] for name in LEADS]).astype("<i2")


def write(
    folder: Path,
    name: str,
    dx: str | None = "426783006",
    fs: float = 500,
    seconds: float = 0.2,
    line: str = "{name} {leads} {fs} {samples}",
    leads=LEADS,
    extra=(),
    gain: str = "1000/mV",
    kind: str = "16+24",
    comments: str = "#Age: 74\n#Sex: Male\n",
    scale: int = 1,
) -> np.ndarray:
    """A record as these databases have them: a `.mat` of version 4 and its header."""
    samples = round(seconds * fs)
    known = dict(zip(LEADS, signals(samples, fs), strict=True))
    names = {lead.upper(): lead for lead in LEADS}
    rows = [known[names[lead.upper()]] for lead in leads]
    rows += [np.full(samples, 7 + k) for k in range(len(extra))]
    values = (scale * np.stack(rows)).astype("<i2")
    head = np.array([30, *values.shape, 0, 4], "<i4").tobytes() + b"val\0"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(path.name + ".mat").write_bytes(head + values.T.tobytes())
    all_leads = [*leads, *extra]
    text = line.format(name=path.name, leads=len(all_leads), fs=fs, samples=samples) + "\n"
    for lead, row in zip(all_leads, values, strict=True):
        text += f"{path.name}.mat {kind} {gain} 16 0 {row[0]} {row.sum() % 65536} 0 {lead}\n"
    text += comments + ("" if dx is None else f"#Dx: {dx}\n") + "#Rx: Unknown\n"
    path.with_name(path.name + ".hea").write_text(text, encoding="utf-8")
    return np.stack([known[lead] for lead in LEADS]) / 1000


STYLES = {
    "A0001": {"dx": "59118001", "line": "{name} {leads} {fs} {samples} 05-Feb-2020 11:39:16",
              "seconds": 15, "kind": "16+24"},
    "Q0001": {"dx": "164867002,426177001", "fs": 500, "seconds": 8,
              "line": "{name}.mat {leads} {fs} {samples} 22:33:44 05-Sep-2020"},
    "I0001": {"dx": "164884008", "fs": 257, "seconds": 60, "line": "{name} {leads} {fs} {samples}",
              "kind": "16x1+24", "gain": "1000.0(0)/mV", "leads": [n.upper() for n in LEADS]},
    "S0001": {"dx": "164865005", "fs": 1000, "seconds": 12, "extra": FRANK,
              "leads": [n.lower() for n in LEADS], "comments": "#Age: NaN\n#Sex: F\n"},
    "HR00001": {"dx": "39732003,426783006", "kind": "16x1+24", "gain": "1000.0(0)/mV",
                "seconds": 10, "comments": "# Age: 56.0\n# Sex: Female\n"},
    "E00001": {"dx": "426783006", "seconds": 5, "comments": "#Age: 50\n#Sex: Unknown\n",
               "line": "{name} {leads} {fs} {samples} 05-May-2020 14:50:55"},
    "JS00001": {"dx": "164889003,59118001,164934002", "seconds": 10, "leads": EIGHT,
                "gain": "1000(0)/mV"},
    "JS20000": {"dx": "427084000", "seconds": 10, "leads": LEADS[::-1], "gain": "1/uV"},
}  # fmt: skip
"""A record in the style of each database, and a quirk or two more in each."""
