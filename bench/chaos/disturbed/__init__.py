"""What faults work on: the processes of a fleet, its network, its store, and the receiver that it tells."""
