"""Pages of what is watched for and who is told: watch lists, hits, endpoints."""

from dashplate.web.pages.telling import endpoints, hits, watch_lists

PAGES = (endpoints, hits, watch_lists)
