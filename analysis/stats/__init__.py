"""Statistical tests on results that were recorded item by item."""
