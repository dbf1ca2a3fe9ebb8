"""What a trainer outside this program takes and gives: examples, settings, its launch, the weights that it writes.

Imports: running, models, training.
"""
