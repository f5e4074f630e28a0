"""Python's start in a worker that rests: libraries that Ray Tune imports and does not use there are empty.

A process then takes half of the memory, so that a machine of 24 GB has room for 256 of them.
"""

import sys
import types
from importlib.machinery import ModuleSpec

EMPTY = ("pandas", "pyarrow", "ray.data", "tensorboardX")


class Anything(type):
    """A class of which every attribute is a class like it."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return cls


class Thing(metaclass=Anything):
    """What an empty library has under every name."""

    def __init__(self, *_, **__):
        pass

    def __class_getitem__(cls, _):
        return cls

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Thing()


class Empty(types.ModuleType):
    """A module that has everything and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Thing


class Finder:
    """Finds the modules of the libraries that are to be empty."""

    def find_spec(self, name, path=None, target=None):
        if name.startswith(tuple(f"{each}." for each in EMPTY)) or name in EMPTY:
            return ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Empty(spec.name)

    def exec_module(self, module):
        pass


sys.meta_path.insert(0, Finder())
