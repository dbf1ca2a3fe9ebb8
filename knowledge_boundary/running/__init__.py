"""How a run goes: its result file and journal, the processes that share it, the errors that end it.

Imports: no other room.
"""
