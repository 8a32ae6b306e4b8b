"""Pages of what comes in: submitting videos, jobs, and each video with what it shows."""

from dashplate.web.pages.footage import jobs, submit, video

PAGES = (jobs, submit, video)
