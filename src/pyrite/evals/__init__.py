"""What a reward is worth, measured against gold: the only layer that is handed gold.

`curves.py` draws proxy and gold against best-of-n, `verdict.py` says whether gold falls, `probes.py` what the score reacts
to, `attacks.py` what it wrongly accepts.
"""
