"""Evaluated answers in figures: rates, THS, calibration, intervals and paired tests.

Imports: running.
"""
