"""Training from data: `fit` makes a reward model out of pairs, labels or ratings."""
