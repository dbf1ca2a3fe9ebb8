"""What the stages share: one module per noun of the field."""

__version__ = "0.1.0"
