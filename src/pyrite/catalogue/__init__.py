"""The papers that Pyrite brings together: what each claims, and a recipe that checks it where one exists.

`papers.tsv` has one row a paper, `index.py` reads it; `recipe.py` runs a claim against its baseline over paired seeds;
`papers/KEY.py` is one paper's experiment in at most 80 lines.
"""
