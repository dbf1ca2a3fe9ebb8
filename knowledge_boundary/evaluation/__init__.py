"""Evaluated answers in figures: rates, THS, curves over every threshold, calibration, intervals and paired tests.

Imports: running, wording.
"""
