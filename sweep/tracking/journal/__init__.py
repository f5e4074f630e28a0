"""The journal of a sweep's record: its lines, its marks, and what is wrong with them."""
