"""Every prompt, instruction and refusal text: ``phrases``; of exams: ``exams``; what refusals look like: the others.

Imports: no other room.
"""
