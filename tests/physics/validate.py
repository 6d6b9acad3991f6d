#!/usr/bin/env python3
"""Validates lattice files against lattices/lattice.schema.json: validate.py FILE...

With --refuse the files must not be valid, for the test of the schema itself.
"""
import json
import pathlib
import sys

import jsonschema

TREE = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((TREE / "lattices" / "lattice.schema.json").read_text())


def faults(validator, path):
    text = json.loads(pathlib.Path(path).read_text())
    return [f"{path}: {'/'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in validator.iter_errors(text)]


def main():
    refuse = "--refuse" in sys.argv
    paths = [a for a in sys.argv[1:] if a != "--refuse"]
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    validator = jsonschema.Draft7Validator(SCHEMA)
    bad = 0
    for path in paths:
        found = faults(validator, path)
        bad += (not found) if refuse else bool(found)
        if refuse and not found:
            print(f"{path}: is valid")
        if not refuse:
            print("\n".join(found[:20]) or f"{path}: valid")
    return 1 if bad or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
