"""The entries of a record: their kinds, how one is divided, and what a store lacks of them."""
