import numpy as np
import pytest

from pyrite.worlds.tail import CORE, EXOTIC, fit_members, tail_world


def small(seed=0, **options):
    return tail_world(seed, num_prompts=20, num_candidates=512, **options)


def test_same_seed_same_world_and_members():
    one, two = small(3), small(3)
    assert (one.features == two.features).all()
    assert (fit_members(one, 3) == fit_members(two, 3)).all()
    assert (fit_members(one, 3) != fit_members(one, 3, seed=1)).any()
    assert (small(4).gold != one.gold).any()


def test_exotic_features_appear_only_at_deployment():
    world = small()
    exotic = slice(CORE, CORE + EXOTIC)
    assert not world.pairs[:, exotic].any()
    assert world.features[..., exotic].mean() == pytest.approx(0.02, abs=0.002)


def test_gold_and_scores_are_standardised_over_all_candidates():
    world = small()
    members = fit_members(world, 2)
    for values in (world.gold, members[..., 0], members[..., 1]):
        assert values.mean() == pytest.approx(0.0, abs=1e-12)
        assert values.std() == pytest.approx(1.0)


def test_gold_counts_exotic_features_down():
    world = small()
    active = world.features[..., CORE : CORE + EXOTIC].sum(axis=-1)
    slope = np.cov(active.ravel(), world.gold.ravel())[0, 1] / active.var()
    assert slope == pytest.approx(-1.5 / np.sqrt(1 + 6 * 0.02 * 0.98 * 1.5**2), rel=0.15)


def test_label_noise_flips_its_share_of_pairs():
    clean, noisy = small(label_noise=0.0), small(label_noise=0.25)
    flipped = (clean.pairs == -noisy.pairs).all(axis=1)
    assert flipped.mean() == pytest.approx(0.25, abs=0.06)
    assert (flipped | (clean.pairs == noisy.pairs).all(axis=1)).all()


def test_members_share_errors_as_far_as_they_are_told_to():
    world = small()
    exotic = world.features[..., CORE : CORE + EXOTIC]

    def agreement(correlation):
        # what each member thinks of exotic features, as correlations between members over independent starts
        slopes = []
        for seed in range(12):
            members = fit_members(world, 4, correlation=correlation, seed=seed)
            design = np.concatenate([np.ones((exotic[..., 0].size, 1)), world.features.reshape(-1, 15)], axis=1)
            slopes.append(np.linalg.lstsq(design, members.reshape(-1, 4), rcond=None)[0][1 + CORE : 1 + CORE + EXOTIC])
        table = np.concatenate(slopes)
        return np.corrcoef(table.T)[np.triu_indices(4, k=1)].mean()

    assert abs(agreement(0.0)) < 0.25
    assert agreement(0.8) == pytest.approx(0.64, abs=0.2)


def test_shared_exploit_hits_every_member_where_style_is_extreme():
    exploited = tail_world(0, label_noise=0.0, shared_exploit=True, num_prompts=40, num_candidates=1024)
    extreme = exploited.features[..., -1] > 4
    assert exploited.gold[extreme].mean() < -1
    assert (fit_members(exploited, 5)[extreme].mean(axis=0) > 0.2).all()
