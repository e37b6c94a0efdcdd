"""GIRAFFE reads photographs and scans of 12-lead ECG printouts and names 11 cardiac findings."""

__version__ = "0.1.0"
__all__ = ["Classifier"]


def __getattr__(name: str):
    # PyTorch takes seconds to import, and printing and simulating do without it.
    if name == "Classifier":
        from giraffe.classifier import Classifier

        return Classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
