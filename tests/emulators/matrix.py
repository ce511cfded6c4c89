"""Tries every Kinesis and Firehose operation with somebody's credentials on several resources and prints what was not refused.

Arguments: the endpoint, then NAME=ARN for each resource. Credentials come from the environment.
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
}
SAMPLES = {
    "ConsumerName": "somebody", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON", "PartitionKey": "a",
    "Data": b"a", "ShardToSplit": "shardId-000000000000", "ShardToMerge": "shardId-000000000000",
    "AdjacentShardToMerge": "shardId-000000000001", "NewStartingHashKey": "170141183460469231731687303715884105728",
    "RetentionPeriodHours": 25, "TargetShardCount": 1, "ScalingType": "UNIFORM_SCALING", "KeyId": "alias/aws/kinesis",
    "EncryptionType": "KMS", "Policy": "{}", "Tags": {"a": "b"}, "TagKeys": ["a"], "ShardLevelMetrics": ["IncomingBytes"],
    "StreamModeDetails": {"StreamMode": "PROVISIONED"}, "StartingPosition": {"Type": "LATEST"}, "Record": {"Data": b"a"},
    "Records": [{"Data": b"a", "PartitionKey": "a"}], "CurrentDeliveryStreamVersionId": "1", "DestinationId": "1",
    "WarmThroughputMiBps": 1, "MaxRecordSizeInKiB": 1024,
}


def name_the_consumer(params, **_):
    """ministack judges calls about consumers as if they were about `*`, unless the body names a ResourceARN."""
    body = json.loads(params["body"] or "{}")
    if "ConsumerARN" in body:
        params["body"] = json.dumps({**body, "ResourceARN": body["ConsumerARN"]}).encode()


def client(service, endpoint):
    settings = botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=True, read_timeout=10)
    api = boto3.client(service, endpoint_url=endpoint, region_name=os.environ["AWS_REGION"], config=settings)
    api.meta.events.register("before-call", name_the_consumer)
    return api


def arguments(service, shape, resource_type, arn, iterator):
    members = shape.members if shape else {}
    name = next((name for name in ARGUMENTS[resource_type] if name in members), None)
    if name is None:
        return None
    given = {name: arn.rsplit("/", 1)[-1] if name.endswith("Name") else arn}
    for needed in shape.required_members:
        if needed in given or needed in ("StreamName", "ResourceARN"):
            continue
        if needed == "ShardIterator":
            given[needed] = iterator or "x"
        elif service == "firehose" and needed == "Records":
            given[needed] = [{"Data": b"a"}]
        elif service == "firehose" and needed == "Tags":
            given[needed] = [{"Key": "a", "Value": "b"}]
        elif needed in SAMPLES:
            given[needed] = SAMPLES[needed]
        else:
            return None
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


def main():
    endpoint, resources = sys.argv[1], [word.split("=", 1) for word in sys.argv[2:]]
    tried = 0
    for service in ("kinesis", "firehose"):
        api = client(service, endpoint)
        model = api.meta.service_model
        methods = {operation: method for method, operation in api.meta.method_to_api_mapping.items()}
        for operation in sorted(model.operation_names):
            for name, arn in resources:
                resource_type = arn.split(":")[5].split("/")[0]
                if "/consumer/" in arn:
                    resource_type = "consumer"
                if (service == "firehose") != (resource_type == "deliverystream"):
                    continue
                given = arguments(service, model.operation_model(operation).input_shape, resource_type, arn, None)
                if given is None:
                    continue
                tried += 1
                what = attempt(api, methods[operation], given)
                if what != "refused":
                    print(json.dumps({"action": f"{service}:{operation}", "on": name, "what": what}))
    print(json.dumps({"tried": tried}))


main()
