"""What is measured. One module per table."""
