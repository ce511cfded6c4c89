#!/usr/bin/env python3
"""Prints the figures of lint: tests/figures_lint.py [RELEASE_BINARY] [--peers] [--files N] [--keep DIR].

It writes N specs (1,000 by default), all different: one to four streams, on demand and provisioned, with and without keys,
fan-out, shares, archives, endpoints and tags, good ones and such with findings. `--peers` installs checkov and cfn-lint
at pinned versions below $TIDEGATE_PEERS (else target/peers) and lets them judge CloudFormation templates with the same
streams, consumers, keys, buckets, delivery streams and roles, 1, 10 and 100 of them. Timings decide nothing.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PINS = ["checkov==3.3.30", "cfn-lint==1.58.0"]
NAMES = ["clicks", "orders", "payments", "audit"]
SERVICES = ["ecs-tasks", "lambda", "ec2", "kinesisanalytics"]


def pipeline(n):
    """What the n-th pipeline consists of; other numbers, other pipelines."""
    streams = []
    for i in range(1 + n % 4):
        low = 1 + (n + i) % 5
        streams.append({
            "name": f"{NAMES[i]}-{n}",
            "shards": (low, low * (1 + n // 3 % 6)) if (n + i) % 3 else None,
            "hours": [24, 48, 72, 168, 336][(n + i) % 5],
            "key": ["data", "aws", "none"][0 if n % 3 else 1 if n % 7 else 2],
            "fan_out": f"fast-{n}" if i == 0 and n % 2 else None,
            "share": "210987654321" if i == 0 and n % 7 == 0 else None,
            "metrics": ["IncomingBytes", "IteratorAgeMilliseconds"] if (n + i) % 8 == 3 else [],
        })
    first = streams[0]
    archive = None if n % 4 == 3 else {
        "stream": first["name"], "bucket": f"acme-{n}-raw", "expires": 30 + n % 400 if n % 2 else None,
        "key": "data" if n % 3 else None, "compression": ["gzip", "none", "snappy"][n % 3],
    }
    roles = [{"name": f"write-{one['name']}", "write": one["name"], "service": SERVICES[n % 4]} for one in streams]
    for i, one in enumerate(streams):
        way = "fan-out" if one["fan_out"] else "kcl" if (n + i) % 3 == 0 else "poll"
        roles.append({"name": f"read-{one['name']}", "read": one["name"], "way": way, "service": SERVICES[(n + i) % 4],
                      "consumer": one["fan_out"]})
    return {
        "name": f"shop-{n}", "tags": {"team": f"team-{n % 17}"} if n % 6 else {}, "streams": streams, "archive": archive,
        "rotation": None if n % 5 == 0 else 365, "roles": roles, "endpoint": n % 10 == 5,
        "notify": "arn:aws:sns:eu-west-1:123456789012:oncall" if n % 5 < 3 else None, "alarms": n % 9 != 4,
    }


def spec(one):
    """The pipeline as a spec, written as people write them."""
    lines = ["apiVersion: tidegate/v1", f"pipeline: {one['name']}", "region: eu-west-1"]
    if one["tags"]:
        lines += ["tags:"] + [f"  {key}: {value}" for key, value in one["tags"].items()]
    if one["notify"]:
        lines.append(f"defaults: {{ notify: [\"{one['notify']}\"] }}")
    if any(stream["key"] == "data" for stream in one["streams"]):
        lines += ["keys:", f"  data: {{ rotation: {'none' if one['rotation'] is None else str(one['rotation']) + 'd'} }}"]
    lines.append("streams:")
    for stream in one["streams"]:
        lines.append(f"  {stream['name']}:")
        if stream["shards"]:
            low, high = stream["shards"]
            lines.append(f"    capacity: {{ mode: provisioned, shards: {{ min: {low}, max: {high} }} }}")
        lines.append(f"    retention: {stream['hours']}h")
        lines.append(f"    encryption: {{ key: {stream['key']} }}")
        if stream["fan_out"]:
            lines.append(f"    fanOut: [{stream['fan_out']}]")
        if stream["metrics"]:
            lines.append(f"    shardMetrics: [{', '.join(stream['metrics'])}]")
        if stream["share"]:
            lines.append(f"    share: [{{ account: \"{stream['share']}\", can: read }}]")
    if one["archive"]:
        archive = one["archive"]
        lines += ["archives:", "  raw:", f"    from: {archive['stream']}", "    s3:", f"      bucket: {archive['bucket']}",
                  "      create: true"]
        lines += [f"      key: {archive['key']}"] if archive["key"] else []
        lines += [f"      expireAfter: {archive['expires']}d"] if archive["expires"] else []
        lines.append(f"    compression: {archive['compression']}")
    lines.append("access:")
    for role in one["roles"]:
        grant = f"write: {role['write']}" if "write" in role else f"read: {role['read']}"
        if role.get("way") == "fan-out":
            grant += f", via: {role['consumer']}"
        elif role.get("way") == "kcl":
            grant += f", kcl: app-{role['read']}"
        lines += [f"  {role['name']}:", f"    trust: {{ service: {role['service']}.amazonaws.com }}",
                  f"    can: [{{ {grant} }}]"]
    if one["endpoint"]:
        lines += ["endpoints:", "  kinesis:", "    vpc: vpc-0a1b2c3d", "    subnets: [subnet-1a2b3c4d, subnet-5e6f7a8b]",
                  "    securityGroups: [sg-9c0d1e2f]", "    services: [kinesis-streams]",
                  f"    allow: [{one['roles'][0]['name']}]"]
    if not one["alarms"]:
        lines.append("alarms: { off: true }")
    return "\n".join(lines) + "\n"


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions, resources, **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def template(one):
    """The same pipeline as CloudFormation, as far as it can say it."""
    resources, arn, ids = {}, lambda id: {"Fn::GetAtt": [id, "Arn"]}, {}
    tags = [{"Key": key, "Value": value} for key, value in one["tags"].items()]
    root = {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}
    if any(stream["key"] == "data" for stream in one["streams"]):
        resources["Data"] = {"Type": "AWS::KMS::Key", "Properties": {
            "EnableKeyRotation": one["rotation"] is not None, "Tags": tags,
            "KeyPolicy": policy(allow("kms:*", "*", Principal=root))}}
    for i, stream in enumerate(one["streams"]):
        id = ids[stream["name"]] = f"Stream{i}"
        properties = {"Name": stream["name"], "RetentionPeriodHours": stream["hours"], "Tags": tags}
        if stream["metrics"]:
            properties["DesiredShardLevelMetrics"] = stream["metrics"]
        if stream["shards"]:
            properties["ShardCount"] = stream["shards"][0]
        else:
            properties["StreamModeDetails"] = {"StreamMode": "ON_DEMAND"}
        if stream["key"] != "none":
            key = arn("Data") if stream["key"] == "data" else "alias/aws/kinesis"
            properties["StreamEncryption"] = {"EncryptionType": "KMS", "KeyId": key}
        resources[id] = {"Type": "AWS::Kinesis::Stream", "Properties": properties}
        if stream["fan_out"]:
            resources["Consumer"] = {"Type": "AWS::Kinesis::StreamConsumer", "Properties": {
                "ConsumerName": stream["fan_out"], "StreamARN": arn(id)}}
        if stream["share"]:
            reader = {"AWS": f"arn:aws:iam::{stream['share']}:root"}
            resources["Shared"] = {"Type": "AWS::Kinesis::ResourcePolicy", "Properties": {
                "ResourceArn": arn(id), "ResourcePolicy": policy(
                    allow(["kinesis:GetRecords", "kinesis:GetShardIterator"], arn(id), Principal=reader))}}
    if one["archive"]:
        archive = one["archive"]
        properties = {"BucketName": archive["bucket"], "Tags": tags, "PublicAccessBlockConfiguration": {
            name: True for name in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")}}
        if archive["expires"]:
            rule = {"Status": "Enabled", "ExpirationInDays": archive["expires"]}
            properties["LifecycleConfiguration"] = {"Rules": [rule]}
        if archive["key"]:
            default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn("Data")}
            properties["BucketEncryption"] = {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": default}]}
        resources["Bucket"] = {"Type": "AWS::S3::Bucket", "Properties": properties}
        source = {"KinesisStreamARN": arn(ids[archive["stream"]]), "RoleARN": arn("Delivery")}
        form = {"gzip": "GZIP", "none": "UNCOMPRESSED", "snappy": "Snappy"}[archive["compression"]]
        resources["Raw"] = {"Type": "AWS::KinesisFirehose::DeliveryStream", "Properties": {
            "DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": source,
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": arn("Bucket"), "RoleARN": arn("Delivery"), "CompressionFormat": form}}}
        objects = {"Fn::Sub": "${Bucket.Arn}/*"}
        resources["Delivery"] = role({"Service": "firehose.amazonaws.com"}, policy(
            allow(["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"],
                  arn(ids[archive["stream"]])),
            allow(["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"], objects),
            allow(["s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], arn("Bucket"))))
    for i, one_role in enumerate(one["roles"]):
        stream = arn(ids[one_role.get("write") or one_role["read"]])
        read = ["kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:DescribeStreamSummary"]
        statements = [allow(["kinesis:PutRecord", "kinesis:PutRecords"] if "write" in one_role else read, stream)]
        if one_role.get("way") == "fan-out":
            statements.append(allow("kinesis:SubscribeToShard", {"Fn::GetAtt": ["Consumer", "ConsumerARN"]}))
        if one_role.get("way") == "kcl":
            table = {"Fn::Sub": f"arn:aws:dynamodb:eu-west-1:${{AWS::AccountId}}:table/app-{one_role['read']}"}
            statements.append(allow([f"dynamodb:{name}" for name in (
                "CreateTable", "DescribeTable", "UpdateTable", "Scan", "GetItem", "PutItem", "UpdateItem", "DeleteItem")], table))
            statements.append(allow("cloudwatch:PutMetricData", "*"))
        resources[f"Role{i}"] = role({"Service": f"{one_role['service']}.amazonaws.com"}, policy(*statements))
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def role(principal, grants):
    trust = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})
    return {"Type": "AWS::IAM::Role", "Properties": {
        "AssumeRolePolicyDocument": trust, "Policies": [{"PolicyName": "stream", "PolicyDocument": grants}]}}


def run(*command):
    """Seconds from start to exit, seconds of all processors, the largest resident set in MB, and what was written."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = subprocess.Popen(command, stdout=out, stderr=err).pid
        _, status, used = os.wait4(pid, 0)
        took = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        code = os.waitstatus_to_exitcode(status)
        # cfn-lint adds up 2, 4 and 8 for errors, warnings and notes.
        if code not in (0, 1, 2, 4, 6, 8, 10, 12, 14):
            raise SystemExit(f"{command[0]} failed ({code}): {err.read().decode()[-500:]}")
        return took, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, out.read()


def provision():
    """The folder of the programs that are compared with."""
    folder = os.path.join(os.environ.get("TIDEGATE_PEERS") or "target/peers", "lint")
    marker = os.path.join(folder, "versions")
    if not os.path.exists(marker) or open(marker, encoding="utf-8").read() != "\n".join(PINS):
        print(f"installing {' and '.join(PINS)}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + PINS, check=True)
        # Written last, so it is never beside half an installation.
        with open(marker, "w", encoding="utf-8") as file:
            file.write("\n".join(PINS))
    return os.path.join(folder, "bin")


def write(folder, count):
    """Specs and templates; the specs must be readable and all different."""
    texts = set()
    for kind in ("specs", "templates"):
        os.makedirs(os.path.join(folder, kind), exist_ok=True)
    for n in range(count):
        one = pipeline(n)
        text = spec(one)
        # Without its number it may be alike another, with it never.
        assert text not in texts
        texts.add(text)
        with open(os.path.join(folder, "specs", f"{n:04}.yaml"), "w", encoding="utf-8") as file:
            file.write(text)
        with open(os.path.join(folder, "templates", f"{n:04}.json"), "w", encoding="utf-8") as file:
            json.dump(template(one), file, indent=1)


def side_by_side(binary, folder, peers, count):
    """The same pipelines judged by each program; what each of them finds differs, as its rules do."""
    specs = [os.path.join(folder, "specs", f"{n:04}.yaml") for n in range(count)]
    templates = [os.path.join(folder, "templates", f"{n:04}.json") for n in range(count)]
    ours = statistics.median(run(binary, "lint", *specs, "--persona", "auditor", "--format", "json")[0] for _ in range(5))
    print(f"{count:5} files: tidegate {ours:8.2f} s")
    files = [word for name in templates for word in ("-f", name)]
    for name, command in (
        ("cfn-lint", [os.path.join(peers, "cfn-lint"), *templates]),
        ("checkov", [os.path.join(peers, "checkov"), *files, "--framework", "cloudformation", "--quiet", "--compact",
                     "--skip-download"]),
    ):
        took, _, memory, _ = run(*command)
        print(f"{'':12} {name:8} {took:8.2f} s, {memory:.0f} MB: {took / ours:.0f} times as long")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("binary", nargs="?", default="target/release/tidegate")
    args.add_argument("--peers", action="store_true")
    args.add_argument("--files", type=int, default=1000)
    args.add_argument("--keep", help="write the files there and leave them")
    args = args.parse_args()
    binary = os.path.abspath(args.binary)
    with tempfile.TemporaryDirectory() as folder:
        folder = args.keep or folder
        write(folder, max(args.files, 100 if args.peers else 1))
        specs = os.path.join(folder, "specs")
        single = statistics.median(run(binary, "lint", os.path.join(specs, "0001.yaml"))[0] for _ in range(11))
        print(f"one file, from start to exit          {single * 1000:.0f} ms")
        runs = [run(binary, "lint", specs, "--persona", "auditor", "--format", "json") for _ in range(5)]
        told = json.loads(runs[0][3])
        clean = {f"{n:04}.yaml" for n in range(args.files)} - {os.path.basename(one["file"]) for one in told["findings"]}
        rules = {one["rule"] for one in told["findings"]}
        if told["failures"] or len(rules) < 25:
            raise SystemExit(f"that is no measurement: {len(rules)} rules found something, failures {told['failures']}")
        took, used = (statistics.median(one[at] for one in runs) for at in (0, 1))
        print(f"{args.files} files, all rules                {took:.2f} s, {used:.2f} s of processors, "
              f"{max(one[2] for one in runs):.0f} MB")
        print(f"  {len(told['findings'])} findings of {len(rules)} rules, {len(clean)} files without any")
        if args.peers:
            peers = provision()
            for count in (1, 10, 100):
                side_by_side(binary, folder, peers, count)


if __name__ == "__main__":
    main()
