"""What people type: addresses, areas and durations, read or refused with a sentence."""
