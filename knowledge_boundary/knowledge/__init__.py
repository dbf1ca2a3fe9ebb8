"""What a model knows: the boundary, correctness and certainty, their flow, the selections, CRSS.

Imports: running, questions, engine, judging, asking, evaluation.
"""
