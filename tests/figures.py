#!/usr/bin/env python3
"""Prints the figures of the README: tests/figures.py [path of a release binary]. Timings decide nothing."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/tidegate")


def median_ms(runs, *args):
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run([binary, *args], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            took.append((time.perf_counter() - start) * 1000)
    return statistics.median(took)


print(f"size          {os.path.getsize(binary) / 1e6:.1f} MB")
print(f"--version     {median_ms(11, '--version'):.1f} ms")
print(f"demo          {median_ms(5, 'demo'):.0f} ms")
year = ("simulate", "--synthetic", "diurnal", "--days", "366")
print(f"simulate      {(median_ms(5, *year) - median_ms(11, '--version')) / 366:.2f} ms for a day of one-minute steps")
