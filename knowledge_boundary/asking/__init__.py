"""How a question is put to a model: prompts, the probe, how evaluation asks.

Imports: running, wording, models, engine, judging, serving.
"""
