"""Commands that check: `doctor` the machine, `health` one service, `verify` a job's rows and files."""
