"""What parliament and policy_sentry say of policy files: a line of JSON for each file that is named."""

import json
import sys

import parliament
from policy_sentry.shared.iam_data import get_service_prefix_data
from policy_sentry.util.arns import ARN


def by_parliament(text, path):
    try:
        policy = parliament.analyze_policy_string(text, path, include_community_auditors=True)
    except Exception as error:  # It raises on documents that it does not understand at all.
        return [f"EXCEPTION {type(error).__name__}"]
    said = set()
    for finding in policy.findings:
        said.add(finding.issue)
    return sorted(said)


def listed(value):
    return value if isinstance(value, list) else [value]


def acts_on(service, privilege, resource):
    """Does policy_sentry's data give the action a type of resource that this ARN is?"""
    types = [name for name in privilege["resource_types"] if name]
    if not types:
        return resource == "*"
    arns = [service["resources"][name]["arn"] for name in types if name in service["resources"]]
    for raw in arns:
        try:
            if ARN(resource).same_resource_type(raw):
                return True
        except Exception:
            return True
    return False


def by_policy_sentry(text):
    try:
        statements = listed(json.loads(text)["Statement"])
    except (ValueError, KeyError, TypeError):
        return []
    said = set()
    for statement in statements:
        if not isinstance(statement, dict):
            continue
        resources = [one for one in listed(statement.get("Resource", "*")) if isinstance(one, str)]
        for action in listed(statement.get("Action", [])):
            prefix, _, name = action.partition(":")
            if not name or "*" in action:
                continue
            service = get_service_prefix_data(prefix) or {}
            names = {known.lower(): known for known in service.get("privileges", {})}
            known = names.get(name.lower())
            if known is None:
                said.add(f"unknown {action}")
            elif "*" in resources:
                continue
            elif not any(acts_on(service, service["privileges"][known], one) for one in resources):
                said.add(f"unmatched {action}")
    return sorted(said)


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        text = file.read()
    print(json.dumps({"parliament": by_parliament(text, path), "policy_sentry": by_policy_sentry(text)}))
