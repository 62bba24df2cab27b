"""What the tables are called on the page, which people read who know the recordings and not the tables."""

from __future__ import annotations

#: By the name of the step; the others are shown in the long list only
STEPS = {
    "miniscope.Recording": "Recordings of the scope",
    "recording.RecordingQuality": "Recordings checked",
    "miniscope.Processing": "Motion corrected, cells found",
    "extraction.Verdict": "Results judged",
    "miniscope.Curation": "Results ready for curation",
    "miniscope.Segmentation": "Footprints stored",
    "miniscope.Fluorescence": "Traces stored",
    "miniscope.Activity": "Activity stored",
    "facemap.VideoRecording": "Recordings of cameras",
    "recording.CameraQuality": "Camera videos checked",
    "facemap.FacemapProcessing": "Motion of the face measured",
    "facemap.FacialSignal": "Facial signals stored",
    "face.NeuralPrediction": "Activity predicted from the face",
}
