#!/usr/bin/env cwl-runner
# Everything that the database still lacks is computed: workflow-miniscope process
cwlVersion: v1.2
class: CommandLineTool
label: Compute what the database still lacks
doc: Cells and their activity, motion of the face. What is done is never done again.
requirements:
  NetworkAccess: {networkAccess: true}
  WorkReuse: {enableReuse: false} # it changes the database
  EnvVarRequirement:
    envDef: {WORKFLOW_MINISCOPE_HOME: $(inputs.home)}
hints:
  SoftwareRequirement:
    packages:
      workflow-miniscope: {}
  ResourceRequirement:
    coresMin: 1
    ramMin: 2000 # MiB; an hour of 608 x 608 pixels takes 1.9 GB
baseCommand: workflow-miniscope
arguments: [{position: 1, valueFrom: process}]
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
    inputBinding: {position: 2}
  params:
    type: File?
    doc: JSON file of parameters; by default recordings without a task get the engine's own.
    inputBinding: {position: 2, prefix: --paramset}
  engine:
    type: string?
    doc: cnmfe, which is built in, or caiman.
    inputBinding: {position: 2, prefix: --engine}
  after:
    type: Any?
    doc: What has to be there before; it is not read.
stdout: processed.txt
outputs:
  report:
    type: stdout
    doc: Rows made, cells found, what failed and why.
