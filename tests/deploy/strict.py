"""Judges Kubernetes objects by the API's published schemas, where what is unknown is a mistake.

    python strict.py < objects.json

Prints a line for each object: its kind and `fits`, or what is wrong.
"""

import json
import sys

import kubernetes_validate

for one in json.load(sys.stdin):
    try:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
        print(f"{one['kind']}: fits")
    except kubernetes_validate.ValidationError as error:
        print(f"{one['kind']}: {'.'.join(str(part) for part in error.path)}: {error.message}")
