"""What an answer amounts to: words, matching, refusals, outcomes.

Imports: wording.
"""
