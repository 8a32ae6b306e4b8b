"""The service over HTTP; a package, so that its servers and workers end with its last test and meet no other's rows."""
