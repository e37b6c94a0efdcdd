"""Records → a trained network: the split, the feed, the loop, pretraining, the paper's tables."""
