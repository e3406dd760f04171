"""Formats of a report, each opened by its own readers, with names that try to break it."""

import html
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import attr
import junitparser
import pandas
import pytest
import sarif_om
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from places import ROOT

from example_datasets import generate_broken as generator
from mids.checks import CHECKS
from mids.issues import Issue, Level, catalogue
from mids.report.formats import FORMATS
from mids.report.issue import Place, Style, build_docs_url, place
from mids.validation.baseline import fingerprint, numbered
from mids.validation.outcome import Report, Waived
from mids.validation.runner import definitions, validate

BROKEN = ROOT / "example_datasets" / "broken"

CELL = Issue(
    "CELL_TYPE", Level.ERROR, "the cell is not of type number", "participants.tsv", "row 3, column age", "forty",
    "number", "Write the value.", "tables.cell_type",
)  # fmt: skip
KEY = Issue("SIDECAR_VALUE", Level.ERROR, "not a number", "sub-1/sub-1_dx.json", "$.KVP", "x", "", "Mend it.")
README = Issue("README_MISSING", Level.WARNING, "there is no README.md", fix="Write one.")
TABLE = Issue("TABLE_UNKNOWN", Level.INFO, "no such table", "phenotype/x.tsv", fix="Nothing.")
REPORT = Report(
    "set", (CELL, KEY, README, TABLE), waived=(Waived(replace(CELL, path="old.tsv"), "known typo"),), number_waived=1
)


def write_report(name: str, report: Report = REPORT, style: Style | None = None) -> str:
    return "".join(FORMATS[name](report, style or Style()))


# --- all formats -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("report", [Report("set", ()), REPORT, replace(REPORT, crashed=True)])
def test_every_format_ends_its_last_line_and_has_no_control_characters(name: str, report: Report) -> None:
    text = write_report(name, report)
    if name == "gitlab" and not report:
        assert json.loads(text) == []
    assert text.endswith("\n")
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("name", FORMATS)
def test_every_issue_is_there_with_path_place_and_message(name: str) -> None:
    text = write_report(name).replace("&#95;", "_").replace("&#36;", "$")
    for issue in REPORT:
        assert all(part in text for part in (issue.code, issue.path, issue.where, issue.message)), issue.code


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_shows_what_an_identifier_was(name: str, tmp_path: Path) -> None:
    for code in sorted(code for code in generator.BROKEN if code.startswith("PRIVACY_")):
        generator.write(generator.BROKEN[code](), tmp_path / code)
        report = validate(tmp_path / code, deep=True)
        assert code in {issue.code for issue in report}
        shown = write_report(name, report)
        definition = definitions()[code]
        for text in (definition.what, definition.why, definition.fix):  # these may say Nobody
            for form in (text, html.escape(text), json.dumps(text)[1:-1]):
                shown = shown.replace(form, "")
        secrets = ("Nobody", "19200102", "101112", generator.UID, str(tmp_path))
        assert not any(secret in shown for secret in secrets), code


@pytest.mark.parametrize("name", ["text", "markdown", "html", "github", "junit"])
def test_formats_for_people_show_some_issues_of_a_code_and_count_the_rest(name: str) -> None:
    many = Report("set", tuple(replace(CELL, where=f"row {n}, column age") for n in range(1000, 1050)))
    text = write_report(name, many, Style(shown=10))
    assert len(set(re.findall(r"row 10\d\d\b", text))) == 10
    assert "and 40 more" in text
    assert len(set(re.findall(r"row 10\d\d\b", write_report(name, many, Style(shown=0))))) == 50


@pytest.mark.parametrize("code", sorted({*catalogue(), *definitions()}))
def test_every_code_has_its_anchor(code: str) -> None:
    page, _, anchor = build_docs_url(code).partition("#")
    assert f'<a id="{anchor}"></a>' in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("row 3, column age", Place(3, "age")),
        ("row 3, column a + b", Place(3, "a + b")),
        ("line 5", Place(5)),
        ("column 3", Place(None, "3")),
        ("$.A[0], column 2", Place(json_path="$.A[0], column 2")),
        ("descrip", Place()),
        ("", Place()),
    ],
)
def test_places(where: str, expected: Place) -> None:
    assert place(where) == expected


def test_a_row_is_the_line_of_the_file() -> None:
    (issue,) = validate(BROKEN / "CELL_TYPE")
    line = place(issue.where).line
    assert line is not None
    assert issue.value in (BROKEN / "CELL_TYPE" / issue.path).read_text(encoding="utf-8").splitlines()[line - 1]


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.builds(Issue, st.sampled_from(["CELL_TYPE", "NEW"]), st.sampled_from(Level), ANY, ANY, ANY, ANY, ANY, ANY))
def test_no_text_breaks_a_format(issue: Issue) -> None:
    report = Report("set", (issue, issue))
    assert [json.loads(write_report("json", report))["issues"][n]["path"] for n in (0, 1)] == [issue.path] * 2
    assert len(write_report("jsonl", report).splitlines()) == 3
    assert json.loads(write_report("sarif", report))["runs"][0]["results"][0]["ruleId"] == issue.code
    assert len(junitparser.JUnitXml.fromstring(write_report("junit", report).encode())) == 1
    assert len(json.loads(write_report("gitlab", report))) == 2
    assert len(write_report("github", report).splitlines()) == 3
    assert all(line.startswith("::") for line in write_report("github", report).splitlines())
    assert len(write_report("text", report).splitlines()) == 6
    # Pages have the same elements as with harmless text.
    harmless = Report("set", (replace(CELL, code=issue.code, level=issue.level),) * 2)
    assert Page(write_report("html", report)).tags == Page(write_report("html", harmless)).tags
    assert tokens(write_report("markdown", report)) == tokens(write_report("markdown", harmless))


# --- JSON ------------------------------------------------------------------------------------------------


def test_json_has_every_part_of_an_issue() -> None:
    content = json.loads(write_report("json"))
    assert content["counts"]["waived"] == 1
    assert content["levels"] == {"error": 2, "warning": 1, "info": 1}
    assert content["issues"][0] == {
        "code": "CELL_TYPE",
        "level": "error",
        "message": CELL.message,
        "path": "participants.tsv",
        "where": "row 3, column age",
        "row": 3,
        "column": "age",
        "json_path": "",
        "value": "forty",
        "expected": "number",
        "rule": CHECKS["CELL_TYPE"].definition.what,
        "fix": "Write the value.",
        "docs": "docs/codes.md#cell_type",
        "origin": "tables.cell_type",
    }
    assert content["issues"][1]["json_path"] == "$.KVP"


def test_json_lines_are_the_issues_and_then_what_json_says_of_all() -> None:
    *issues, last = map(json.loads, write_report("jsonl").splitlines())
    whole = json.loads(write_report("json"))
    assert issues == whole.pop("issues")
    assert last == whole


def test_a_report_is_a_data_frame() -> None:
    frame = pandas.DataFrame(REPORT)
    assert list(frame["code"]) == [issue.code for issue in REPORT]
    assert list(frame.columns)[:4] == ["code", "level", "message", "path"]


def test_filter() -> None:
    assert list(REPORT.filter(code="CELL_TYPE")) == [CELL]
    assert list(REPORT.filter(family="tables")) == [CELL, TABLE]
    assert list(REPORT.filter(family="tables", level="info")) == [TABLE]
    assert list(REPORT.filter(level=Level.ERROR, path="sub-*")) == [KEY]
    assert list(REPORT.filter()) == list(REPORT)


# --- SARIF -----------------------------------------------------------------------------------------------

SARIF: dict[str, Any] = {
    "runs": (sarif_om.Run, {
        "tool": (sarif_om.Tool, {"driver": (sarif_om.ToolComponent, {
            "rules": (sarif_om.ReportingDescriptor, {
                "shortDescription": (sarif_om.MultiformatMessageString, {}),
                "fullDescription": (sarif_om.MultiformatMessageString, {}),
                "help": (sarif_om.MultiformatMessageString, {}),
                "defaultConfiguration": (sarif_om.ReportingConfiguration, {}),
            }),
        })}),
        "invocations": (sarif_om.Invocation, {}),
        "results": (sarif_om.Result, {
            "message": (sarif_om.Message, {}),
            "suppressions": (sarif_om.Suppression, {}),
            "locations": (sarif_om.Location, {
                "logicalLocations": (sarif_om.LogicalLocation, {}),
                "physicalLocation": (sarif_om.PhysicalLocation, {
                    "artifactLocation": (sarif_om.ArtifactLocation, {}),
                    "region": (sarif_om.Region, {}),
                }),
            }),
        }),
    }),
}  # fmt: skip
"""Which object of the standard stands at which key; sarif_om is generated from the standard's JSON Schema."""


def conforms(content: Any, kind: type, children: dict[str, Any]) -> None:
    """Every key is one of the object's, every required key is there, and so on below."""
    for one in content if isinstance(content, list) else [content]:
        fields = {field.metadata["schema_property_name"]: field for field in attr.fields(kind)}
        assert set(one) <= set(fields), kind
        assert {name for name, field in fields.items() if field.default is attr.NOTHING} <= set(one), kind
        for name, value in one.items():
            if name in children:
                conforms(value, *children[name])
            else:
                assert name in ("properties", "partialFingerprints") or not isinstance(value, dict), name


def test_sarif_conforms_to_the_standards_objects() -> None:
    log = json.loads(write_report("sarif", replace(REPORT, known=(TABLE,)), Style(ran=frozenset(CHECKS))))
    conforms(log, sarif_om.SarifLog, SARIF)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
    assert {rule["id"] for rule in rules} == set(CHECKS)
    digests = [result["partialFingerprints"]["midsIssue/v1"] for result in run["results"]]
    assert len(set(digests)) == len(digests) == 6


def test_sarif_says_where_what_was_waived_and_what_is_new() -> None:
    log = json.loads(write_report("sarif", replace(REPORT, known=(TABLE,)), Style(prefix="data/my set/")))
    results = log["runs"][0]["results"]
    physical = [result["locations"][0]["physicalLocation"] for result in results]
    assert physical[0] == {"artifactLocation": {"uri": "data/my%20set/participants.tsv"}, "region": {"startLine": 3}}
    assert physical[2]["artifactLocation"]["uri"] == "data/my%20set/dataset_description.json"
    assert results[1]["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "$.KVP"}]
    assert [result["baselineState"] for result in results] == ["new"] * 4 + ["unchanged", "new"]
    assert [result.get("suppressions", [{}])[0].get("justification") for result in results] == [None] * 5 + [
        "known typo"
    ]


# --- JUnit -----------------------------------------------------------------------------------------------


def test_junit_has_a_test_for_each_check_that_fails_where_the_level_says() -> None:
    for fail_on, failing in (
        (Level.ERROR, {"CELL_TYPE", "SIDECAR_VALUE"}),
        (Level.WARNING, {"CELL_TYPE", "SIDECAR_VALUE", "README_MISSING"}),
    ):
        style = Style(ran=frozenset(CHECKS), fail_on=fail_on)
        suites = junitparser.JUnitXml.fromstring(write_report("junit", style=style).encode())
        cases = {case.name: case for suite in suites for case in suite}
        assert cases.keys() == set(CHECKS)
        assert {name for name, case in cases.items() if case.is_failure} == failing
        assert suites.failures == len(failing)
        assert suites.tests == len(CHECKS)
        assert "row 3, column age" in cases["CELL_TYPE"].result[0].text
        assert "no such table" in cases["TABLE_UNKNOWN"].system_out
        assert {suite.name for suite in suites} == {check.family for check in CHECKS.values()}


def test_junit_skips_what_was_waived() -> None:
    suites = junitparser.JUnitXml.fromstring(write_report("junit", replace(REPORT, issues=())).encode())
    (case,) = next(iter(suites))
    assert case.is_skipped
    assert case.result[0].message == "waived: known typo"


# --- code hosts ------------------------------------------------------------------------------------------


def test_github_escapes_as_workflow_commands_do() -> None:
    issue = replace(CELL, path="a,b:c%.tsv", message="50% of\nit")
    first = write_report("github", Report("set", (issue,)), Style(prefix="data/")).splitlines()[0]
    # https://docs.github.com/actions: in properties : and , are escaped too; a line end is shown as \n.
    assert first.startswith("::error file=data/a%2Cb%3Ac%25.tsv,line=3,title=CELL_TYPE::")
    assert "50%25 of\\nit" in first


def test_github_puts_the_worst_first() -> None:
    levels = [line.split()[0] for line in write_report("github").splitlines()]
    assert levels == ["::error", "::error", "::warning", "::notice", "::notice"]


def test_gitlab_has_what_code_quality_requires() -> None:
    entries = json.loads(write_report("gitlab", Report("set", (CELL, CELL, README)), Style(prefix="data/")))
    for entry in entries:
        assert set(entry) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert entry["severity"] in ("info", "minor", "major", "critical", "blocker")
    assert entries[0]["location"] == {"path": "data/participants.tsv", "lines": {"begin": 3}}
    assert len({entry["fingerprint"] for entry in entries}) == 3


def test_fingerprints_outlive_other_rows_and_other_levels() -> None:
    assert fingerprint(CELL) == fingerprint(replace(CELL, where="row 9, column age", level=Level.INFO, message="x"))
    others = [replace(CELL, value="fifty"), replace(CELL, path="x.tsv"), replace(CELL, where="row 3, column sex"), KEY]
    assert len({fingerprint(issue) for issue in (CELL, *others)}) == 5
    assert len({digest for _, digest in numbered([CELL] * 300)}) == 300


# --- pages -----------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The tags, attributes and text of a page; asserts that tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_one_page_without_scripts_or_links_to_elsewhere() -> None:
    issue = replace(CELL, path="<script>alert(1)</script>", value='"><img src=x onerror=y>')
    page = Page(write_report("html", Report("set", (issue, KEY))))
    assert "<script>alert(1)</script>" in page.text
    assert '"><img src=x onerror=y>' in page.text
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    names = Counter(name for name, _ in page.attributes)
    assert not any(name.startswith("on") or name in ("src", "style") for name in names)
    links = [value for name, value in page.attributes if name == "href"]
    ids = {f"#{value}" for name, value in page.attributes if name == "id"}
    assert set(links) == ids == {"#CELL_TYPE", "#SIDECAR_VALUE"}
    assert ("lang", "en") in page.attributes
    assert "prefers-color-scheme: dark" in write_report("html")


def tokens(text: str) -> list[tuple[str, str]]:
    """The elements that a Markdown document makes, HTML in it included, without its text."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    found: list[tuple[str, str]] = []
    for token in parser.parse(text):
        raw = re.sub(r"(?<=<summary>).*?(?= \()", "", token.content) if token.type == "html_block" else ""
        found.append((token.type, raw))
        kinds = [child.type for child in token.children or ()]
        found += [(kind, "") for kind in kinds if kind not in ("text", "text_special")]
    return found


def test_markdown_is_a_table_of_codes_and_folded_lists() -> None:
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(write_report("markdown"))
    page = Page(rendered)
    assert page.tags.count("table") == 1
    assert page.tags.count("tr") == 1 + 4
    assert page.tags.count("details") == 4
    assert "participants.tsv, row 3, column age" in page.text
