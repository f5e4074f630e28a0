"""How much a YAML text may stand for, with aliases and merge keys (`<<`) written out."""

from ruamel.yaml.error import MarkedYAMLError

# Many times what a sweep needs, and read within a second.
MAX_BYTES = 250_000  # of a file
MAX_NODES = 10_000  # keys and values
MAX_DEPTH = 50  # mappings and lists inside each other
MAX_TEXT = 10_000  # characters of one key or value


class NotPlain(MarkedYAMLError):
    """A YAML text that is more than plain values of a limited number; `problem` says what must hold."""
