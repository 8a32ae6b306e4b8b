"""A job's sightings and its cameras' tracks as maps: GeoJSON, GPX, KML, GeoParquet.

Written from `SightingLine` of sightings that have a place, and from `CameraTrack`. `camera_track` (a track with what is
known of its video), `markup` (text in XML), and a module a format.
"""
