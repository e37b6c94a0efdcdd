"""Probabilities and labels → scores: metrics, calibration, the eight conditions."""
