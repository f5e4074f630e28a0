"""Read YAML and settings strictly, and report each fault as one sentence with the line to mend."""
