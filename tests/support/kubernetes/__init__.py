"""deploy/kubernetes as kubectl renders it, and its containers as processes of this machine."""
