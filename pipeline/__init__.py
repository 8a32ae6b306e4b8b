"""What happens to a video, as plain functions over frozen records. Knows no Celery, no SQL, no web."""
