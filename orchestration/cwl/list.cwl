#!/usr/bin/env cwl-runner
# What is in the database: workflow-miniscope list --json
cwlVersion: v1.2
class: CommandLineTool
label: List the recordings
requirements:
  NetworkAccess: {networkAccess: true}
  WorkReuse: {enableReuse: false} # it depends on the database
  EnvVarRequirement:
    envDef: {WORKFLOW_MINISCOPE_HOME: $(inputs.home)}
hints:
  SoftwareRequirement:
    packages:
      workflow-miniscope: {}
baseCommand: workflow-miniscope
arguments:
  - {position: 1, valueFrom: list}
  - {position: 2, valueFrom: --json}
inputs:
  config:
    type: File
    doc: dj_local_conf.json, which names the folders of recordings, and the database server if there is one.
    inputBinding: {prefix: --config}
  home:
    type: string
    doc: Folder of the embedded database and of results, as a full path. A step's own home is thrown away with the step.
  restrict:
    type:
      - "null"
      - type: array
        items: string
        inputBinding: {prefix: --restrict}
    doc: Which recordings, such as subject=m1; by default all.
    inputBinding: {position: 3}
  after:
    type: Any?
    doc: What has to be there before; it is not read.
stdout: recordings.json
outputs:
  recordings:
    type: stdout
    doc: Each recording with its steps, cells, verdicts and errors.
