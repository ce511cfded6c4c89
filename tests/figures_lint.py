#!/usr/bin/env python3
"""Prints the figures of lint: tests/figures_lint.py [RELEASE_BINARY] [--peers VENV] [--files N]. Timings decide nothing.

It writes N specs (1,000 by default) and, for the peers, N CloudFormation templates with the same streams, keys and roles.
VENV is a Python environment with checkov and cfn-lint (`pip install checkov cfn-lint`); without it they are left out.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import tempfile
import time

SPEC = """apiVersion: tidegate/v1
pipeline: p{n}
region: eu-west-1
tags: {{ team: web }}
keys:
  data: {{ rotation: {rotation} }}
streams:
  clicks:
    capacity: {{ mode: provisioned, shards: {{ min: {low}, max: 64 }} }}
    retention: {hours}h
    encryption: {{ key: data }}
    fanOut: [fraud]
  audit: {{}}
archives:
  raw:
    from: clicks
    s3: {{ bucket: acme-{n}-raw, create: true, key: data, expireAfter: 400d }}
access:
  web:
    trust: {{ service: ecs-tasks.amazonaws.com }}
    can: [{{ write: clicks }}]
  fraud:
    trust: {{ service: ecs-tasks.amazonaws.com }}
    can: [{{ read: clicks, via: fraud, kcl: fraud-{n} }}]
"""


def template(n):
    """The same pipeline as CloudFormation, as far as it can say it."""
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
             "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}
    key = {"Fn::GetAtt": ["Data", "Arn"]}
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
              "Principal": {"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}}}]}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {
        "Data": {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": n % 2 == 0, "KeyPolicy": policy}},
        "Clicks": {"Type": "AWS::Kinesis::Stream", "Properties": {"Name": f"clicks-{n}", "ShardCount": 2,
                   "RetentionPeriodHours": 24 + n % 100, "StreamEncryption": {"EncryptionType": "KMS", "KeyId": key}}},
        "Audit": {"Type": "AWS::Kinesis::Stream", "Properties": {"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}},
        "Raw": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": f"acme-{n}-raw"}},
        "Web": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
        "Fraud": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}},
    }}


def run(*command):
    """Seconds and the largest resident set in MB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    start = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    took = time.perf_counter() - start
    if done.returncode not in (0, 1, 2, 4, 6, 8, 12, 14):
        raise SystemExit(f"{command[0]} failed ({done.returncode}): {done.stderr.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return took, max(before, after) / 1024


def main():
    args = argparse.ArgumentParser()
    args.add_argument("binary", nargs="?", default="target/release/tidegate")
    args.add_argument("--peers")
    args.add_argument("--files", type=int, default=1000)
    args = args.parse_args()
    binary = os.path.abspath(args.binary)
    with tempfile.TemporaryDirectory() as folder:
        specs, templates = os.path.join(folder, "specs"), os.path.join(folder, "templates")
        os.makedirs(specs)
        os.makedirs(templates)
        for n in range(args.files):
            with open(os.path.join(specs, f"{n:04}.yaml"), "w", encoding="utf-8") as file:
                file.write(SPEC.format(n=n, low=2 + n % 4, hours=24 + n % 100, rotation="none" if n % 2 else "365d"))
            with open(os.path.join(templates, f"{n:04}.json"), "w", encoding="utf-8") as file:
                json.dump(template(n), file)
        one = os.path.join(specs, "0000.yaml")
        single = statistics.median(run(binary, "lint", one)[0] for _ in range(11))
        print(f"tidegate, 1 file              {single * 1000:.0f} ms")
        ours, memory = run(binary, "lint", specs, "--persona", "auditor", "--format", "json")
        print(f"tidegate, {args.files} files, all rules  {ours:.2f} s, {memory:.0f} MB")
        if args.peers:
            checkov = [os.path.join(args.peers, "bin", "checkov"), "-d", templates, "--framework", "cloudformation", "--quiet", "--compact"]
            cfn = [os.path.join(args.peers, "bin", "cfn-lint"), os.path.join(templates, "*.json")]
            for name, command in (("cfn-lint", cfn), ("checkov", checkov)):
                took, memory = run(*command)
                print(f"{name}, {args.files} templates        {took:.2f} s, at most {memory:.0f} MB, {took / ours:.0f} times as long")


if __name__ == "__main__":
    main()
