"""Signals: simulated and real records, their labels, and the scores of digitized signals."""
