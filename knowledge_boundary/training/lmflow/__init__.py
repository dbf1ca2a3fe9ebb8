"""LMFlow as a back end: its checkout and environment, its settings, its data.

Imports: running, training.outside.
"""
