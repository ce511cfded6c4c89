#!/usr/bin/env python3
"""Prints the figures of the README: tests/figures.py [path of a release binary]. Timings decide nothing."""
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/tidegate")


def median_ms(runs, *args):
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run([binary, *args], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


def user_ms(runs, *args):
    """Processor time of our own, which other work on the machine hardly changes."""
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([binary, *args], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            took.append((resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - start) * 1000)
    return statistics.median(took)


print(f"size          {os.path.getsize(binary) / 1e6:.1f} MB")
print(f"--version     {median_ms(11, '--version'):.1f} ms")
print(f"demo          {median_ms(5, 'demo'):.0f} ms")
year = ("simulate", "--synthetic", "diurnal", "--days", "366")
print(f"simulate      {user_ms(5, *year) / 366:.2f} ms of user time for a day of one-minute steps")


STREAMS = 50
SPEC = "apiVersion: tidegate/v1\npipeline: figures\nregion: eu-west-1\nalarms: { off: true }\nstreams:\n" + "".join(
    f"  s{n}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 64 }} }} }}\n" for n in range(STREAMS))


def controller():
    """Seconds from the start of `run` to ready, and from SIGTERM to its end, while it sizes streams at 600 times real time."""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "tidegate.yaml"), "w") as file:
            file.write(SPEC)
        cloud = ["--cloud", "local:cloud.json"]
        subprocess.run([binary, "apply", "-y", "-q", *cloud], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        # Traffic is put on the streams once, so that the starts below are starts.
        subprocess.run([binary, "run", "--traffic", "8", "--ticks", "1", *cloud], cwd=folder, stdout=subprocess.DEVNULL, check=True)
        start = time.perf_counter()
        run = subprocess.Popen([binary, "run", "--json", "--speed", "600", "--listen", "127.0.0.1:0", *cloud], cwd=folder,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        address = json.loads(run.stdout.readline())["listen"]
        while True:
            try:
                urllib.request.urlopen(f"http://{address}/readyz", timeout=1)
                break
            except OSError:
                time.sleep(0.005)
        ready = time.perf_counter() - start
        time.sleep(3)
        start = time.perf_counter()
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=15)
        assert run.returncode == 0, run.returncode
        return ready, time.perf_counter() - start


runs = [controller() for _ in range(5)]
print(f"run           {statistics.median(ready for ready, _ in runs):.2f} s to ready, "
      f"{statistics.median(end for _, end in runs):.2f} s from SIGTERM to the end, {STREAMS} streams")
