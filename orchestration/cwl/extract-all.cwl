#!/usr/bin/env cwl-runner
# Several recordings, each to its result file, side by side:
#
#   cwltool --parallel --on-error continue orchestration/cwl/extract-all.cwl recordings.yml
#
# recordings.yml, with a name for each recording:
#
#   recordings:
#     - {class: Directory, path: /data/m1/2026_01_15/10_20_30/My_V4_Miniscope}
#     - {class: Directory, path: /data/m2/2026_01_16/09_00_00/My_V4_Miniscope}
#   names: [m1_20260115, m2_20260116]
cwlVersion: v1.2
class: Workflow
label: The cells of several recordings
requirements:
  ScatterFeatureRequirement: {}
inputs:
  recordings: Directory[]
  names: string[]
  params: File?
  engine: string?
steps:
  extract:
    run: extract.cwl
    scatter: [recording, name]
    scatterMethod: dotproduct
    in:
      recording: recordings
      name: names
      params: params
      engine: engine
    out: [folder, summary]
outputs:
  folders:
    type: Directory[]
    outputSource: extract/folder
  summaries:
    type: File[]
    outputSource: extract/summary
