"""An engine that analyses nothing, to test what surrounds the engines."""

from typing import ClassVar

from workflow_miniscope.parameters import FromOne, Model, parameter


class StubParameters(Model):
    """The one that it has."""

    owner: ClassVar[str] = "stub"

    gSig: FromOne = parameter(4, "size of a soma", "px")


class StubEngine:
    """Writes how many frames it saw, or fails in some way."""

    name, description, needs = "stub", "for tests", "rate"

    def __init__(self, failure=None, reason=None):
        self.failure, self.reason = failure, reason

    def unavailable(self):
        return self.reason

    def version(self):
        return "1"

    def model(self):
        return StubParameters

    def parse(self, params):
        return StubParameters.parse(params)

    def run(self, movie, params, output_dir, times, progress=True):
        path = output_dir / "result.txt"
        path.write_text("begun")
        if self.failure:
            raise self.failure
        path.write_text(f"{movie.n_frames} {times.rate} {params.gSig}")
        return path
