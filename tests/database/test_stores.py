"""A laboratory's own tables may keep their arrays in a store, which dj_local_conf.json names."""

import json

import numpy as np

from workflow_miniscope.database.connection import configure, dj
from workflow_miniscope.settings import load_settings


def test_arrays_as_files(pipeline, tmp_path):
    place = tmp_path / "store"
    place.mkdir()
    (tmp_path / "dj_local_conf.json").write_text(
        json.dumps({"stores": {"main": {"protocol": "file", "location": str(place)}}})
    )
    configure(load_settings(tmp_path / "dj_local_conf.json"))
    schema = dj.Schema(pipeline.prefix + "stores_own", connection=pipeline.connection)
    try:

        @schema
        class Picture(dj.Manual):
            definition = """
            number : int32
            ---
            pixels : <blob@main>
            """

        pixels = np.arange(10000.0).reshape(100, 100)
        Picture.insert1({"number": 1, "pixels": pixels})
        assert np.array_equal(Picture.fetch1("pixels"), pixels)
        (file,) = (path for path in place.rglob("*") if path.is_file())
        assert file.stat().st_size > 1000
        # as the documentation says
        Picture.delete_quick()
        assert file.exists()
    finally:
        schema.drop(prompt=False)
