"""Code of the task mini_pronouns."""


def with_beginning(docs):
    """Return the items with the beginning of a sentence about the occupation of each."""
    return docs.map(lambda doc: doc | {"beginning": f"the {doc['occupation']} smiled because"})
