"""What the programs tell of themselves: log lines with the ids of the work, and traces where somebody collects them."""
