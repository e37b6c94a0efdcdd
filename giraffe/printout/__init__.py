"""Signals → pictures of ECG printouts. Knows nothing of labels, networks or torch."""
