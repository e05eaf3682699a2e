"""Results of forward passes on disk, so that no text is run twice through one model.

One SQLite file a model. Rows are appended batch by batch, so a killed job keeps what it finished; several processes may read
and write at once (write-ahead log). Read next: `readers.py`, which fills it.
"""

from __future__ import annotations

import hashlib
import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pyrite.backbones.render import Rendered
from pyrite.runtime.files import cache_dir
from pyrite.types import batched

_WAIT = 60.0  # seconds to wait for another process's write
_MOST = 500  # keys in one query


def row_key(rendered: Rendered) -> bytes:
    """16 bytes that are equal exactly where two rows are equal for the model."""
    parts = (rendered.ids, rendered.token_type_ids or ())
    return hashlib.blake2b(b"|".join(np.asarray(part, dtype="<i4").tobytes() for part in parts), digest_size=16).digest()


class FeatureStore:
    """float32 vectors by row key, for one model.

    Args:
        identity: Names the model, its dtype and what is read from it; the file is named after it.
        size: Numbers in each vector.
        folder: Where the file lies; default the features folder of Pyrite's cache.
    """

    def __init__(self, identity: str, size: int, folder: Path | None = None) -> None:
        folder = folder or cache_dir() / "features"
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{identity[:32]}.sqlite"
        self.size = size
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            broken = self.path.with_suffix(".broken")
            warnings.warn(f"{self.path} is damaged ({error}); it is moved to {broken.name} and begun anew.", stacklevel=2)
            self.path.replace(broken)
            self._open()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_WAIT)

    def _open(self) -> None:
        with closing(self._connect()) as base, base:
            base.execute("PRAGMA journal_mode=WAL")
            base.execute("CREATE TABLE IF NOT EXISTS features (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID")

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Tensor]:
        """The vectors (size,) that are known among `keys`."""
        found: list[tuple[bytes, bytes]] = []
        with closing(self._connect()) as base:
            for some in batched(keys, _MOST):
                marks = ",".join("?" * len(some))
                found += base.execute(f"SELECT key, value FROM features WHERE key IN ({marks})", list(some))
        whole = {key: value for key, value in found if len(value) == 4 * self.size}
        return {key: torch.from_numpy(np.frombuffer(value, dtype="<f4").copy()) for key, value in whole.items()}

    def put(self, values: Mapping[bytes, Tensor]) -> None:
        """Add vectors (size,); on disk when this returns. A key that is there already keeps its first value."""
        rows = [(key, value.detach().cpu().float().numpy().astype("<f4").tobytes()) for key, value in values.items()]
        with closing(self._connect()) as base, base:
            base.executemany("INSERT OR IGNORE INTO features VALUES (?, ?)", rows)
