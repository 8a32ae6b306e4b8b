"""The HTTP service: FastAPI on the same jobs, tables and models as the command line.

`app` puts it together, `server` runs it; a module or folder a group of calls. Models are loaded and videos decoded by
processes of their own, never by the web process. May import all rooms below `dashplate`, and its modules that the
commands share; no command.
"""
