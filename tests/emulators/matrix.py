"""Tries every Kinesis and Firehose operation with somebody's credentials on several resources and prints what was not refused.

Arguments: the endpoint, then NAME=ARN for each resource; `*` is the account, for calls that name no resource. Credentials come from
the environment; with ROLE there, they are those of this role, which they assume.
Operations and the shape of their arguments come from botocore's models, so that nothing here knows our policies.
"""

import json
import os
import sys

import boto3
import botocore.config
from botocore.exceptions import ClientError, EventStreamError, ParamValidationError

REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"}
UNKNOWN = {"UnknownOperationException", "UnknownOperation", "InvalidAction", "NotImplemented", "UnsupportedOperation"}
# By the resource's type: which argument names it.
ARGUMENTS = {
    "stream": ["StreamARN", "ResourceARN", "StreamName"],
    "consumer": ["ConsumerARN", "ResourceARN"],
    "deliverystream": ["DeliveryStreamName", "DeliveryStreamARN"],
    "channel": ["ChannelARN", "ChannelName"],
}
SAMPLES = {
    "ConsumerName": "somebody", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON", "PartitionKey": "a",
    "Data": b"a", "ShardToSplit": "shardId-000000000000", "ShardToMerge": "shardId-000000000000",
    "AdjacentShardToMerge": "shardId-000000000001", "NewStartingHashKey": "170141183460469231731687303715884105728",
    "RetentionPeriodHours": 25, "TargetShardCount": 1, "ScalingType": "UNIFORM_SCALING", "KeyId": "alias/aws/kinesis",
    "EncryptionType": "KMS", "Policy": "{}", "Tags": {"a": "b"}, "TagKeys": ["a"], "ShardLevelMetrics": ["IncomingBytes"],
    "StreamModeDetails": {"StreamMode": "PROVISIONED"}, "StartingPosition": {"Type": "LATEST"}, "Record": {"Data": b"a"},
    "Records": [{"Data": b"a", "PartitionKey": "a"}], "CurrentDeliveryStreamVersionId": "1", "DestinationId": "1",
    "WarmThroughputMiBps": 1, "MaxRecordSizeInKiB": 1024, "RecordDistributionStrategy": "AUTO",
    "MinimumThroughputBillingCommitment": {"Status": "DISABLED"}, "ServiceExecutionRoleARN": "arn:aws:iam::000000000000:role/any",
    "StreamConfigurationList": [
        {"StreamARN": "arn:aws:kinesis:eu-west-1:000000000000:stream/any", "RecordConfiguration": {"RecordFormatType": "JSON"}}],
}


def name_the_resource(params, **_):
    """ministack judges calls about consumers and channels as if they were about `*`, unless the body names a ResourceARN."""
    body = json.loads(params["body"] or "{}")
    arn = body.get("ConsumerARN") or body.get("ChannelARN")
    if arn:
        params["body"] = json.dumps({**body, "ResourceARN": arn}).encode()


def session_as(endpoint, role):
    """A session with the credentials of the role."""
    answer = boto3.client("sts", endpoint_url=endpoint, region_name=os.environ["AWS_REGION"]).assume_role(
        RoleArn=role, RoleSessionName="matrix")["Credentials"]
    return boto3.Session(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


def client(session, service, endpoint):
    settings = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=True, read_timeout=10)
    api = session.client(service, endpoint_url=endpoint, region_name=os.environ["AWS_REGION"], config=settings)
    api.meta.events.register("before-call", name_the_resource)
    return api


def arguments(service, shape, resource_type, arn):
    """What the call is given; None where it cannot be about a resource of this type."""
    members = shape.members if shape else {}
    names = {name for listed in ARGUMENTS.values() for name in listed}
    if resource_type == "account":
        if names & set(members):
            return None
        given = {}
    else:
        name = next((name for name in ARGUMENTS[resource_type] if name in members), None)
        if name is None:
            return None
        given = {name: arn.rsplit("/", 1)[-1] if name.endswith("Name") else arn}
    for needed in shape.required_members if shape else []:
        if needed in given or needed in ("StreamName", "ResourceARN"):
            continue
        if needed == "ShardIterator":
            given[needed] = "x"
        elif service == "firehose" and needed == "Records":
            given[needed] = [{"Data": b"a"}]
        elif service == "firehose" and needed == "Tags":
            given[needed] = [{"Key": "a", "Value": "b"}]
        else:
            given[needed] = SAMPLES[needed]
    return given


def attempt(api, method, given):
    try:
        answer = getattr(api, method)(**given)
        for stream in (value for value in answer.values() if hasattr(value, "close")):
            stream.close()
        return "allowed"
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return "refused" if code in REFUSED else "unsupported" if code in UNKNOWN else "allowed"
    except EventStreamError:
        return "allowed"
    except ParamValidationError as error:
        return f"not tried: {error}"


def type_of(arn):
    if arn == "*":
        return "account"
    return "consumer" if "/consumer/" in arn else arn.split(":")[5].split("/")[0]


def main():
    endpoint, resources = sys.argv[1], [word.split("=", 1) for word in sys.argv[2:]]
    session = session_as(endpoint, os.environ["ROLE"]) if "ROLE" in os.environ else boto3.Session()
    attempts, never = 0, []
    for service in ("kinesis", "firehose"):
        api = client(session, service, endpoint)
        model = api.meta.service_model
        methods = {operation: method for method, operation in api.meta.method_to_api_mapping.items()}
        for operation in sorted(model.operation_names):
            tried = 0
            for name, arn in resources:
                resource_type = type_of(arn)
                if resource_type != "account" and (service == "firehose") != (resource_type == "deliverystream"):
                    continue
                given = arguments(service, model.operation_model(operation).input_shape, resource_type, arn)
                if given is None:
                    continue
                tried += 1
                what = attempt(api, methods[operation], given)
                if what != "refused":
                    print(json.dumps({"action": f"{service}:{operation}", "on": name, "what": what}))
            attempts += tried
            if tried == 0:
                never.append(f"{service}:{operation}")
    print(json.dumps({"tried": attempts, "never": never}))


main()
