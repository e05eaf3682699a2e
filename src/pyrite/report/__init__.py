"""What a person reads of a run: one HTML page and one Markdown file, made from `result.json` alone. Start with `page.py`."""
