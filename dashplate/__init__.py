"""The command line, the embedded servers, and what both share."""

from pipeline.offline import silence

silence()
