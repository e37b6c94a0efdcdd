"""Records and numbers → signals: real and simulated ECGs, their labels, scores of signals."""
