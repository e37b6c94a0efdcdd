"""Labels in plain sentences, for people who know what an ECG is but not what a threshold is."""

from giraffe.reading.read import Label

PLAINLY = {
    "NORM": "Nothing unusual in rhythm, conduction or shape",
    "Acute MI": "Part of the heart muscle is losing its blood supply now or lost it lately",
    "Old MI": "The scar of an earlier heart attack",
    "STTC": "The heart muscle recovers unusually after its beats (ST segment or T wave)",
    "CD": "The electrical impulse is delayed or blocked on its way, as in a bundle branch block",
    "HYP": "Thickened or enlarged heart chambers",
    "PAC": "A beat that comes too early, from the atria",
    "PVC": "A beat that comes too early, from the ventricles",
    "AFIB/AFL": "The atria beat chaotically or far too fast",
    "TACHY": "The heart beats faster than 100 times a minute",
    "BRADY": "The heart beats slower than 60 times a minute",
}
"""What a finding means, by the names of `giraffe.classes.CLASSES`."""


def sentence(label: Label) -> str:
    """What a label means, and how it was decided, in one sentence."""
    probability, threshold = f"{label.probability:.2f}", f"{label.threshold:.2f}"
    if label.given and label.ratio < 1:
        verdict = f"nearest of all, although {probability} does not reach {threshold}"
    elif label.given and label.close:
        verdict = f"given, but only just: {probability} reaches {threshold}"
    elif label.given:
        verdict = f"given, because {probability} is well above {threshold}"
    elif label.excluded_by:
        verdict = (
            f"left out, although {probability} reaches {threshold}: it excludes "
            f"{label.excluded_by}, which is likelier"
        )
    elif label.close:
        verdict = f"just missed: {probability} does not reach {threshold}"
    else:
        verdict = f"not given, because {probability} is well below {threshold}"
    return f"{PLAINLY[label.name]}: {verdict}."
