"""The command ``mids init``: asks what a dataset is to say of itself, and writes the files of a first conversion."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mids.errors import MidsError

TEXT = "ask a few questions, and write about.yaml, a key and an empty curation table"
EXAMPLES = (
    ("mids init", "ask, and write the files into this folder"),
    ("mids init ~/project --language es", "ask in Spanish"),
)
LANGUAGES = ("en", "es", "fr")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments to its parser."""
    add = parser.add_argument
    add("folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="folder of the files (default: .)")
    add(
        "--language", choices=LANGUAGES, default=_spoken(),
        help="language of the questions (default: that of the terminal, else en)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Asks and writes; files that exist are never replaced."""
    from mids.deid import keys
    from mids.readers.given.curation import COLUMNS
    from mids.resources import read_yaml, schemas

    folder: Path = namespace.folder
    about, key, curation = (folder / name for name in ("about.yaml", "study.key", "curation.tsv"))
    if here := [path.name for path in (about, key, curation) if path.exists()]:
        raise MidsError(f"{folder} already holds {', '.join(here)}: give another folder")
    content = read_yaml(schemas() / "questions.yaml")
    words = {name: texts[namespace.language] for name, texts in content["words"].items()}
    print(words["intro"])
    answers = {}
    for question in content["questions"]:
        if answer := _ask(question, namespace.language, words):
            answers[question["key"]] = answer
    _write(about, _as_yaml(answers))
    keys.create(key)
    _write(curation, "\t".join(COLUMNS) + "\n")
    print(words["wrote"].format(files=", ".join(path.name for path in (about, key, curation))))
    print(f"  mids-convert auto SOURCE DEST --about {about} --key {key} --curation {curation} --dry-run")
    return 0


def _spoken() -> str:
    """The language of the terminal (POSIX: LC_ALL, LC_MESSAGES, LANG), if the questions speak it."""
    said = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return said[:2] if said[:2] in LANGUAGES else "en"


def _ask(question: Mapping[str, Any], language: str, words: Mapping[str, str]) -> str | list[str]:
    """The answer to one question; empty where none was given."""
    choices = question.get("choices")
    while True:
        print(f"{question[language]}: ", end="", flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise MidsError("the answers ended before the questions: nothing was written")
        answer = answer.strip()
        if not answer.isprintable():  # a byte that is not UTF-8 is none either
            raise MidsError("an answer holds what can't be printed, or is not UTF-8: nothing was written; start again")
        if not answer or not choices or answer in choices:
            break
        print(words["again"].format(choices=", ".join(choices)))
    return [part.strip() for part in answer.split(";") if part.strip()] if question.get("many") else answer


def _as_yaml(answers: Mapping[str, object]) -> str:
    import yaml

    text: str = yaml.safe_dump(dict(answers), allow_unicode=True, sort_keys=False) if answers else ""
    return "# See docs/add-a-collection.md for every key; mids-convert --about takes this file.\n" + (text or "{}\n")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MidsError(f"can't write {path} ({error.strerror}): give another folder") from error
