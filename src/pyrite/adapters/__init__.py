"""Pyrite handed to training frameworks, in the exact form each calls. One host a file."""
