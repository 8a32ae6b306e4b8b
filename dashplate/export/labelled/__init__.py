"""Exports for training and annotation: sightings that a person read, with their pictures.

`samples` (what is labelled), `place` (a folder or a ZIP), and a module for each form: `training` (what `dashplate eval`
and `training/` take), `cvat`, `label_studio`, `yolo`; `job` puts them together.
"""
