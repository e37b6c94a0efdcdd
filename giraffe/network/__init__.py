"""Tensors → probabilities: InceptionV3, the vanilla CNN, the GEV, weights, the classifier."""
