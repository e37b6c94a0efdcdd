"""The 11 cardiac findings of the Challenge, and labels as multi-hot vectors."""

import numpy as np

CLASSES = (
    "NORM",
    "Acute MI",
    "Old MI",
    "STTC",
    "CD",
    "HYP",
    "PAC",
    "PVC",
    "AFIB/AFL",
    "TACHY",
    "BRADY",
)
"""In the Challenge's spelling and order; the network's outputs follow it."""

MEANINGS = {
    "NORM": "normal ECG",
    "Acute MI": "acute myocardial infarction",
    "Old MI": "old myocardial infarction",
    "STTC": "ST/T change",
    "CD": "conduction disturbance",
    "HYP": "hypertrophy",
    "PAC": "premature atrial complex",
    "PVC": "premature ventricular complex",
    "AFIB/AFL": "atrial fibrillation or flutter",
    "TACHY": "tachycardia",
    "BRADY": "bradycardia",
}

EXCLUSIVE = {
    "NORM": ("Acute MI", "Old MI", "STTC", "HYP", "AFIB/AFL"),
    "TACHY": ("BRADY",),
}
"""Labels that contradict others. NORM is a healthy heart: of 2100 records of PTB-XL 983 are NORM,
and of these none has Old MI, 4 have STTC, 2 HYP and 4 AFIB/AFL. CD, PAC, PVC, TACHY and BRADY stand
beside NORM 10 to 44 times and may; TACHY and BRADY never stand together."""

_SPELLINGS = {"".join(name.lower().split()): name for name in CLASSES}


def canonical_label(text: str) -> str | None:
    """Class name for a label as somebody wrote it; case and spacing do not matter.

    Returns
    -------
    str or None
        One of `CLASSES`, or None for a label that this project does not know.
    """
    return _SPELLINGS.get("".join(text.lower().split()))


def exclude(one: str, other: str) -> bool:
    """Whether two labels contradict each other; see `EXCLUSIVE`."""
    return other in EXCLUSIVE.get(one, ()) or one in EXCLUSIVE.get(other, ())


def encode(labels) -> np.ndarray:
    """Multi-hot vector of a collection of class names.

    Parameters
    ----------
    labels : iterable of str
        Members of `CLASSES`.

    Returns
    -------
    ndarray of float32, shape (11,)

    Raises
    ------
    ValueError
        For a name that is not one of `CLASSES`.
    """
    hot = np.zeros(len(CLASSES), dtype=np.float32)
    for label in labels:
        if label not in CLASSES:
            raise ValueError(f"unknown class {label!r}; the classes are {', '.join(CLASSES)}")
        hot[CLASSES.index(label)] = 1
    return hot


def decode(hot) -> list[str]:
    """Class names of a multi-hot vector of shape (11,), in the order of `CLASSES`."""
    return [name for name, present in zip(CLASSES, hot, strict=True) if present]
