"""What pages ask about places."""
