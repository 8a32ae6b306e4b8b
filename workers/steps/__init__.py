"""What a worker does with one task: it claims work, runs a stage, and stores the result in one transaction."""
