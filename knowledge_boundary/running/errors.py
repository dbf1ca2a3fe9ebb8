"""The error that a user can mend."""


class UserError(Exception):
    """Something the user can mend: printed as one line on stderr, exit code 2."""
