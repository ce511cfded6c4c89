"""Judges a request of an AWS API by the service's own model: names, types, words, patterns and what is required.

    python shape.py SERVICE OPERATION < request.json

Prints a line for each mistake, or `fits` and how many values were looked at.
"""

import gzip
import json
import pathlib
import re
import sys

import awscli


def model(service):
    found = sorted(pathlib.Path(awscli.__file__).parent.glob(f"**/data/{service}/*/service-2.json*"))
    if not found:
        found = sorted(pathlib.Path(awscli.__file__).parent.parent.glob(f"botocore/data/{service}/*/service-2.json*"))
    data = found[-1].read_bytes()
    return json.loads(gzip.decompress(data) if found[-1].suffix == ".gz" else data)


def judge(shapes, name, value, at, mistakes):
    shape, kind = shapes[name], shapes[name]["type"]
    if kind == "structure":
        if not isinstance(value, dict):
            return mistakes.append(f"{at}: must be an object") or 1
        members = shape["members"]
        mistakes += [f"{at}.{key}: {name} has no such member" for key in value if key not in members]
        mistakes += [f"{at}.{key}: is required" for key in shape.get("required", []) if key not in value]
        return 1 + sum(judge(shapes, members[key]["shape"], value[key], f"{at}.{key}", mistakes) for key in value if key in members)
    if kind == "list":
        if not isinstance(value, list):
            return mistakes.append(f"{at}: must be a list") or 1
        return 1 + sum(judge(shapes, shape["member"]["shape"], one, f"{at}[{n}]", mistakes) for n, one in enumerate(value))
    if kind == "map":
        return 1 + sum(judge(shapes, shape["value"]["shape"], one, f"{at}.{key}", mistakes) for key, one in value.items())
    of = {"string": str, "boolean": bool, "integer": int, "long": int, "double": (int, float), "float": (int, float)}[kind]
    if not isinstance(value, of) or (kind != "boolean" and isinstance(value, bool)):
        mistakes.append(f"{at}: must be a {kind}")
    elif "enum" in shape and value not in shape["enum"]:
        mistakes.append(f"{at}: {value!r} is none of {shape['enum']}")
    elif "pattern" in shape and not re.search(shape["pattern"], value):
        mistakes.append(f"{at}: {value!r} does not match {shape['pattern']}")
    return 1


service, operation = sys.argv[1:]
described = model(service)
mistakes = []
values = judge(described["shapes"], described["operations"][operation]["input"]["shape"], json.load(sys.stdin), operation, mistakes)
print("\n".join(mistakes) or f"fits: {values} values")
