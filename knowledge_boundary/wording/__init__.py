"""Every prompt, instruction and refusal text of the project, in one module, ``phrases``.

Imports: no other room.
"""
