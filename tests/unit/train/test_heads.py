import torch

from pyrite.train.heads import HeadsTask, bootstrap_rows, fit_heads, member_rng
from pyrite.train.options import FitOptions
from tests.unit.train.rows import pair_data


def planted(num=60, size=8):
    """Features whose first coordinate is higher for chosen samples, and their rows."""
    data = pair_data(num)
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(len(data.samples), size, generator=rng)
    features[data.first, 0] += 2.0
    features[data.second, 0] -= 2.0
    return features, data


def fitted(features, data, **options):
    settings = FitOptions(**{"batch_size": 16, "epochs": 8, "hidden": 8, "lr": 0.03, **options})
    apart = data.held_out(0.2, 0)
    return (*fit_heads(features, data.take(~apart), data.take(apart), settings), apart)


def test_heads_learn_a_planted_direction_on_rows_they_did_not_see():
    features, data = planted(200)
    for head in ("mlp", "linear"):
        heads, _, apart = fitted(features, data, head=head)
        out = data.take(apart)
        gap = heads(features[out.first]) - heads(features[out.second])
        assert (gap > 0).float().mean() > 0.9


def test_more_members_do_not_change_the_first():
    features, data = planted()
    alone, run_alone, _ = fitted(features, data, members=1, patience=2)
    many, run_many, _ = fitted(features, data, members=3, patience=2)
    assert run_alone.best_epoch == run_many.best_epoch[:1]
    torch.testing.assert_close(alone.raw(features)[:, 0], many.raw(features)[:, 0], atol=1e-5, rtol=1e-5)


def test_members_differ_and_are_aligned():
    features, data = planted()
    heads, _, apart = fitted(features, data, members=3)
    scores = heads(features[data.take(~apart).used()])
    torch.testing.assert_close(scores.mean(0), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.std(0, unbiased=False), torch.ones(3), atol=1e-5, rtol=0)
    assert (scores[:, 0] - scores[:, 1]).abs().max() > 0.01


def test_one_head_keeps_its_log_odds():
    features, data = planted()
    heads, _, _ = fitted(features, data)
    assert heads.member_mean.tolist() == [0.0]
    assert heads.member_std.tolist() == [1.0]


def test_each_member_has_its_own_order():
    features, data = planted()
    task = HeadsTask(features, data, FitOptions(members=2, batch_size=7))
    rows = torch.cat([step[0] for step in task.steps(0)], dim=1)
    assert rows.shape == (2, 60)
    assert not torch.equal(rows[0], rows[1])
    assert all(sorted(line) == list(range(60)) for line in rows.tolist())


def test_a_bootstrap_draws_whole_prompts():
    prompt = torch.arange(30) // 3
    rows = bootstrap_rows(prompt, member_rng(0, 0, -1))
    assert len(rows) == 30
    assert len(set(rows.tolist())) < 30
    assert all(len(set(prompt[part].tolist())) == 1 for part in rows.split(3))


def test_the_bootstrap_of_a_member_is_the_same_in_every_epoch():
    features, data = planted()
    task = HeadsTask(features, data, FitOptions(members=2, bootstrap=True))
    first, second = (torch.cat([step[0] for step in task.steps(e)], dim=1) for e in (0, 1))
    assert sorted(first[0].tolist()) == sorted(second[0].tolist())
    assert sorted(first[0].tolist()) != sorted(first[1].tolist())
