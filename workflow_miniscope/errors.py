"""The errors a user can cause. Each carries one sentence: what is wrong, where, and what to do."""


class WorkflowError(Exception):
    """Base class: the command line prints its sentence instead of a traceback."""


class SettingsError(WorkflowError):
    """The configuration file or an environment variable is wrong."""


class DatabaseError(WorkflowError):
    """The database cannot be reached, started, dumped or restored."""


class RecordingError(WorkflowError):
    """A recording folder, video or time stamp file cannot be used."""


class ManifestError(WorkflowError):
    """A row or column of a CSV manifest is wrong."""


class ResultError(WorkflowError):
    """A file of results is not what it should be."""


class ParameterError(WorkflowError):
    """A parameter is unknown or out of range."""


class EngineError(WorkflowError):
    """An analysis program is missing or failed."""
