"""The stubs are what the package says."""

import importlib.util
import pathlib

import chunkwise as cw

ROOT = pathlib.Path(__file__).parents[1]


def test_the_stubs_are_those_of_the_package():
    spec = importlib.util.spec_from_file_location("make_stubs", ROOT / "make_stubs.py")
    stubs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stubs)
    text = stubs.made()
    assert (ROOT / "chunkwise" / "__init__.pyi").read_text() == text, "run python make_stubs.py"
    assert (pathlib.Path(cw.__file__).parent / "py.typed").exists()
    for name in dir(cw):
        if callable(getattr(cw, name)) and not isinstance(getattr(cw, name), type):
            assert f"def {name}(" in text, name
