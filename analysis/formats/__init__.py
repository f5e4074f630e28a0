"""Answers for programs: tables with a documented, versioned schema as JSON, CSV and Parquet."""
