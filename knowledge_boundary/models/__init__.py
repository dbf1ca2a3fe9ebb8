"""Models: where they lie, how they are loaded, what is peculiar to a family; the sentence embedder.

Imports: running.
"""
