#!/usr/bin/env cwl-runner
# From manifests to what is in the database: ingest, process, list.
#
#   cwltool orchestration/cwl/database.cwl --config dj_local_conf.json --home /data/workflow-miniscope \
#       --subjects user_data/subjects.csv --sessions user_data/sessions.csv
cwlVersion: v1.2
class: Workflow
label: From folders of recordings to activity in the database
inputs:
  config: File
  home: string
  subjects: File
  sessions: File
  restrict: string[]?
  params: File?
  engine: string?
steps:
  ingest:
    run: ingest.cwl
    in: {config: config, home: home, subjects: subjects, sessions: sessions}
    out: [report]
  process:
    run: process.cwl
    in: {config: config, home: home, restrict: restrict, params: params, engine: engine, after: ingest/report}
    out: [report]
  list:
    run: list.cwl
    in: {config: config, home: home, restrict: restrict, after: process/report}
    out: [recordings]
outputs:
  ingested:
    type: File
    outputSource: ingest/report
  processed:
    type: File
    outputSource: process/report
  recordings:
    type: File
    outputSource: list/recordings
