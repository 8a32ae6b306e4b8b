"""What is compared with an undisturbed run: rows and files of jobs, and what the receiver was told."""
