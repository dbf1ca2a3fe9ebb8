"""What people look at: the terminal's tables, figures, the HTML page.

Imports: running, questions, knowledge.
"""
