"""Checks that anyone can run on a reward, guard, generator or loss of their own, without pytest.

Each `check_*` returns None, or raises AssertionError with one sentence: what was expected and what came back. The contract
tests run the right check over every registered part, on the `example` that its row gives. An `example` takes no arguments and
returns, by kind:

    reward, verifier    (reward, samples): at least two samples that differ                 -> check_reward(*example)
    guard               the RewardTransform                                                 -> check_transform(example)
    generator           (generator, prompts): at least two prompts that differ              -> check_generator(*example)
    loss                dict(args=(tensors of shape (N,), N >= 2), better=INDEX)            -> check_loss(build, **example)
                        optional keys: worse=INDEX, options=dict of keyword arguments
    probe, attack       (reward, samples): at least ten prompts; run twice, both must give the same result
    backbone            the loaded Backbone; MissingExtra where it is not installed skips the check
    world               whatever it is, built small; building it must not fail

In a loss example `better` is the place of the argument that lowers the loss of every row when raised (the chosen score), and
`worse` of the one that raises it (the rejected score). `logistic(score, label)` gives labels of 1, `squared(score, rating)`
ratings above the scores; both then have better=0.

The strategies `samples`, `pairs` and `scores` need hypothesis: `pip install "pyrite[testing]"`.
"""

from __future__ import annotations

from pyrite.testing.parts import check_generator, check_loss, check_transform
from pyrite.testing.rewards import check_pairwise_reward, check_reward
from pyrite.testing.strategies import pairs, samples, scores

__all__ = [
    "check_generator",
    "check_loss",
    "check_pairwise_reward",
    "check_reward",
    "check_transform",
    "pairs",
    "samples",
    "scores",
]
