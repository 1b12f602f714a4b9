# SPDX-License-Identifier: Apache-2.0
"""Writes profiles as no program would: any names, values and sizes (profile.proto, by hand)."""
import gzip


def varint(number):
    number &= (1 << 64) - 1
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes(encoded + bytes([number]))


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, contents):
    return varint(field << 3 | 2) + varint(len(contents)) + contents


def packed(field, values):
    return message(field, b''.join(map(varint, values)))


class MadeProfile:
    """Samples of functions, leaf first; each function is a location of its own.

    A function is its name or, with a place, (name, file, line, binary).
    """

    def __init__(self, types=(('inuse_objects', 'count'), ('inuse_space', 'bytes')), period=1,
                 period_type=('space', 'bytes'), drop_frames=None, time_ns=0):
        self._strings = {b'': 0}
        self._functions = {}
        self._mappings = {}
        self._parts = [message(1, self._type(*type)) for type in types]
        self._parts += [number(12, period), message(11, self._type(*period_type)), number(9, time_ns)]
        if drop_frames is not None:
            self._parts.append(number(7, self._string(drop_frames)))

    def _string(self, string):
        string = string if isinstance(string, bytes) else string.encode()
        return self._strings.setdefault(string, len(self._strings))

    def _type(self, type, unit):
        return number(1, self._string(type)) + number(2, self._string(unit))

    def _mapping(self, binary):
        """All is known of what lies in it, so nobody looks for the file."""
        mapping = self._mappings.get(binary)
        if not mapping:
            mapping = self._mappings[binary] = len(self._mappings) + 1
            known = b''.join(number(field, 1) for field in (7, 8, 9, 10))
            self._parts.append(message(3, number(1, mapping) + number(2, mapping << 32) + number(3, mapping + 1 << 32) +
                                       number(5, self._string(binary)) + known))
        return mapping

    def _location(self, place):
        function = self._functions.get(place)
        if not function:
            function = self._functions[place] = len(self._functions) + 1
            name, file, line, binary = place if isinstance(place, tuple) else (place, '', 0, None)
            mapping = self._mapping(binary) if binary is not None else 0
            address = (mapping << 32) + function if mapping else 0
            self._parts.append(message(5, number(1, function) + number(2, self._string(name)) +
                                       number(4, self._string(file))))
            self._parts.append(message(4, number(1, function) + number(2, mapping) + number(3, address) +
                                       message(4, number(1, function) + number(2, line))))
        return function

    def code(self, address, start=0, limit=0, path='', build_id=''):
        """A place that has no name: an address, in a mapping if there is one.  To be used like a function."""
        key = ('code', address)
        self._functions[key] = location = len(self._functions) + 1
        mapping = 0
        if limit:
            mapping = self._mappings.setdefault((path, start), len(self._mappings) + 1)
            self._parts.append(message(3, number(1, mapping) + number(2, start) + number(3, limit) + number(5, self._string(path)) +
                                       number(6, self._string(build_id))))
        self._parts.append(message(4, number(1, location) + number(2, mapping) + number(3, address)))
        return key

    def add(self, names, values, **labels):
        contents = packed(1, [self._location(name) for name in names]) + packed(2, values)
        for key, value in labels.items():
            is_number = isinstance(value, int)
            contents += message(3, number(1, self._string(key)) +
                                (number(3, value) if is_number else number(2, self._string(value))))
        self._parts.append(message(2, contents))
        return self

    def comment(self, text):
        self._parts.append(number(13, self._string(text)))
        return self

    def write(self, path):
        strings = b''.join(message(6, string) for string in self._strings)
        with open(path, 'wb') as file:
            file.write(gzip.compress(b''.join(self._parts) + strings, 1))
        return path
