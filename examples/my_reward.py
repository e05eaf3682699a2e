"""Two rewards of one's own: a proxy that likes confidence, and the exact check it stands for."""

import pyrite

CONFIDENT = ("certainly", "sure", "no doubt", "agrees", "checked")


@pyrite.reward
def confidence(samples):
    """How many confident expressions the completion holds."""
    return [sum(word in s.completion.lower() for word in CONFIDENT) for s in samples]


@pyrite.reward(needs=["reference"])
def correct(samples):
    """1 where the last number of the completion is the reference answer, else 0."""
    return [float(s.completion.rstrip(".").split()[-1] == s.reference) for s in samples]
