"""GIRAFFE reads photographs and scans of 12-lead ECG printouts and names 11 cardiac findings.

Its floors, in the order in which data passes them; each may import itself, those before it and the
modules that stand in this folder, which import one another alone (`tests/test_floors.py`):
`ecg`, `printout`, `chart`, `network`, `judging`, `learning`, `reading`, `commands`.
"""

__version__ = "0.1.0"
__all__ = ["Classifier"]


def __getattr__(name: str):
    # PyTorch takes seconds to import, and printing and simulating do without it.
    if name == "Classifier":
        from giraffe.network.classifier import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
