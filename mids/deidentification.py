"""DICOM in, DICOM out: what ``mids deidentify`` does. Everything a user can ask is an argument of `deidentify`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mids._version import __version__
from mids.actions.deidentify import Block
from mids.deid import keys
from mids.deid.headers.tables import edition
from mids.deid.labels import Labels
from mids.deid.policy import Policy, preset
from mids.deid.pseudonyms import Pseudonyms
from mids.deid.references import References
from mids.errors import MidsError
from mids.inspection.identifiers import identify
from mids.issues import Issue, Level, issue
from mids.plan import Outcome, Plan, compare
from mids.plan.compare import files_below
from mids.plan.instances import Context, build, headers
from mids.plan.texts.files import Inventory
from mids.readers.archives.files import batched, walk
from mids.readers.dicom.scan import CHUNK, Scan
from mids.readers.given.embedding import FIRST, Embedding
from mids.records import About, Json, Map
from mids.run import run
from mids.run.door import Done, checked, joined, lasting_key, told
from mids.run.identities import write_map
from mids.run.pool import hired
from mids.run.run import Place, Progress
from mids.run.sources import write_sources
from mids.run.state import State, check_places

ABOUT = About("deidentify", "De-identified DICOM", "DICOM files without what identifies the patient.")
FACTS = "deidentification.json"
"""The file in DEST that says what was done."""


class Deidentification(Done):
    """What a de-identification planned, did and found wrong."""

    __slots__ = ()


def deidentify(
    source: str | Path, dataset: str | Path, *,
    policy: Policy | None = None, key: str | Path | None = None, id_table: str | Path | None = None,
    embed: Embedding | None = None, map_file: str | Path | None = None, jobs: int = 1, dry_run: bool = False,
    dask: Any = "", progress: Progress = lambda done, total, path: None,
) -> Deidentification:  # fmt: skip
    """De-identifies every DICOM file of `source` into the folder `dataset`, or goes on with an earlier run.

    `source` is a folder, a file or an archive; `dataset` must be absent, empty, or made by an earlier run with the
    same key and kind of ids. `policy` is a profile with its options (`mids.deid.policy`; the preset ``mids`` if none is
    given), `id_table` the table of labels that its `ids` may ask for, `embed` what goes into a private block. `jobs` is
    the number of worker processes; with `dask`, the address of a Dask scheduler, its workers do the work: they get the
    key, and must see source and destination at the same paths. `map_file` gets old and new ids, readable by its owner
    only. A file that can't be de-identified is not delivered, becomes an Issue, and the rest goes on.

    Raises `MidsError` where use or environment is wrong.
    """
    policy = policy or preset("mids")
    root, target, own_key = Path(source), Path(dataset).resolve(), Path(key) if key else None
    _check_use(source, dataset, policy, jobs=jobs, map_file=map_file)
    _, table = checked(policy, key=own_key, id_table=Path(id_table) if id_table else None)
    check_places(root, target)
    lasting, made = lasting_key(policy, own_key, target)
    blocks, refused = _blocks(embed)
    root = root.absolute()  # workers of a cluster start elsewhere
    with hired(jobs, dask, root) as workers, State(target, dry_run=dry_run) as state:
        secret = lasting or state.random_key()
        pseudonyms = Pseudonyms(secret)
        _settle(state, policy, secret, target)
        context = Context(Labels(pseudonyms, ABOUT, policy.ids, table), policy, blocks)
        with workers.reading() as mapped:
            plan = build(_scanned(root, mapped, progress), root, context)
        plan = joined(plan, state, pseudonyms.item("source root", str(root.resolve())), policy, keep=not dry_run)
        plan = _checked(replace(plan, issues=(*plan.issues, *refused)))
        references = References(pseudonyms)
        comparison = compare(plan, state.journal.known(), state.journal.texts(), files_below(target))
        outcome = None
        if not dry_run and plan.subjects:  # not where the source has vanished: nothing is removed for that
            place = Place(root, target, state.folder)
            texts = partial(_texts, policy=policy, embed=embed)
            outcome = run(plan, place, state.journal, texts, workers=workers, progress=progress)
        is_sealed = policy.ids == "random" and outcome is not None
        if not dry_run:
            write_sources(state.folder, plan, outcome, references, linked=not is_sealed)
        if outcome is not None and map_file:
            write_map(Path(map_file), plan, outcome, root, jobs=jobs)
        if is_sealed:
            state.seal()
    found = told(plan, outcome, references)
    return Deidentification(target, plan, comparison, outcome, found, references, made, is_sealed)


def _check_use(
    source: str | Path, dataset: str | Path, policy: Policy, *, jobs: int, map_file: str | Path | None
) -> None:
    """Refuses what can't be meant, before anything is read or written."""
    if jobs < 1:
        raise MidsError("--jobs must be a whole number of 1 or more")
    if not str(source) or not str(dataset):
        raise MidsError("SOURCE and DEST must not be empty: give a path")
    if policy.texts == "keep" and {"clean_descriptors", "clean_structured_content"} & policy.options:
        raise MidsError(
            "--texts keep contradicts the options clean_descriptors and clean_structured_content: remove one of them"
        )
    if policy.ids == "random" and map_file:
        raise MidsError("random IDs can't be mapped back: remove --write-map, or choose --ids keyed")
    if map_file and Path(dataset).resolve() in Path(map_file).resolve().parents:
        raise MidsError("--write-map lies inside DEST, and would be published with it: give a file elsewhere")
    if map_file and Path(map_file).exists():
        raise MidsError(f"{map_file} already exists: give another file, or move it away")


def _settle(state: State, policy: Policy, secret: keys.Key, target: Path) -> None:
    """Refuses a destination that was made in another way."""
    settle = state.journal.settle
    settle("collection", ABOUT.name, f"{target} was made by mids convert: give another DEST")
    settle("ids", policy.ids, f"{target} was made with other --ids: give those, or another DEST")
    settle("key", secret.digest, f"{target} was made with another key: give that key, or another DEST")


def _scanned(root: Path, mapped: Map, progress: Progress) -> Scan:
    """What the headers below `root` say."""
    batches = list(batched(walk(root), CHUNK))
    everything = Scan()
    for number, found in enumerate(mapped(partial(headers, root=root), batches), start=1):
        everything.instances += found.instances
        everything.issues += found.issues
        everything.others += found.others
        progress(number, len(batches), "headers")
    return everything


def _blocks(embed: Embedding | None) -> tuple[dict[str, Block], list[Issue]]:
    """The private block of each patient, and what of the table is refused: values that may tell who somebody is."""
    blocks: dict[str, Block] = {}
    refused: list[Issue] = []
    if embed is None:
        return blocks, refused
    vrs = [embed.vr(number) for number in range(len(embed.columns))]
    for patient, row in embed.rows.items():
        values = []
        for number, value in enumerate(row):
            kinds = sorted({kind for kind, _ in identify(value)})
            if kinds or (len(patient) > 3 and patient in value):
                what = ", ".join(kinds) or "the patient's id"
                message = f"a value that looks like an identifier ({what}) is not embedded"
                where = f"line {embed.lines[patient]}, column {number + 2}"
                refused.append(replace(issue("EMBED_REFUSED", message, origin="plan"), where=where))
            elif value:
                values.append((FIRST + number, vrs[number], value))
        if values:
            blocks[patient] = Block(embed.group, embed.creator, tuple(values))
    return blocks, refused


def _texts(
    inventory: Inventory, outcome: Outcome, *, policy: Policy, embed: Embedding | None
) -> Iterator[tuple[str, str]]:
    """The one small file of DEST: what was done, and what the private block holds."""
    if next(inventory.images(), None) is None:
        return
    done: dict[str, Json] = {
        "GeneratedBy": {"Name": "mids", "Version": __version__},
        "Standard": f"DICOM PS3.15 Annex E, Table E.1-1 {edition().name}",
        "Profile": policy.name,
        "Options": list[Json](sorted(policy.options)),
        "Ids": policy.ids,
        "Dates": policy.dates,
        "Times": policy.times,
        "Ages": policy.ages,
        "Texts": policy.texts,
        "BurnedInText": policy.burned_in,
    }
    if embed is not None:
        elements: dict[str, Json] = {
            f"({embed.group:04X},10{FIRST + number:02X})": {"Name": column, "VR": embed.vr(number)}
            for number, column in enumerate(embed.columns)
        }
        done["PrivateBlock"] = {"PrivateCreator": embed.creator, "Elements": elements}
    blanked: dict[str, Json] = {
        image.path: image.sidecar["BlankedRegions"]
        for image in inventory.images()
        if image.sidecar.get("BlankedRegions")
    }
    if blanked:
        done["BlankedRegions"] = blanked
    yield FACTS, json.dumps(done, indent=2, ensure_ascii=False) + "\n"


def _checked(plan: Plan) -> Plan:
    """Adds an Issue where the source holds no DICOM and nothing says why."""
    if plan.subjects or any(found.level is Level.ERROR for found in plan.issues):
        return plan
    found = issue("SOURCE_EMPTY", "the source holds no DICOM file", origin="plan")
    return replace(plan, issues=(*plan.issues, found))
