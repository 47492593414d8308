"""Named tuples without `typing` and `collections`: importing those costs a check more than asking the exporter.

Type checkers see `typing.NamedTuple`; of what it has, fields with defaults, methods and `_replace` work here.
"""

from __future__ import annotations

__all__ = ["Record"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:
    from _collections import _tuplegetter  # the reader of a field that collections.namedtuple makes, without its import

    class Record(tuple):
        """What a class of fields derives from; its fields are its annotations, in their order."""

        __slots__ = ()

        def __init_subclass__(cls):
            cls._fields = tuple(cls.__annotations__)
            cls._field_defaults = {name: cls.__dict__[name] for name in cls._fields if name in cls.__dict__}
            for place, name in enumerate(cls._fields):
                setattr(cls, name, _tuplegetter(place, f"Field {place}"))
            # What is still to be added to so many values by place.
            defaults, most = tuple(cls._field_defaults.values()), len(cls._fields)
            cls._rest = {most - n: defaults[len(defaults) - n :] for n in range(len(defaults) + 1)}

        def __new__(cls, *values, **named):
            # Made by the hundred thousand when all is submitted at once, and then nearly always by place.
            if named or len(values) not in cls._rest:
                return tuple.__new__(cls, _completed(cls, values, named))
            return tuple.__new__(cls, values + cls._rest[len(values)])

        def _replace(self, **named):
            changed = tuple(named.pop(name, value) for name, value in zip(self._fields, self, strict=True))
            if named:
                raise TypeError(f"{type(self).__name__} has no field {', '.join(named)}")
            return tuple.__new__(type(self), changed)

        def __repr__(self):
            told = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
            return f"{type(self).__name__}({told})"

    def _completed(cls, values, named):
        """The values by place, then those by name, then defaults. Raises TypeError as any call does."""
        left = cls._fields[len(values) :]
        missing = [name for name in left if name not in named and name not in cls._field_defaults]
        if missing or len(values) > len(cls._fields) or not set(named) <= set(left):
            raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}, each once; not given: {missing}")
        return (*values, *(named[name] if name in named else cls._field_defaults[name] for name in left))
