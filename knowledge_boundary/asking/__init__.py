"""How a question is put to a model: prompts, the probe, how evaluation asks.

Imports: running, wording, questions, models, engine, judging, serving.
"""
