"""Data files in, samples out: `read.py` reads rows with file and line, `rows.py` turns them into pairs, pools and samples."""
