"""Estimators, intervals and metric kernels: numpy float64 in and out; no models, no files.

`bestofn.py` is the best-of-n curve of one pool; `intervals.py` turns per-prompt numbers into intervals, `simultaneous.py`
into bounds that hold over a whole curve, `crossfit.py` into the size of a fall; `fits.py` and `metrics.py` are small tables
of formulas. Read next: `pyrite.evals.curves`, which puts them together.
"""
