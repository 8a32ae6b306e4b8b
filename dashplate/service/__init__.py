"""The HTTP service: FastAPI on the same jobs, tables and models as the command line.

`app` puts it together, `server` runs it; a module a group of calls. Models are loaded by a process of its own
(`photo_process`), never by the web process. May import all rooms below `dashplate`, and `dashplate.jobs`; no command.
"""
