"""Activates every Element against one database, with the configured prefix.

    from workflow_miniscope.pipeline import lab, subject, session, event, trial, miniscope, miniscope_report, facemap
    from workflow_miniscope.pipeline import curation, description, extraction, face, provenance, recording

Importing this module connects to the database and declares the tables that are not there yet.
"""

from __future__ import annotations

import sys

from .database import catalogue, declaring, jobs, letters, renewal
from .database import connection as database
from .database.connection import dj
from .elements import facemap as facemap_corrections
from .elements import miniscope as miniscope_corrections
from .elements.reference import AnatomicalLocation, Device, DeviceKind, reference_schema
from .elements.session import get_session_directory, session
from .elements.translation import datajoint_names, import_element
from .paths import (
    get_facemap_processed_data_dir,
    get_facemap_root_data_dir,
    get_miniscope_root_data_dir,
    get_processed_root_data_dir,
)
from .settings import get_settings
from .tables import curation, description, exclusion, extraction, face, provenance, recording

__all__ = [
    "AnatomicalLocation",
    "Device",
    "DeviceKind",
    "Experimenter",
    "Lab",
    "Project",
    "Protocol",
    "Session",
    "Source",
    "Subject",
    "User",
    "connection",
    "curation",
    "description",
    "dj",
    "event",
    "exclusion",
    "extraction",
    "face",
    "facemap",
    "get_facemap_processed_data_dir",
    "get_facemap_root_data_dir",
    "get_miniscope_root_data_dir",
    "get_processed_root_data_dir",
    "get_session_directory",
    "lab",
    "miniscope",
    "miniscope_report",
    "prefix",
    "provenance",
    "recording",
    "schemas",
    "session",
    "subject",
    "trial",
]

prefix = get_settings().prefix
jobs.allow_datetime_keys()
renewal.renew_lost_connections()
declaring.declare_as_a_whole()
catalogue.read_together()
connection = database.connect()
letters.choose_letters(connection, prefix + "subject")

lab = import_element("element_lab.lab")
subject = import_element("element_animal.subject")
event = import_element("element_event.event")
trial = import_element("element_event.trial")
miniscope = miniscope_corrections.miniscope
miniscope_report = miniscope_corrections.miniscope_report
facemap = facemap_corrections.facemap

miniscope_corrections.correct()
facemap_corrections.correct()

# Upstream tables by the names the Elements look for in this module
Lab, User, Protocol, Source, Project = lab.Lab, lab.User, lab.Protocol, lab.Source, lab.Project
Experimenter = lab.User
Subject = subject.Subject
Session = session.Session

_this = sys.modules[__name__]
_ours = {
    "recording": recording.schema,
    "exclusion": exclusion.schema,
    "extraction": extraction.schema,
    "face": face.schema,
    "description": description.schema,
    "curation": curation.schema,
    "provenance": provenance.schema,
}
schemas = [
    *(module.schema for module in (lab, subject, session, event, trial, miniscope, miniscope_report, facemap)),
    reference_schema,
    *_ours.values(),
]
with declaring.activation(connection, prefix + "workflow", schemas), datajoint_names():
    lab.activate(prefix + "lab")
    subject.activate(prefix + "subject", linking_module=_this)
    session.activate(prefix + "session", linking_module=_this)

    reference_schema.activate(prefix + "reference")
    trial.activate(prefix + "trial", prefix + "event", linking_module=_this)
    miniscope.activate(prefix + "miniscope", linking_module=_this)
    facemap.activate(prefix + "facemap", linking_module=_this)

    for _name, _schema in _ours.items():
        _schema.activate(prefix + _name)
