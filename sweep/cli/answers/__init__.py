"""The verbs that answer from the record: a file for each."""
