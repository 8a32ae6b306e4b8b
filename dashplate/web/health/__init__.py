"""How the service and what it stands on are: `asked` asks all of it within two seconds, `judged` says what to do."""
