"""What a policy does to a conversion: ids, dates, ages, regions, texts and sidecars, on known input."""

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from places import SOURCES
from trees import table

from example_datasets.generators.dicomfile import encode, instance, uid, with_pixels
from mids import cli
from mids.conversion import Conversion, convert
from mids.deid.describe import describe
from mids.deid.keys import draw
from mids.deid.policy import OPTIONS, Policy, chosen, load, preset, presets
from mids.deid.pseudonyms import Pseudonyms
from mids.errors import MidsError
from mids.plan.privacy import generalised
from mids.records import PatientKey
from mids.validation.runner import validate
from mids.vocabulary.schema import load as vocabulary

Table = list[dict[str, str]]
DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"
PEOPLE = (("P1", "093Y", "F", ("20200301", "20200315")), ("P2", "047Y", "M", ("20200301",)))
RAW = SOURCES / "bimcv-covid19-raw" / "input"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people, one of them 93 years old and with two studies two weeks apart; a name in a device's model."""
    folder = tmp_path_factory.mktemp("source")
    for patient, age, sex, days in PEOPLE:
        for day in days:
            values = {
                "PatientID": patient, "PatientName": "Quintanilla^Rosaura", "PatientAge": age, "PatientSex": sex,
                "StudyDate": day, "ContentDate": day, "AcquisitionDate": day, "StudyTime": "101530",
                "AcquisitionTime": "101530", "Modality": "DX", "Manufacturer": "ACME", "BodyPartExamined": "CHEST",
                "ManufacturerModelName": "Rosaura 2000", "SoftwareVersions": "7", "StudyInstanceUID": uid(patient, day),
                "SeriesInstanceUID": uid(patient, day, 1),
            }  # fmt: skip
            dataset = instance(DIGITAL_X_RAY, f"{patient}-{day}", values)
            pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
            (folder / f"{patient}-{day}.dcm").write_bytes(encode(with_pixels(dataset, pixels, "MONOCHROME2", 12)))
    return folder


@pytest.fixture
def converted(source: Path, tmp_path: Path, key: Path) -> "Converter":
    return Converter(source, tmp_path, key)


class Converter:
    """Converts the source under a policy and reads what came out."""

    def __init__(self, source: Path, folder: Path, key: Path) -> None:
        self._source, self._folder, self._key = source, folder, key

    def __call__(self, policy: Policy, name: str = "out", **more: str) -> Conversion:
        key = None if policy.ids == "random" else self._key
        change = [more.pop("change")] if "change" in more else []
        return convert("dicom", self._source, self._folder / name, policy=policy, key=key, change=change, **more)  # type: ignore[arg-type]


def people(done: Conversion) -> Table:
    return sorted(table(done.dataset / "participants.tsv"), key=lambda row: row["sex"])


def days(done: Conversion) -> list[str]:
    return sorted(row["acq_time"] for path in done.dataset.rglob("*_sessions.tsv") for row in table(path))


def sidecars(done: Conversion) -> list[dict[str, object]]:
    return [json.loads(path.read_text("utf-8")) for path in sorted(done.dataset.glob("sub-*/ses-*/mim-rx/*.json"))]


@pytest.mark.parametrize("name", presets())
def test_every_preset_gives_a_valid_dataset_without_a_name(name: str, converted: Converter) -> None:
    done = converted(preset(name))
    assert done.exit_code == 0
    assert [found for found in validate(done.dataset).issues if found.level == "error"] == []
    written = [path.read_bytes() for path in done.dataset.rglob("*") if path.is_file()]
    assert not any(b"rosaura" in content.lower() or b"quintanilla" in content.lower() for content in written)


def test_mids_shifts_dates_caps_ages_and_keeps_devices(converted: Converter) -> None:
    done = converted(preset("mids"))
    assert [(row["age"], row["sex"]) for row in people(done)] == [("89", "F"), ("47", "M")]
    moments = [datetime.fromisoformat(day) for day in days(done)]
    assert all(moment.year < 1925 and (moment.hour, moment.minute) == (10, 15) for moment in moments)
    path = next(path for path in done.dataset.rglob("*_sessions.tsv") if len(table(path)) == 2)
    first, second = (datetime.fromisoformat(row["acq_time"]) for row in table(path))
    assert second - first == timedelta(days=14)
    assert {(content["Manufacturer"], content["SoftwareVersions"]) for content in sidecars(done)} == {("ACME", "7")}


def test_basic_tells_no_age_sex_or_date(converted: Converter) -> None:
    done = converted(preset("basic"))
    assert {(row["age"], row["sex"]) for row in people(done)} == {("n/a", "n/a")}
    assert set(days(done)) == {"n/a"}


def test_bimcv_keeps_days(converted: Converter) -> None:
    assert days(converted(preset("bimcv"))) == ["2020-03-01T10:15:30", "2020-03-01T10:15:30", "2020-03-15T10:15:30"]


def test_fidac_gives_bands_and_no_devices_under_ids_that_nobody_can_repeat(converted: Converter) -> None:
    done, other = converted(preset("fidac-cnil")), converted(preset("fidac-cnil"), "other")
    assert [(row["age"], row["age_min"], row["age_max"]) for row in people(done)] == [
        ("n/a", "80", "n/a"), ("n/a", "40", "49"),
    ]  # fmt: skip
    assert set(days(done)) == {"n/a"}
    assert not any({"Manufacturer", "ManufacturersModelName", "SoftwareVersions"} & set(one) for one in sidecars(done))
    labels = [{row["participant_id"] for row in people(one)} for one in (done, other)]
    assert not labels[0] & labels[1]
    assert done.is_sealed
    state = Path(f"{done.dataset}.mids")
    assert {path.name for path in state.iterdir()} == {"journal.sqlite", "sources.tsv"}
    assert {row["filename"] for row in table(state / "sources.tsv")} == {"n/a"}
    with pytest.raises(MidsError, match="can't be made again"):
        converted(preset("fidac-cnil"))


@pytest.mark.parametrize(("times", "clock"), [("keep", "10:15:30"), ("hour", "10:00:00"), ("remove", "00:00:00")])
def test_times_of_day(times: str, clock: str, converted: Converter) -> None:
    done = converted(replace(preset("mids"), times=times))  # type: ignore[arg-type]
    assert {day.partition("T")[2] for day in days(done)} == {clock}


def test_ages_above_89_on_request(converted: Converter) -> None:
    assert [row["age"] for row in people(converted(replace(preset("mids"), ages="keep")))] == ["93", "47"]


def test_labels_from_a_table(converted: Converter, tmp_path: Path) -> None:
    listed = tmp_path / "ids.csv"
    listed.write_text("id_old,id_new\nP1,Case1\n")
    done = converted(chosen("mids", ids="table"), id_table=str(listed))
    assert [row["participant_id"] for row in people(done)] == ["sub-Case1"]
    assert [found.code for found in done.issues if found.level == "error"] == ["PATIENT_UNLISTED"]
    assert done.exit_code == 1


def test_ids_as_they_are(converted: Converter) -> None:
    assert {row["participant_id"] for row in people(converted(chosen("mids", ids="keep")))} == {"sub-P1", "sub-P2"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id_old,id_new\nP1,A\nP2,a\n", "line 3"),
        ("id_old,id_new\nP1,A B\n", "line 2"),
        ("old,new\nP1,A\n", "lacks the columns"),
    ],
)
def test_a_bad_table_of_labels_is_one_line(content: str, said: str, converted: Converter, tmp_path: Path) -> None:
    listed = tmp_path / "ids.csv"
    listed.write_text(content)
    with pytest.raises(MidsError, match=said) as raised:
        converted(chosen("mids", ids="table"), id_table=str(listed))
    assert "P1" not in str(raised.value)


def test_another_policy_on_the_same_dataset_changes_texts_and_makes_no_image_again(converted: Converter) -> None:
    first = converted(preset("mids"))
    again = converted(preset("basic"), change="policy")
    assert first.outcome is not None
    assert again.outcome is not None
    assert (len(first.outcome.made), len(again.outcome.made), len(again.outcome.kept)) == (3, 0, 3)
    assert set(days(again)) == {"n/a"}


def test_raw_reports_are_held_back_or_cleaned(tmp_path: Path, key: Path) -> None:
    held = convert("bimcv-covid19-raw", RAW, tmp_path / "held", key=key)
    cleaned = convert(
        "bimcv-covid19-raw", RAW, tmp_path / "clean",
        policy=chosen("mids", reports="clean"), key=key, review=tmp_path / "review.tsv",
    )  # fmt: skip
    texts = [[row["report"] for row in table(one.dataset / "derivatives/ehr/reports.tsv")] for one in (held, cleaned)]
    assert texts[0].count("n/a") == 1
    assert "PRIVACY_HELD_BACK" in {found.code for found in held.issues}
    assert "n/a" not in texts[1]
    assert oct((tmp_path / "review.tsv").stat().st_mode & 0o777) == "0o600"
    assert (tmp_path / "review.tsv").read_text("utf-8").startswith("reference\tkind\tstart\ttext\n")
    assert "PRIVACY_HELD_BACK" not in {found.code for found in cleaned.issues}


def test_a_region_of_few_people_is_other() -> None:
    columns = vocabulary().tables["participants"].columns
    columns = {**columns, "region": replace(columns["sex"], name="region", holds="region")}
    rows = [{"region": "A"}] * 101 + [{"region": "B"}] * 100 + [{"region": "n/a"}]
    found = [row["region"] for row in generalised(rows, columns, 100)]
    assert (found.count("A"), found.count("other"), found.count("n/a")) == (101, 100, 1)
    assert list(generalised(rows, columns, 0)) == rows


# --- policies as data --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("options: [retain_everything]", "unknown option 'retain_everything'"),
        ("options: [retain_full_dates, retain_modified_dates]", "exclude each other"),
        ("colour: red", r"'colour' was unexpected"),
        ("ids: secret", r"\$.ids"),
        ("profile: strict", "unknown profile 'strict'"),
        ("overrides: [{attribute: PatientNam, action: K, reason: typo}]", "PatientName"),
        ("overrides: [{attribute: PatientName, action: Q, reason: x}]", r"\$.overrides\[0\].action"),
        ("- a list", "is not of type 'object'"),
        (": :", "not YAML"),
    ],
)
def test_a_bad_policy_is_one_line_and_exit_2(
    text: str, said: str, source: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    code = cli.convert_main(["dicom", str(source), str(tmp_path / "out"), "--key", str(key), "--policy", str(path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert code == 2
    assert re.search(said, line), line
    assert not (tmp_path / "out").exists()


def test_a_policy_file_changes_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("profile: mids\ntimes: hour\noverrides: [{attribute: StationName, action: K, reason: needed}]\n")
    policy = load(path)
    assert (policy.options, policy.times) == (preset("mids").options, "hour")
    assert [(one.attribute, one.action) for one in policy.overrides] == [("StationName", "K")]


def test_options_by_flags() -> None:
    assert chosen("mids", ["Retain-Longitudinal-Full-Dates"]).dates == "keep"
    assert chosen("mids", without=["retain_modified_dates"]).dates == "remove"
    assert chosen("basic", OPTIONS[:5]).options == frozenset(OPTIONS[:5])
    with pytest.raises(MidsError, match="did you mean mids"):
        chosen("midds")
    with pytest.raises(MidsError, match="exclude each other"):
        chosen("basic", ["retain_full_dates", "retain_modified_dates"])


@pytest.mark.parametrize("name", presets())
def test_a_command_says_what_a_policy_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.convert_main(["--policy", name, "--describe"]) == 0
    assert capsys.readouterr().out == describe(preset(name))


def test_a_policy_may_ask_for_more_shifts_of_whole_weeks(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text("profile: mids\nshifts: 10000\n", encoding="utf-8")
    policy = load(tmp_path / "policy.yaml")
    pseudonyms = Pseudonyms(draw())
    shifts = {pseudonyms.shift(PatientKey(None, str(number)), policy.shifts) for number in range(3000)}
    assert len(shifts) > 2000
    assert {shift % timedelta(weeks=1) for shift in shifts} == {timedelta(0)}
    assert timedelta(weeks=-15_499) <= min(shifts) <= max(shifts) <= timedelta(weeks=-5_500)
    # What docs/privacy.md says of days of 2026, and of days before 2030.
    assert ((date(2026, 1, 1) + min(shifts)).year, (date(2026, 12, 31) + max(shifts)).year) >= (1728, 1900)
    assert date(2029, 12, 31) + max(shifts) < date(1925, 1, 1)
    assert len({pseudonyms.shift(PatientKey(None, str(number))) for number in range(3000)}) <= 520
