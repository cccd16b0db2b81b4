"""What kull-sync is held against. One module per peer."""
