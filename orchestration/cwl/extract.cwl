#!/usr/bin/env cwl-runner
# One recording to one result file, without a database: workflow-miniscope extract
#
#   cwltool orchestration/cwl/extract.cwl --recording /data/m1/2026_01_15/10_20_30/My_V4_Miniscope --name m1
cwlVersion: v1.2
class: CommandLineTool
label: The cells of one recording
doc: Registers the recording of one miniscope, finds its cells and writes their activity into CaImAn's result file.
hints:
  SoftwareRequirement:
    packages:
      workflow-miniscope: {}
  ResourceRequirement:
    coresMin: 1
    ramMin: 2000 # MiB; an hour of 608 x 608 pixels takes 1.9 GB
baseCommand: [workflow-miniscope, extract]
inputs:
  recording:
    type: Directory
    doc: Folder of one scope, with its videos, time stamps and metaData.json.
    inputBinding: {position: 1}
  name:
    type: string
    default: result
    doc: Folder to write into, one for each recording.
    inputBinding: {prefix: --output}
  params:
    type: File?
    doc: JSON file of parameters under CaImAn's names; by default the engine's own.
    inputBinding: {prefix: --params}
  engine:
    type: string?
    doc: cnmfe, which is built in, or caiman.
    inputBinding: {prefix: --engine}
stdout: $(inputs.name).txt
outputs:
  folder:
    type: Directory
    doc: caiman_result.hdf5 and a picture of the footprints.
    outputBinding: {glob: $(inputs.name)}
  summary:
    type: stdout
    doc: How many components, how many of them cells, and how far they can be trusted.
