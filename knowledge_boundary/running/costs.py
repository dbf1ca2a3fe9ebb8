"""What parts of a run cost: seconds and forward passes a question."""

import time
from contextlib import contextmanager


class Costs:
    """Seconds by part of what this process asks; of a resumed run, as if all had been asked at the same pace.

    Args:
        forward_passes: {part: sequences that are run for a question}.
    """

    def __init__(self, forward_passes: dict):
        self.forward_passes = forward_passes
        self.seconds = dict.fromkeys(forward_passes, 0.0)
        self.questions = dict.fromkeys(forward_passes, 0)
        self.fixed = {}

    def timed(self, part: str, work, *args, **options):
        """``work(*args, **options)``, a list of one result a question, its seconds counted."""
        start = time.monotonic()
        found = work(*args, **options)
        self.add(part, time.monotonic() - start, len(found))
        return found

    @contextmanager
    def once(self, part: str):
        """Count the seconds of what is done once for all questions."""
        start = time.monotonic()
        yield
        self.fixed[part] = self.fixed.get(part, 0) + time.monotonic() - start

    def batches(self, part: str, batches):
        """``batches`` as they are, the seconds until each counted."""
        start = time.monotonic()
        for records in batches:
            self.add(part, time.monotonic() - start, len(records))
            yield records
            start = time.monotonic()

    def add(self, part: str, seconds: float, questions: int) -> None:
        """Count ``seconds`` for ``questions``."""
        self.seconds[part] += seconds
        self.questions[part] += questions

    def of(self, n: int) -> dict:
        """``meta.costs`` of ``n`` questions: {part: {seconds, forward_passes}}; null seconds where none was asked."""
        return {
            part: {
                "seconds": round(self.fixed.get(part, 0) + self.seconds[part] / asked * n, 2)
                if (asked := self.questions[part])
                else None,
                "forward_passes": passes,
            }
            for part, passes in self.forward_passes.items()
        }
