"""What keeps the house in order: the layers, the size limits and the generated pages. Not part of the package."""
