"""The numbers of `benchmarks.shape` have limits, so that newcomers find their way through the code."""

from pathlib import Path

import pytest

from benchmarks.shape import Shape, measure


@pytest.fixture(scope="module")
def shape() -> Shape:
    return measure()


def test_rooms_are_few_and_not_crowded(shape: Shape) -> None:
    assert shape.loose_modules <= 10
    assert shape.widest_package <= 15
    assert shape.widest_test_folder <= 20
    assert shape.layers <= 10


def test_no_import_runs_in_a_circle(shape: Shape) -> None:
    assert shape.cycles == ()


def test_functions_and_files_fit_their_limits(shape: Shape) -> None:
    assert shape.long_functions == ()
    assert shape.long_files == ()
    assert shape.without_return_type == ()


def test_what_is_counted_would_be_found(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[[tool.importlinter.contracts]]\ntype = "layers"\nlayers = ["mids.a", "mids.b"]\n',
        "mids/__init__.py": "",
        "mids/a.py": "from importlib import import_module\n\n\ndef f():\n"
        + "    pass\n" * 50
        + 'x = import_module("mids.b")\n',
        "tests/checks/test_a.py": "",
        "tests/checks/test_b.py": "",
        "mids/b.py": "def g() -> None:\n    from mids import a\n" + "\n" * 400,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    shape = measure(tmp_path)
    assert (shape.loose_modules, shape.widest_package, shape.widest_test_folder, shape.layers) == (2, 2, 2, 2)
    assert set(shape.cycles) == {"mids.a", "mids.b"}
    assert (shape.long_functions, shape.without_return_type) == (("mids/a.py:f",), ("mids/a.py:f",))
    assert shape.long_files == ("mids/b.py",)
