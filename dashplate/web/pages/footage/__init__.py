"""Pages of what comes in: submitting videos, jobs, drives, and each video with what it shows."""

from dashplate.web.pages.footage import drives, jobs, submit, video

PAGES = (jobs, submit, drives, video)
