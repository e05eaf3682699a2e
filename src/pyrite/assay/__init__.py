"""The main job: plan, score once, judge, and write what was found. Start with `run.py`; the written form is in `pyrite.report.result`."""
