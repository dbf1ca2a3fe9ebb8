"""Fine-tunes: the examples, their files, the built-in trainer.

Imports: running, wording, questions, models, engine, judging, asking.
"""
