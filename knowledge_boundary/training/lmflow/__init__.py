"""LMFlow as a back end: its checkout and environment, its settings, what it reads and writes.

Imports: running, models, training.
"""
