"""LLaMA-Factory as a back end: its environment, its settings, its data.

Imports: running, models, training, training.outside.
"""
