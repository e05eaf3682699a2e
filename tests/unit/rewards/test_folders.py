"""Folders that join reward models which are saved already."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from pyrite.backbones.tiny import save_tiny
from pyrite.rewards.ensemble import EnsembleReward
from pyrite.rewards.folders import load_reward_folder, save_ensemble
from pyrite.types import Sample

SAMPLES = [Sample("a", "b"), Sample("why", "because")]


def test_ensemble_of_saved_models_has_their_scores_as_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYRITE_CACHE", str(tmp_path / "cache"))
    alone = [load_reward_folder(save_tiny(tmp_path / f"rm/m{seed}", seed=seed)) for seed in (0, 1)]
    save_ensemble(tmp_path / "rm", ["m0", "m1"], "both", {"pairs": 3})
    reward = load_reward_folder(tmp_path / "rm")
    assert isinstance(reward, EnsembleReward)
    assert reward.name == "both"
    expected = torch.stack([part.score(SAMPLES).value for part in alone], dim=1)
    assert torch.equal(reward.score(SAMPLES).members, expected)
