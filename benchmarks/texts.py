"""Measures what of the identifiers in reports is found: leaks first, then precision, recall and F1 of each class.

    python -m benchmarks.texts                               the generated corpus, tuned and held-out templates
    python -m benchmarks.texts --meddocan FOLDER             brat files (.txt and .ann) of MEDDOCAN
    python -m benchmarks.texts --tagged FILE ...             texts with <NAME>…</NAME>, as DisMed publishes them
    python -m benchmarks.texts --templates FILE              blocks with [word](NOM), as EDS-Pseudo publishes them

Tokens are words and numbers. A token leaks when nothing but a heading covers it; headings (CAB) never leak.
"""

import argparse
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from example_datasets.reports_corpus import (
    LANGUAGES,
    Report,
    Set,
    Truth,
    drop_knowledge,
    layouts_held_out,
    names,
    reports,
)
from mids.deid.known.known import Known
from mids.deid.text.gazetteers import Gazetteers
from mids.deid.text.redact import RULES, Redactor
from mids.deid.text.spans import KINDS
from mids.deid.text.words import compose_text

TOKEN = re.compile(r"\w+")
BRAT = {
    "NOMBRE_SUJETO_ASISTENCIA": "NAME", "NOMBRE_PERSONAL_SANITARIO": "NAME", "FECHAS": "FECHA", "CALLE": "DIR",
    "TERRITORIO": "LOC", "PAIS": "LOC", "HOSPITAL": "INST", "INSTITUCION": "INST", "CENTRO_SALUD": "INST",
    "ID_SUJETO_ASISTENCIA": "NUM", "ID_TITULACION_PERSONAL_SANITARIO": "NUM", "CORREO_ELECTRONICO": "NUM",
    "ID_ASEGURAMIENTO": "NUM", "ID_CONTACTO_ASISTENCIAL": "NUM", "NUMERO_TELEFONO": "NUM", "NUMERO_FAX": "NUM",
    "URL_WEB": "NUM", "DIREC_PROT_INTERNET": "NUM", "IDENTIF_VEHICULOS_NRSERIE_PLACAS": "NUM",
}  # fmt: skip
"""MEDDOCAN's labels by our classes; age, sex, kinship and profession are not looked for."""


@dataclass(slots=True)
class Tally:
    """Counts of tokens and reports."""

    reports: int = 0
    leaking: int = 0
    tokens: int = 0
    masked: int = 0
    wanted: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    over: int = 0
    kept: int = 0
    lost: int = 0
    seconds: float = 0.0
    lines: list[str] = field(default_factory=list)


def _kinds(text: str, spans: Iterable[object]) -> dict[int, str]:
    """The kind of each covered token, by where it starts."""
    found = {}
    for span in spans:
        start, end, kind = span.start, span.end, span.kind  # type: ignore[attr-defined]
        for token in TOKEN.finditer(text, start, end):
            found[token.start()] = kind
    return found


def add(tally: Tally, report: Report, redactor: Redactor) -> None:
    text = report.text
    known = Known(report.names, report.ids, report.dates, report.places)
    began = time.process_time()
    spans = redactor.find(text, known)
    tally.seconds += time.process_time() - began
    truth, found = _kinds(text, report.truth), _kinds(text, spans)
    leaks = []
    for token in TOKEN.finditer(text):
        at = token.start()
        wanted, got = truth.get(at, ""), found.get(at, "")
        tally.tokens += 1
        tally.wanted[wanted] += 1
        tally.found[got] += 1
        tally.right[wanted] += wanted == got
        if wanted == "KEEP":
            tally.lost += got not in ("", "CAB")
            tally.kept += 1
        if wanted not in ("", "CAB", "KEEP"):
            hidden = got not in ("", "CAB")
            tally.covered[wanted] += hidden
            if not hidden:
                leaks.append(f"{wanted}:{token[0]}")
        elif got not in ("", "CAB"):
            tally.over += 1
            around = text[max(at - 25, 0) : token.end() + 12].replace("\n", "⏎")
            tally.lines.append(f"  over {got}: {around}")
    tally.reports += 1
    tally.leaking += bool(leaks)
    if leaks:
        tally.lines.append(f"  leak {report.language} {report.template}: {' '.join(leaks)}")


def summary(name: str, tally: Tally) -> Iterator[str]:
    real = [kind for kind in KINDS if kind != "CAB"]
    wanted, covered = sum(tally.wanted[k] for k in real), sum(tally.covered[k] for k in real)
    masked = sum(tally.found[k] for k in real)
    leaked, reports_leaking = (wanted - covered) / max(wanted, 1), tally.leaking / max(tally.reports, 1)
    lost = f", eponyms and measures lost {tally.lost / tally.kept:.2%} of {tally.kept}" if tally.kept else ""
    yield (
        f"{name}: {tally.reports} reports, {wanted} tokens to hide; leaked {leaked:.2%}, reports with a leak"
        f" {reports_leaking:.1%}; precision {covered / max(masked, 1):.1%}, over-masked"
        f" {tally.over / max(tally.tokens - wanted, 1):.2%}{lost};"
        f" {tally.reports / max(tally.seconds, 1e-9):.0f} reports a second of processor time"
    )
    for kind in KINDS:
        if tally.wanted[kind]:
            hidden = 100 * tally.covered[kind] / tally.wanted[kind]
            recall = tally.right[kind] / tally.wanted[kind]
            precision = tally.right[kind] / max(tally.found[kind], 1)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            shown = "" if kind == "CAB" else f"hidden {hidden:5.1f} %, "
            yield f"   {kind:5} {shown}as this class: precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f}"


def gazetteers(folder: Path, share: float) -> Gazetteers:
    """Lists with a share of the corpus's names and places, as a user's would hold most but not all."""
    files = {
        "given": ("first",),
        "surnames": ("last",),
        "places": ("town", "province"),
        "hospitals": ("hospital", "centre"),
    }
    for name, keys in files.items():
        entries = [entry for language in LANGUAGES for key in keys for entry in names(language)[key]]
        kept = [entry for at, entry in enumerate(entries) if (at * 7) % 10 < 10 * share]
        (folder / f"{name}.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")
    return Gazetteers(folder)


def brat(folder: Path) -> Iterator[Report]:
    for path in sorted(folder.glob("*.txt")):
        text = path.read_bytes().decode("utf-8")
        truth = []
        for line in path.with_suffix(".ann").read_text(encoding="utf-8").splitlines():
            if line.startswith("T"):
                kind, start, end = line.split("\t")[1].split()
                if kind in BRAT:
                    truth.append(Truth(int(start), int(end), BRAT[kind]))
        if text == compose_text(text):
            yield Report(text, tuple(truth), "es", 0, (), (), ())


EDS = {
    "NOM": "NAME", "PRENOM": "NAME", "DATE": "FECHA", "DATE_NAISSANCE": "FECHA", "ADRESSE": "DIR", "ZIP": "NUM",
    "VILLE": "LOC", "TEL": "NUM", "MAIL": "NUM", "IPP": "NUM", "NDA": "NUM", "SECU": "NUM", "HOPITAL": "INST",
}  # fmt: skip
"""EDS-Pseudo's labels by our classes."""


def read_templates(path: Path) -> Iterator[tuple[Report, bool]]:
    """The blocks of a file with ``[word](LABEL)``; whether each is in the half that was looked at to mend rules.

    The header is taken to know the first two parts of a name and the hospital's numbers.
    """
    for block in re.split(r"\n\s*\n", compose_text(path.read_text(encoding="utf-8")).strip()):
        text, truth, at = "", [], 0
        known: dict[str, list[str]] = {"NOM": [], "IPP": []}
        for match in re.finditer(r"\[([^\]\[]+)\]\(([A-Z_]+)\)", block):
            text += block[at : match.start()]
            if match[2] in EDS:
                truth.append(Truth(len(text), len(text) + len(match[1]), EDS[match[2]]))
                known.setdefault({"PRENOM": "NOM", "NDA": "IPP"}.get(match[2], match[2]), []).append(match[1])
            text, at = text + match[1], match.end()
        text += block[at:]
        names = ("^".join(known["NOM"][:2]),) if known["NOM"] else ()
        is_seen = int(sha256(text.encode("utf-8")).hexdigest(), 16) % 2 == 0
        yield Report(text, tuple(truth), "fr", 0, names, tuple(known["IPP"]), ()), is_seen


def read_tagged(path: Path) -> Report:
    source = compose_text(path.read_text(encoding="utf-8"))
    text, truth, at = "", [], 0
    for match in re.finditer(r"<([A-Z]+)>([^<]*)</\1>", source):
        text += source[at : match.start()]
        truth.append(Truth(len(text), len(text) + len(match[2]), match[1]))
        text, at = text + match[2], match.end()
    return Report(text + source[at:], tuple(truth), "es", 0, (), (), ())


def measure(name: str, found: Iterable[Report], redactor: Redactor, show: int) -> None:
    tally = Tally()
    for report in found:
        add(tally, report, redactor)
    print("\n".join(summary(name, tally)))
    print("\n".join(tally.lines[:show]), end="\n" if show else "")


def speed(texts: list[str], redactor: Redactor) -> str:
    """Processor time of cleaning each text, and of 1 MB of them in one, once a first text has loaded the weights."""
    redactor.clean(texts[0])
    long = "\n".join(texts * (1_000_000 // sum(map(len, texts)) + 1))[:1_000_000]
    began = time.process_time()
    for text in texts:
        redactor.clean(text)
    between = time.process_time()
    redactor.clean(long)
    each, whole = (between - began) * 1000 / len(texts), time.process_time() - between
    characters = sum(map(len, texts)) // len(texts)
    return f"processor time: {each:.1f} ms a report of {characters} characters, {whole:.1f} s for 1 MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--meddocan", type=Path, help="a folder of brat files")
    parser.add_argument("--tagged", type=Path, nargs="+", help="texts with inline tags")
    parser.add_argument("--templates", type=Path, help="blocks with [word](LABEL)")
    parser.add_argument("--lists", type=Path, help="a folder of gazetteers for --meddocan and --tagged")
    parser.add_argument("--each", type=int, default=40, help="reports of each template")
    parser.add_argument("--sets", nargs="+", default=["tuning", "held_out", "clean", "clean_held_out"])
    parser.add_argument("--languages", nargs="+", default=list(LANGUAGES))
    parser.add_argument("--rules", action="store_true", help="the rules alone, without what was trained")
    parser.add_argument(
        "--speed", action="store_true", help="only measure the processor time of --meddocan or --tagged"
    )
    parser.add_argument("--show", type=int, default=0, help="how many mistakes to print")
    args = parser.parse_args()
    plain = Redactor(recognisers=RULES) if args.rules else Redactor()
    if args.meddocan or args.tagged:
        redactor = Redactor(recognisers=(*plain.recognisers, Gazetteers(args.lists))) if args.lists else plain
        texts = brat(args.meddocan) if args.meddocan else map(read_tagged, args.tagged)
        if args.speed:
            print(speed([report.text for report in texts], redactor))
            return
        measure(str((args.meddocan or args.tagged[0]).name), texts, redactor, args.show)
        return
    if args.templates:
        for seen in (True, False):
            made = [report for report, is_seen in read_templates(args.templates) if is_seen == seen]
            half = "the half that was looked at" if seen else "the other half"
            measure(f"{half}, nothing known", map(drop_knowledge, made), plain, args.show)
            measure(f"{half}, with what the header knows", made, plain, 0)
        return
    with tempfile.TemporaryDirectory() as folder:
        lists = Redactor(recognisers=(*plain.recognisers, gazetteers(Path(folder), 0.8)))
        for which in args.sets:
            found: Set = which
            made = list(reports(found, args.each, tuple(args.languages)))
            measure(f"{which}, nothing known", map(drop_knowledge, made), plain, args.show)
            if not which.startswith("clean"):
                measure(f"{which}, with what the header knows", made, plain, 0)
                measure(f"{which}, with that and lists of 80 %", made, lists, 0)
    layouts = list(layouts_held_out(args.each, tuple(args.languages)))
    measure("held-out layouts, nothing known", map(drop_knowledge, layouts), plain, 0)
    measure("held-out layouts, with what the header knows", layouts, plain, 0)


if __name__ == "__main__":
    main()
