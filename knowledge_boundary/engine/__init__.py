"""Passes through a model: what many prompts share is computed once, in scoring, sampling and training.

Imports: running, models, judging.
"""
