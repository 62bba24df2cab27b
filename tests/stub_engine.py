"""An engine that analyses nothing, to test what surrounds the engines."""

from workflow_miniscope.engines.base import check_names


class StubEngine:
    """Writes how many frames it saw, or fails in some way."""

    name, description = "stub", "for tests"

    def __init__(self, failure=None, reason=None):
        self.failure, self.reason = failure, reason

    def unavailable(self):
        return self.reason

    def version(self):
        return "1"

    def default_params(self):
        return {"gSig": 4}

    def check_params(self, params):
        check_names(params, self.default_params(), self.name)
        return self.default_params() | params

    def run(self, movie, fps, params, output_dir, progress=True):
        path = output_dir / "result.txt"
        path.write_text("begun")
        if self.failure:
            raise self.failure
        path.write_text(f"{movie.n_frames} {fps} {params['gSig']}")
        return path
