"""What each command does; `dashplate.cli` declares them."""
