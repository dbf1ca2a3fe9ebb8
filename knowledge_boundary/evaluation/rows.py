"""The rows of a comparison: which evaluations are seeds of one method, and which a calibration gives another row."""

import re
from dataclasses import dataclass, replace

from ..running.errors import UserError
from .calibration import fits, misfit
from .curve import SIGNAL, available
from .pools import asked_as

SEED = re.compile(r"_seed(\d+)$")


@dataclass(frozen=True)
class Member:
    """One seed of a row.

    Attributes:
        where: the flag and file of its evaluation, for errors.
        evaluation: the content of ``eval_NAME.json``.
        threshold: of the row's signal, for a calibrated row; None: nothing is answered.
        calibration: that the threshold is of, or None.
    """

    where: str
    evaluation: dict
    threshold: float | None = None
    calibration: dict | None = None

    @property
    def name(self) -> str:
        """The evaluation's name."""
        return self.evaluation["summary"]["model"]

    @property
    def number(self) -> int | None:
        """The number behind ``_seed`` of its name."""
        found = SEED.search(self.name)
        return int(found[1]) if found else None

    @property
    def fingerprint(self) -> str:
        """The model's, by its content."""
        return self.evaluation["meta"]["model"]["fingerprint"]


@dataclass(frozen=True)
class Row:
    """One row of a comparison, with all of its seeds.

    Attributes:
        name: the row's.
        kind: ``native`` (the model's own decision to refuse), ``calibrated`` (a threshold of a signal decides) or
            ``baseline`` (the same, of the initial model).
        members: a seed each, in the order of their numbers.
        signal: what the curve goes by, and the threshold.
        target: that the threshold was chosen by; None for a native row.
    """

    name: str
    kind: str
    members: tuple
    signal: str = SIGNAL
    target: str | None = None

    @property
    def key(self) -> tuple:
        """What tells its seeds from another row's (``seeds.lots``): their numbers, or else the models' fingerprints."""
        numbers = tuple(m.number for m in self.members)
        told = None not in numbers and len(set(numbers)) == len(numbers)
        return numbers if told else tuple(m.fingerprint for m in self.members)


def stem(name: str) -> str:
    """A name without the ``_seed<digits>`` behind it."""
    return SEED.sub("", name)


def native_rows(evaluations: dict, base: dict) -> list:
    """The evaluations as rows, in the order in which they were given: those of one name but for the seed are one row.

    A single one keeps its name.

    Args:
        evaluations: {where it comes from, for errors: the content of ``eval_NAME.json``}.
        base: the initial model's, which has no seeds.

    Raises:
        UserError: of one row two are of one model, asked otherwise or evaluated on other sets; or it names the initial
            model and others as seeds.
    """
    grouped = {}
    for where, evaluation in evaluations.items():
        member = Member(where, evaluation)
        grouped.setdefault(stem(member.name), []).append(member)
    found = []
    for name, members in grouped.items():
        if len(members) > 1:
            check_seeds(name, members, base["meta"]["model"]["fingerprint"])
            members.sort(key=lambda m: (m.number is None, m.number))
        found.append(Row(name if len(members) > 1 else members[0].name, "native", tuple(members)))
    return found


def check_seeds(name: str, members: list, initial: str) -> None:
    """UserError if evaluations of one name can't be seeds of one method; ``initial``: the base's fingerprint."""
    first, seen = members[0], {}
    for m in members:
        other = seen.setdefault(m.fingerprint, m)
        if other is not m:
            raise UserError(
                f"{m.where}: two files are of {name} and of one model (the other: {other.where}); evaluate with "
                f"different --name, or give each seed once"
            )
        if m.fingerprint == initial:
            raise UserError(
                f"{m.where}: {m.name} is the initial model, and others have its name as if they were its seeds; "
                f"evaluate with different --name"
            )
        own, alike = (x.evaluation["meta"] for x in (m, first))
        key = next((k for k, v in asked_as(own).items() if v != asked_as(alike)[k]), None)
        if key:
            raise UserError(
                f"{m.where}: a seed of {name} that was asked with --{key} {asked_as(own)[key]}, {first.where} with "
                f"{asked_as(alike)[key]}; ask all seeds alike"
            )
        sizes = [x["model"].get("parameters") for x in (own, alike)]
        if sizes[0] != sizes[1]:
            raise UserError(
                f"{m.where}: not a seed of {name}: its model has {sizes[0]} parameters, that of {first.where} "
                f"{sizes[1]}; evaluate with different --name"
            )
        sets = [x.evaluation["summary"]["datasets"].keys() for x in (m, first)]
        if sets[0] != sets[1]:
            raise UserError(
                f"{m.where}: evaluated on {', '.join(sets[0])}, {first.where} of the same {name} on "
                f"{', '.join(sets[1])}; evaluate all seeds on the same sets"
            )


def calibrated_rows(calibrations: dict, natives: list, base: Member) -> list:
    """A row for each calibration, the seeds of one method together.

    A threshold of a model's score makes the row ``NAME_calibrated``, NAME the calibration's; of another signal, where
    the calibration has the signal's name, ``MODEL_SIGNAL``. Of the initial model (``baseline``) it is NAME alone; where
    a native row has this name, NAME_calibrated if it is this evaluation's own, else ``NAME_baseline``.

    Args:
        calibrations: {where it comes from: the content of ``calibration_NAME.json``}.
        natives: ``native_rows``.
        base: the initial model's evaluation, which may be none of theirs.

    Raises:
        UserError: one fits no evaluation or several; two of one name differ; a seed has none; records have no signal.
    """
    grouped = {}
    for where, calibration in calibrations.items():
        row, member = fitting(where, calibration, natives, base)
        of_base = member.fingerprint == base.fingerprint
        name = calibrated_name(calibration["summary"]["name"], calibration["summary"]["signal"], row, of_base, natives)
        grouped.setdefault(name, []).append((where, calibration, row, member))
    taken = next((row.name for row in natives if row.name in grouped), None)
    if taken:
        raise UserError(
            f"{grouped[taken][0][0]}: {taken} is the name of an evaluation too; calibrate with another --name"
        )
    return [calibrated_row(name, group, base) for name, group in grouped.items()]


def fitting(where: str, calibration: dict, natives: list, base: Member) -> tuple[Row, Member]:
    """The row and its seed that a calibration is of."""
    found = [(row, m) for row in natives for m in row.members if fits(calibration, m.evaluation["meta"])]
    if not found and fits(calibration, base.evaluation["meta"]):
        found = [(Row(base.name, "native", (base,)), base)]
    if len(found) > 1:  # of two models with the same weights, the one that it was chosen for
        found = [one for one in found if one[1].name == calibration["summary"]["model"].get("name")] or found
    if len(found) > 1:
        raise UserError(f"{where}: fits both {found[0][1].where} and {found[1][1].where}; compare one of them")
    if not found:
        model = calibration["summary"]["model"]
        others = [m for row in natives for m in row.members if m.fingerprint == model["fingerprint"]]
        why = misfit(calibration, others[0].evaluation["meta"]) if others else f"it is of the model {model.get('name')}"
        raise UserError(f"{where}: fits none of the evaluations ({why}); evaluate that model, asked alike")
    row, member = found[0]
    signal = calibration["summary"]["signal"]
    if signal not in available(member.evaluation["records"]):
        raise UserError(
            f"{where}: no record of {member.where} has both the signal `{signal}` and a forced answer; evaluate again "
            f"with what gives it"
        )
    return row, member


def calibrated_name(name: str, signal: str, row: Row, of_base: bool, natives: list) -> str:
    """The name (``calibrated_rows``) of the row that a calibration of this name and signal gives ``row``'s model."""
    name = stem(name) if len(row.members) > 1 else name
    if of_base:
        taken = next((other for other in natives if other.name == name), None)
        return f"{name}_{'calibrated' if taken is row else 'baseline'}" if taken else name
    return f"{row.name}_{name}" if name == signal else f"{name}_calibrated"


def calibrated_row(name: str, group: list, base: Member) -> Row:
    """The row of calibrations of one name: ``(where, its content, native row, its seed)`` each."""
    first_where, first, row, _ = group[0]
    first, members = first["summary"], {}
    for where, calibration, other, member in group:
        summary = calibration["summary"]
        if other.name != row.name or member.fingerprint in members:
            raise UserError(
                f"{where}: a second calibration for the row {name}, beside {first_where}; give one --name each"
            )
        for key in ("signal", "target", "delta"):
            if summary.get(key) != first.get(key):
                raise UserError(
                    f"{where}: {key} {summary.get(key)}, {first_where} of the same row {name}: {first.get(key)}; "
                    f"calibrate all seeds alike, or with different --name"
                )
        members[member.fingerprint] = replace(member, threshold=summary["threshold"], calibration=calibration)
    without = next((m for m in row.members if m.fingerprint not in members), None)
    if without:
        raise UserError(
            f"{first_where}: {row.name} has {len(row.members)} seeds, and no calibration for the row {name} is of "
            f"{without.where}; calibrate all seeds"
        )
    kind = "baseline" if row.members[0].fingerprint == base.fingerprint else "calibrated"
    in_order = tuple(members[m.fingerprint] for m in row.members)
    return Row(name, kind, in_order, first["signal"], first["target"])
