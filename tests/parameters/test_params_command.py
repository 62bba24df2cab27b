"""``workflow-miniscope params``: every engine's parameters, from their models, with nothing cut."""

import json
import subprocess
import sys

import jsonschema
import pytest
from typer.testing import CliRunner

from workflow_miniscope import engines
from workflow_miniscope.cli.app import app
from workflow_miniscope.errors import EngineError, ParameterError
from workflow_miniscope.parameters import describe
from workflow_miniscope.work.params_file import read_params


@pytest.mark.parametrize("name", engines.names())
def test_every_parameter_is_described(name):
    rows = describe(engines.get(name).model())
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert row.meaning, row.name
    printed = CliRunner().invoke(app, ["params", name]).output
    for row in rows:
        (line,) = [line for line in printed.splitlines() if line.split()[:1] == [row.name]]
        for part in (row.default, row.unit, row.range, row.meaning):
            assert part in line


PUPIL = {"kind": "pupil", "x": [0, 40], "y": [0, 40], "saturation": 60}


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "cnmfe",
            [{}, {"gSig": 4}, {"gSig": [4, 5], "decay_time": None, "min_SNR": 4}],
            [{"gSigg": 4}, {"gSig": 0}, {"gSig": [1, 2, 3]}, {"min_corr": 2}, {"p": 3}, {"pw_rigid": "yes"}],
        ),
        ("caiman", [{}, {"border_nan": True, "K": None}, {"dxy": "any"}], [{"method_init": "corr_prn"}, {"K": 0}]),
        (
            "facemap",
            [{}, {"sbin": 8, "rois": [PUPIL]}],
            [{"sbin": 65}, {"rois": [PUPIL | {"width": 3}]}, {"rois": [PUPIL | {"saturation": 0}]}, {"rois": "x"}],
        ),
    ],
)
def test_the_schema_takes_what_the_model_takes(name, good, bad):
    schema = json.loads(CliRunner().invoke(app, ["params", name, "--json-schema"]).output)
    engine = engines.get(name)
    for about in schema["properties"].values():
        assert about["description"] and "unit" in about
    for given in [*good, engine.parse(None).plain()]:
        jsonschema.validate(given, schema)
        engine.parse(given)
    for given in bad:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(given, schema)
        with pytest.raises(ParameterError):
            engine.parse(given)


def test_an_engine_nobody_knows():
    error = CliRunner().invoke(app, ["params", "facemapp"]).exception
    assert isinstance(error, EngineError) and "did you mean 'facemap'" in str(error)


def test_help_imports_no_engine():
    code = (
        "import sys; import workflow_miniscope.cli.app; print([n for n in ('pydantic', 'numpy') if n in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_extraction_starts_without_what_only_its_child_or_a_database_needs():
    code = (
        "import sys; import workflow_miniscope.work.extract; from workflow_miniscope import engines; "
        "engines.get('cnmfe').parse({}); "
        "print([n for n in ('numba', 'scipy.ndimage', 'datajoint', 'pandas', 'matplotlib') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"


def test_a_parameter_set_of_mesmerize_is_taken_out_of_its_envelope(tmp_path, caplog):
    path = tmp_path / "params.json"
    path.write_text('{"main": {"gSig": [3, 3], "min_corr": 0.8}, "refit": true}')
    assert read_params(path) == {"gSig": [3, 3], "min_corr": 0.8}
    assert "'main' is used, refit is not" in caplog.text
