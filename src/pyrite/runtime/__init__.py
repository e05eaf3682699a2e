"""What keeps work safe: files written whole, a journal to resume from, caches, progress, checks of the machine."""
