import itertools

import pytest
import torch

from pyrite.backbones import Renderer
from pyrite.backbones.tiny import byte_tokenizer, save_tiny, tiny_config, tiny_model
from pyrite.rewards.full import begin_full
from pyrite.rewards.scalar import ScalarReward
from pyrite.train.data import from_pairs
from pyrite.train.full import FullTask, cheapest_cuts
from pyrite.train.options import FitOptions
from pyrite.types import Pair
from tests.unit.train.rows import pair_data


def task(data, **options):
    settings = FitOptions(adapter="full", **{"batch_size": 4, **options})
    renderer = Renderer(byte_tokenizer("encoder"), "encoder", 512)
    model = tiny_model(tiny_config("encoder"), "score", kind="encoder")
    return FullTask(ScalarReward(model, renderer, differentiable=True), renderer.render_all(data.samples), data, settings)


@pytest.mark.parametrize("overhead", [0, 5, 40, 10_000])
def test_the_cheapest_cuts_are_those_of_exhaustive_search(overhead):
    lengths = [3, 3, 4, 9, 10, 30, 31]
    n = len(lengths)

    def cost(ends):
        return sum((b - a) * lengths[b - 1] + overhead for a, b in ends)

    every = (
        list(itertools.pairwise([0, *inner, n])) for size in range(n) for inner in itertools.combinations(range(1, n), size)
    )
    found = cheapest_cuts(lengths, overhead)
    assert cost(found) == min(map(cost, every))
    assert [found[0][0], found[-1][1]] == [0, n]


@pytest.mark.parametrize("bucketing", [True, False])
def test_every_row_is_in_one_step_of_an_epoch(bucketing):
    steps = task(pair_data(30), bucketing=bucketing).steps(0)
    rows = [int(row) for step in steps for rows in step for row in rows[0]]
    assert sorted(rows) == list(range(30))
    assert len(steps) == 8


def test_epochs_differ_and_repeat():
    work = task(pair_data(30))
    first, again, second = ([rows.tolist() for step in work.steps(e) for rows in step] for e in (0, 0, 1))
    assert first == again
    assert first != second


def test_bucketing_pads_less():
    def padded(work):
        return sum(2 * rows.shape[1] * int(work.row_length[rows[0]].max()) for step in work.steps(0) for rows in step)

    data = pair_data(64)
    assert padded(task(data)) < 0.9 * padded(task(data, bucketing=False))


def test_a_pass_keeps_to_the_token_budget():
    work = task(pair_data(32), batch_tokens=150, batch_size=8)
    sizes = [(rows.shape[1], int(work.row_length[rows[0]].max())) for step in work.steps(0) for rows in step]
    assert all(num == 1 or 2 * num * longest <= 150 for num, longest in sizes)
    assert any(num > 1 for num, _ in sizes)


def test_scores_do_not_depend_on_how_samples_are_cut_or_repeated():
    work = task(pair_data(16))
    samples = torch.tensor([[5, 0, 5, 31, 12]])
    together = work.scores(work.module, samples)
    work.overhead = 0
    apart = work.scores(work.module, samples)
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)
    torch.testing.assert_close(together[0], work.predict(work.module, samples[0])[:, 0], atol=1e-5, rtol=0)


def test_held_out_scores_run_the_prompt_of_a_pair_once(tmp_path):
    pairs = [Pair(60 * f"{i}? ", "ab" * (i + 1), "zy" * (9 - i)) for i in range(4)]
    data, reward = from_pairs(pairs), begin_full(str(save_tiny(tmp_path, "causal", "lm")))
    rows = reward.renderer.render_all(data.samples)
    work = FullTask(reward, rows, data, FitOptions(adapter="full", batch_size=4))
    samples = torch.arange(8)
    wanted = work.scores(work.module, samples[None])[0]
    work.predict(work.module, samples[:1])
    seen = []
    hook = reward.model.base_model.layers[0].register_forward_pre_hook(lambda m, args: seen.append(args[0].shape[:2].numel()))
    found = work.predict(work.module, samples)[:, 0]
    hook.remove()
    assert sum(seen) < 0.7 * sum(len(row.ids) for row in rows)
    torch.testing.assert_close(found, wanted.detach(), atol=1e-5, rtol=0)
