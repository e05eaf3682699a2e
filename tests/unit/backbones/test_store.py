"""The store of features on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from pyrite.backbones.render import Rendered
from pyrite.backbones.store import FeatureStore, row_key


def key(*ids: int) -> bytes:
    return row_key(Rendered(ids))


def test_what_is_put_is_there_for_the_next_process(tmp_path: Path) -> None:
    FeatureStore("a" * 64, 2, tmp_path).put({key(1): torch.tensor([1.0, 2.0])})
    found = FeatureStore("a" * 64, 2, tmp_path).get([key(1), key(2)])
    assert {k: v.tolist() for k, v in found.items()} == {key(1): [1.0, 2.0]}


def test_models_do_not_share(tmp_path: Path) -> None:
    FeatureStore("a" * 64, 1, tmp_path).put({key(1): torch.tensor([1.0])})
    assert FeatureStore("b" * 64, 1, tmp_path).get([key(1)]) == {}


def test_first_value_stays(tmp_path: Path) -> None:
    store = FeatureStore("a" * 64, 1, tmp_path)
    for value in (1.0, 2.0):
        store.put({key(1): torch.tensor([value])})
    assert store.get([key(1)])[key(1)].tolist() == [1.0]


def test_many_keys_at_once(tmp_path: Path) -> None:
    store = FeatureStore("a" * 64, 1, tmp_path)
    store.put({key(i): torch.tensor([float(i)]) for i in range(1234)})
    found = store.get([key(i) for i in range(2000)])
    assert len(found) == 1234
    assert found[key(1233)].item() == 1233.0


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    def write(worker: int) -> None:
        store = FeatureStore("a" * 64, 1, tmp_path)
        for i in range(20):
            store.put({key(worker, i): torch.tensor([float(worker)])})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = FeatureStore("a" * 64, 1, tmp_path).get([key(w, i) for w in range(4) for i in range(20)])
    assert len(found) == 80


def test_damaged_file_is_moved_away_and_begun_anew(tmp_path: Path) -> None:
    path = FeatureStore("a" * 64, 1, tmp_path).path
    path.write_bytes(b"this is no database" * 100)
    with pytest.warns(UserWarning, match="damaged"):
        store = FeatureStore("a" * 64, 1, tmp_path)
    assert store.get([key(1)]) == {}
    assert path.with_suffix(".broken").is_file()


def test_keys_tell_ids_from_token_types() -> None:
    keys = {row_key(Rendered((1, 2))), row_key(Rendered((1,), token_type_ids=(2,))), row_key(Rendered((12,)))}
    assert len(keys) == 3
