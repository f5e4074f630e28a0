"""YAML and settings that are read strictly, and refused in sentences with the line to mend."""
