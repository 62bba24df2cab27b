#!/usr/bin/env cwl-runner
# Animals and sessions into the database: workflow-miniscope ingest
cwlVersion: v1.2
class: CommandLineTool
label: Animals and sessions into the database
doc: What is in the database already is left alone.
requirements:
  NetworkAccess: {networkAccess: true}
  WorkReuse: {enableReuse: false} # it changes the database
  EnvVarRequirement:
    envDef: {WORKFLOW_MINISCOPE_HOME: $(inputs.home)}
hints:
  SoftwareRequirement:
    packages:
      workflow-miniscope: {}
baseCommand: workflow-miniscope
arguments: [{position: 1, valueFrom: ingest}]
inputs:
  config:
    type: File
    doc: dj_local_conf.json, which names the folders of recordings, and the database server if there is one.
    inputBinding: {prefix: --config}
  home:
    type: string
    doc: Folder of the embedded database and of results, as a full path. A step's own home is thrown away with the step.
  subjects:
    type: File
    doc: CSV manifest of animals.
    inputBinding: {position: 2, prefix: --subjects}
  sessions:
    type: File
    doc: CSV manifest of sessions.
    inputBinding: {position: 2, prefix: --sessions}
stdout: ingested.txt
outputs:
  report:
    type: stdout
    doc: What was new, what was refused and why.
