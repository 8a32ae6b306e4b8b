"""Resumable uploads of videos over tus 1.0.0.

`headers` reads and writes what the protocol says. `part` is the file that bytes are gathered in, `places` knows where
it and the finished file lie, `keeper` keeps file and row together, `receiving` takes bytes in. `documents` is what is
told of an upload, `calls` are the HTTP calls, `clearing` removes what is left over.
"""
