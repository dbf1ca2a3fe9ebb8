"""Questions: one record, a reader for each layout of files, the hub's data sets, MMLU's parts.

Imports: running, wording.
"""
