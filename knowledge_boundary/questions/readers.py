"""The loading of a question set: by name, as a data set of the hub, or from a folder or a file."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from ..running.errors import UserError
from . import files, folders, halves, hub, mmlu, repeats, sets, tables, values
from .halves import MOST_SHOTS
from .records import QuestionSet, by_subject, check_set, chosen_subjects, spread

EMBEDDED = Path(__file__).resolve().parents[2] / "data" / "world_facts"
NAMED = {"world_facts": EMBEDDED, "world_facts_mc": EMBEDDED / "mc"}
SHOTS = ("dev", "val", "validation", "valid")


@dataclass
class Place:
    """Where a data set lies.

    Attributes:
        label: its name in results.
        path: its folder or file; None: on the hub.
        config: the configuration that is asked for, if one is.
        repository: on the hub.
        known: its name in ``sets.DATASETS``, if it is one of these.
        named: whether it was given by that name, and not by its path or repository.
    """

    label: str
    path: Path | None
    config: str | None = None
    repository: str | None = None
    known: str | None = None
    named: bool = False

    @property
    def own(self):
        """What is known of the set; None for one of the user's."""
        return sets.DATASETS.get(self.known)


@dataclass
class Asked:
    """The questions of one split as they are read, before any choice among them."""

    questions: list = field(default_factory=list)
    shots: dict = field(default_factory=dict)
    skipped: int = 0
    notes: list = field(default_factory=list)
    places: dict = field(default_factory=dict)
    reading: str | None = None

    def add(self, read: tables.Read) -> None:
        """Takes in another file."""
        self.questions += read.questions
        self.skipped += read.skipped
        self.notes += [note for note in read.notes if note not in self.notes]
        self.places |= {id(q): place for q, place in zip(read.questions, read.places, strict=True)}
        self.reading = self.reading or read.reading


def located(name: str, data_dir=None) -> Place:
    """Where the data set of a name, a path or ``owner/name[/config]`` lies.

    Raises:
        UserError: nowhere.
    """
    if name in NAMED:
        return Place(name, NAMED[name])
    on_hub = hub.parted(name)
    known = name if name in sets.DATASETS else sets.of_repository(on_hub[0]) if on_hub else None
    own = sets.DATASETS.get(known)
    config = on_hub[1] if on_hub else None
    label = label_of(name)
    if data_dir and not Path(name).is_absolute():
        repository = on_hub[0] if on_hub else own.repository if own else None
        for copy in _copies(name, repository):
            path = folders.snapshot(Path(data_dir) / copy)
            if path.exists():
                return Place(label, path, config or _config(own), repository, known, name == known)
    if Path(name).exists():
        path = folders.snapshot(Path(name))
        known = sets.of_folder(label)
        return Place(label, path, _config(sets.DATASETS.get(known)), None, known)
    if name in sets.FILES:
        raise UserError(f"--dataset {name}: {sets.FILES[name]}")
    if own and not on_hub:
        return Place(name, None, _config(own), own.repository, known, True)
    if on_hub:
        return Place(label, None, config or _config(own), on_hub[0], known)
    names = ", ".join([*sets.DATASETS, *NAMED])
    raise UserError(f"--dataset {name}: no such file or folder, and not one of {names}, nor owner/name of the hub")


def label_of(name: str) -> str:
    """A data set's name in results: "x" for ``a/x.jsonl.gz``, "name-config" for ``owner/name/config`` of the hub."""
    on_hub = hub.parted(name)
    if on_hub:
        return "-".join(filter(None, (on_hub[0].partition("/")[2], on_hub[1])))
    return files.stem(name).rpartition("--")[2]


def _config(own) -> str | None:
    return own.config if own and own.config != "subjects" else None


def _copies(name: str, repository: str | None) -> list:
    """The names under which tools keep a data set in a folder."""
    if not repository:
        return [name]
    joined = repository.replace("/", "--")
    found = [name, repository, joined, f"datasets--{joined}", f"hub/datasets--{joined}", repository.partition("/")[2]]
    # A folder of the owner's name holds the repository, as in ceval/ceval-exam.
    return sorted(found, key=lambda copy: copy != repository) if repository.startswith(f"{name}/") else found


def local_path(name: str, data_dir=None) -> tuple[Path | None, str]:
    """(folder or file, the set's name) of a data set; no path for one of the hub.

    Raises:
        UserError: no such data set.
    """
    place = located(name, data_dir)
    return place.path, place.label


def splits_of(name: str, data_dir=None) -> list:
    """The names of a local data set's splits; empty for a single file, which is one set, and for a set of the hub.

    Raises:
        UserError: no such data set.
    """
    place = located(name, data_dir)
    if place.path is None or not place.path.is_dir():
        return []
    found = _splits(place)
    return sorted(split for split in found if split == "train" or found[split] is not found.get("train"))


def _splits(place: Place) -> dict:
    """{split: [(file, subject)]} of a folder; of a set with a configuration for each subject, of all of them."""
    own = place.own
    if own and own.data_files and (place.path / own.data_files).is_file():
        return {own.splits[0]: [(place.path / own.data_files, None)]}
    if own and own.config == "subjects":
        found = {}
        for config, splits in folders.layout(place.path).items():
            for split, parts in splits.items():
                found.setdefault(split, []).extend((path, subject or config or None) for path, subject in parts)
        return found
    return folders.configured(place.path, place.config)[0]


def check_split(name: str, split: str, data_dir=None) -> None:
    """UserError unless a data set has the split, as far as can be told without asking the hub."""
    place = located(name, data_dir)
    split = _halved(place, split)[0]
    if place.path is None:
        if place.own:
            hub.own_split(name, place.own, split)
    elif place.path.is_dir():
        _chosen(place, split)


def _halved(place: Place, split: str) -> tuple[str, int | None]:
    """``halves.parted``, but for a folder that has a split of that very name."""
    whole, half = halves.parted(split)
    own = half and place.path and place.path.is_dir() and split in _splits(place)
    return (split, None) if own else (whole, half)


def _chosen(place: Place, split: str) -> tuple[str, list]:
    """(the split's own name, its files) of a folder."""
    found = _splits(place)
    own = place.own
    if own and split in own.withheld and split not in found:
        hub.own_split(place.label, own, split)
    return folders.choose(found, split, place.path)


def load(
    name, split, data_dir=None, subjects=None, limit=None, skip_invalid=False, domain="all", columns=None, seed=0
) -> QuestionSet:
    """The questions of a data set, cut to ``domain``, ``subjects`` and ``limit`` per subject.

    Args:
        name: of a set, ``owner/name[/config]`` of the hub, or a path.
        split: which of its splits, or a half of one (``halves``); a single file is one.
        data_dir: a folder with copies of data sets, looked into before the hub.
        subjects: only these, separated by commas.
        limit: as many questions of each subject at most, spread over it.
        skip_invalid: leave out what cannot be asked, and count.
        domain: a key of ``mmlu.DOMAINS``; R-Tuning's parts are left whole, repeated questions too.
        columns: {role: column} of a file or of ``owner/name`` (``columns.parse``); a set by name has its own.
        seed: of the order of choices whose right one always stands first.

    Raises:
        UserError: no such data set, split or subject; a record that cannot be asked; nothing left to ask.
    """
    place = located(name, data_dir)
    whole, half = _halved(place, split)
    asked = (_from_hub if place.path is None else _from_files)(
        place, name, whole, subjects, skip_invalid, columns, seed
    )
    asked.notes += repeats.settled_ids(asked.questions)
    single = repeats.Merged(mmlu.domain_part(asked.questions, domain))
    if domain == "all":  # a set by name cannot be mended by who asks for it
        single = repeats.merged(single.questions, asked.places, skip_invalid or place.known is not None)
    if single.merged:
        asked.notes.append(f"{single.merged} repeated questions merged")
    if single.apart:
        asked.notes.append(f"{single.apart} stand with answers that have nothing in common; all of them are accepted")
    if single.left_out:
        asked.notes.append(f"{single.left_out} left out that give one question two answers")
        asked.skipped += single.left_out if skip_invalid else 0
    if half:
        single.questions, asked.shots, note = halves.halved(single.questions, asked.shots, half)
        asked.notes.append(note)
    groups = by_subject(single.questions)
    groups = {s: groups[s] for s in chosen_subjects(groups, subjects)}
    if limit is not None:
        groups = {s: spread(qs, limit) for s, qs in groups.items()}
    questions = [q for qs in groups.values() for q in qs]
    check_set(questions, f"{name} split {split}" + f" domain {domain}" * (domain != "all"))
    shots = {s: qs for s, qs in asked.shots.items() if s in groups}
    notes = [] if name in NAMED else asked.notes
    licence = place.own.licence if place.own and place.repository else None
    return QuestionSet(place.label, split, questions, shots, asked.skipped, notes, single.merged, licence)


def _known(place: Place, table, columns) -> tables.Known:
    """What is known of a set's rows: its own columns where they are there, else those that the user names."""
    own = place.own
    if own is None:
        return tables.Known(columns)
    wanted = {part for column in own.columns.values() for part in column.split("+")}
    if wanted <= {*table.names}:
        return replace(own.known, columns=own.columns | ({} if place.named else columns or {}))
    return tables.Known(None if place.named else columns, exam=own.known.exam)


def _only(place: Place, table) -> list:
    """Leaves the rows that the set's publisher has found fault with; returns what is to be said of it."""
    own = place.own
    if own is None or own.only is None or own.only[0] not in table.names:
        return []
    column, value = own.only
    before = len(table.rows)
    table.rows = [(at, row) for at, row in table.rows if not isinstance(row, dict) or row.get(column) == value]
    return [f"left out, since their `{column}` is not {value!r}: {before - len(table.rows)}"]


def _together(read_tables: list) -> files.Table:
    """The rows of several files of one split, so that what their columns mean is decided once."""
    first = read_tables[0]
    if len(read_tables) == 1:
        return first
    names = list(dict.fromkeys(name for table in read_tables for name in table.names))
    rows = [row for table in read_tables for row in table.rows]
    notes = list(dict.fromkeys(note for table in read_tables for note in table.notes))
    return files.Table(f"{Path(first.where).parent}", names, rows, all(t.typed for t in read_tables), notes)


def _questions(place, parts, split, subjects, skip_invalid, columns, seed, prefer=None) -> tables.Read:
    """The questions of the (table, subject) of one split."""
    found, numbered = [], False
    for table, subject in parts:
        if subject is not None:
            for _, row in table.rows:
                if isinstance(row, dict):
                    row["subject"] = subject if values.missing(row.get("subject")) else row["subject"]
                    numbered |= repeats.numbered_by_file(row, subject)
            if "subject" not in table.names:
                table.names = [*table.names, "subject"]
        found.append(table)
    whole = _together(found)
    left_out = _only(place, whole)
    known = _known(place, whole, columns)
    if any(subject is not None for _, subject in parts) and known.columns:
        known = replace(known, columns={"subject": "subject", **known.columns})
    known.prefer = prefer or known.prefer
    read = tables.read(whole, place.label, split, skip_invalid, known, seed)
    read.notes += left_out + [repeats.NUMBERED] * numbered
    return read


def _wanted(place: Place, columns) -> dict:
    """{role: column} of all that a set's rows are looked through for: its own columns, the user's, what is asked."""
    own = place.own
    only = {"only": own.only[0]} if own and own.only else {}
    return {**(own.columns if own else {}), **({} if place.named else columns or {}), **only}


def _from_files(place: Place, name, split, subjects, skip_invalid, columns, seed) -> Asked:
    """The questions, and the few-shot examples, of a file or a folder."""
    asked, wanted = Asked(), _wanted(place, columns)
    if not place.path.is_dir():
        parts = [(files.read(place.path, split, wanted), None)]
        asked.add(_questions(place, parts, split, subjects, skip_invalid, columns, seed))
        return asked
    splits = _splits(place)
    own_split, chosen = _chosen(place, split)
    if own_split.lower() != split.lower():
        print(f"--split {split}: {chosen[0][0].name} is read")

    def read(which, own, prefer=None, only=None):
        by_file = all(subject is not None for _, subject in own)
        taken = only if only is not None else chosen_subjects([s for _, s in own], subjects) if by_file else None
        parts = [(files.read(p, which, wanted), s) for p, s in own if taken is None or s in taken]
        return _questions(place, parts, which, subjects, skip_invalid, columns, seed, prefer) if parts else None

    asked.add(read(split, chosen))
    order = (place.own.shots, *SHOTS) if place.own and place.own.shots else SHOTS
    which = next((s for s in order if s in splits), None)
    if which is None:
        return asked
    by_file = all(subject is not None for _, subject in splits[which])
    found = read(which, splits[which], asked.reading, [*by_subject(asked.questions)] if by_file else None)
    if found:
        groups = by_subject(q for q in found.questions if not q.should_abstain)
        asked.shots = {s: qs if by_file else qs[:MOST_SHOTS] for s, qs in groups.items()}
    return asked


def _from_hub(place: Place, name, split, subjects, skip_invalid, columns, seed) -> Asked:
    """The questions, and the few-shot examples, of a data set of the hub."""
    own, asked, wanted = place.own, Asked(), _wanted(place, columns)
    named = hub.own_split(name, own, split) if own else split
    one_each = bool(own and own.config == "subjects")
    configs = [place.config]
    if one_each and place.config is None:
        configs = chosen_subjects(hub.config_names(own, name), subjects)

    def read(rows_of, which, prefer=None, skip=skip_invalid):
        file = own.data_files if own else None
        parts = [
            (hub.table(place.repository, config, rows_of, wanted, file, name), config if one_each else None)
            for config in configs
        ]
        return _questions(place, parts, which, subjects, skip, columns, seed, prefer)

    asked.add(read(named, split))
    if own and own.shots:
        for q in read(own.shots, own.shots, asked.reading, True).questions:
            group = asked.shots.setdefault(q.subject, [])
            if len(group) < MOST_SHOTS and not q.should_abstain:
                group.append(q)
    return asked
