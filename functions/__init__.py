"""The HTTP functions: one small file each. Validate, authorise, publish, answer."""
