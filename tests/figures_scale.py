#!/usr/bin/env python3
"""Prints the figures of scale in docs/proof.md: tests/figures_scale.py [--long] BINARY DOUBLE. Timings decide nothing.

BINARY is a release build; DOUBLE what `cargo bench --bench double --no-run` built. --long adds 10,000 streams.
"""
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

long = "--long" in sys.argv
binary, double = [os.path.abspath(arg) for arg in sys.argv[1:] if arg != "--long"]
server = subprocess.Popen([double], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
address = server.stdout.readline().strip()
REGION = "eu-west-1"
ENV = {"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_CONFIG_FILE": "/dev/null",
       "AWS_EC2_METADATA_DISABLED": "true", "NO_COLOR": "1", "PATH": os.environ["PATH"]}


def spec(pipeline, streams, whole):
    """Streams are named by their pipeline, since several pipelines meet in one account of the double."""
    text = f"apiVersion: tidegate/v1\npipeline: {pipeline}\nregion: {REGION}\n"
    text += "" if whole else "alarms: { off: true }\n"
    key = ", encryption: { key: k%d }" if whole else "%.0s"
    text += "streams:\n" + "".join(
        f"  {pipeline}-{n}: {{ capacity: {{ mode: provisioned, shards: {{ min: 1, max: 8 }} }}{key % n} }}\n" for n in range(streams))
    if whole:
        text += "keys:\n" + "".join(f"  k{n}: {{}}\n" for n in range(streams))
        text += "access:\n" + "".join(
            f"  w{n}: {{ trust: {{ service: ecs-tasks.amazonaws.com }}, can: [{{ write: {pipeline}-{n} }}] }}\n" for n in range(streams))
    return text


def behave(rates=None, creating_ms=0):
    query = f"creating={creating_ms}" + (f"&rates={rates}" if rates else "")
    urllib.request.urlopen(f"{address}/double?{query}").read()


def calls():
    counts = json.load(urllib.request.urlopen(f"{address}/double"))
    return sum(made for made, _ in counts.values()), sum(refused for _, refused in counts.values()), counts


def run(folder, *args, env=ENV, may=(0,)):
    """Seconds by the clock and of the processor, and megabytes at most."""
    begin = time.perf_counter()
    with open(os.path.join(folder, "said"), "w") as said:
        child = subprocess.Popen([binary, *args], cwd=folder, env={**env, "HOME": folder}, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    text = open(os.path.join(folder, "said")).read()
    assert child.returncode in may, (args, child.returncode, text[-2000:])
    return time.perf_counter() - begin, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text


def applied(pipeline, streams, whole):
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "tidegate.yaml"), "w") as file:
        file.write(spec(pipeline, streams, whole))
    behave()
    seconds = run(folder, "apply", "-y", "-q", "--api-rate", "1000000")[0]
    print(f"applied {pipeline}: {streams} streams{' with keys, roles and alarms' if whole else ''} without limits in {seconds:.1f} s")
    return folder


def no_op(folder, streams, factor, runs=1):
    """A plan within the limits; the floor is what DescribeStreamSummary's 20 a second take after a full bucket."""
    floor = (streams / (20 * factor)) - 1
    took = []
    for _ in range(runs):
        behave(rates=factor)
        seconds, cpu, memory, said = run(folder, "plan", "--api-rate", str(factor))
        assert "is as described.\n" in said, said[-500:]
        made, refused, _ = calls()
        took.append((seconds, cpu, memory, made / streams, refused))
    seconds, cpu, memory, each, refused = sorted(took)[len(took) // 2]
    print(f"no-op plan of {streams} streams at {factor} times AWS's rates: {seconds:.1f} s, {seconds / floor:.3f} of the floor of "
          f"{floor:.1f} s; {each:.2f} calls a stream, {refused} refused; {cpu:.1f} s CPU, {memory:.0f} MB")


def planned(folder, runs, *args):
    """Medians of a plan without changes: seconds by the clock and of the processor, megabytes."""
    took = []
    for _ in range(runs):
        behave()
        took.append(run(folder, "plan", *args))
        assert "is as described.\n" in took[-1][3], took[-1][3][-500:]
    return [statistics.median(one[at] for one in took) for at in range(3)]


def unlimited(folder, what, runs=5):
    seconds, cpu, memory = planned(folder, runs, "--api-rate", "1000000")
    made, _, counts = calls()
    print(f"plan of {what} without limits: {seconds:.2f} s, {cpu:.2f} s CPU, {memory:.0f} MB, {made} calls (median of {runs})")
    return counts


def creation(streams, creating_ms):
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "tidegate.yaml"), "w") as file:
        file.write(spec("fresh", streams, False))
    behave(rates=1, creating_ms=creating_ms)
    seconds, cpu, memory, _ = run(folder, "apply", "-y", "-q")
    made, refused, _ = calls()
    floor = streams / 5 * creating_ms / 1000
    print(f"creation of {streams} streams that take {creating_ms / 1000:.0f} s each, five at a time: {seconds:.0f} s, {seconds / floor:.2f} of the "
          f"limit's {floor:.0f} s; {cpu:.1f} s CPU, {made} calls, {refused} refused")


def tick(folder, streams, ticks):
    """A controller's ticks over all streams: the processor's seconds of the last ones, and what it holds in memory."""
    behave()
    took = {}
    for count in (1, ticks):
        cloud = os.path.join(folder, f"ledger-{count}")
        args = ["run", "--dry-run", "--ledger", cloud, "--learn", "0s", "--tick", "10s", "--ticks", str(count), "--api-rate", "1000000", "--json"]
        took[count] = run(folder, *args)
    each = (took[ticks][1] - took[1][1]) / (ticks - 1)
    print(f"tick over {streams} streams: {each:.2f} s CPU each (of {ticks} less the first), {took[ticks][2]:.0f} MB at most, start with its first "
          f"tick {took[1][1]:.1f} s CPU")


def begun(folder, streams):
    """A controller as users start it, within AWS's rates and with a fortnight to learn: until it is ready, until each stream has had its first
    decision on its own metrics, and what failed or was refused on the way."""
    behave(rates=1)
    args = ["run", "--dry-run", "--ledger", "none", "--listen", "127.0.0.1:0", "--json"]
    child = subprocess.Popen([binary, *args], cwd=folder, env={**ENV, "HOME": folder}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    begin = time.perf_counter()
    address = json.loads(child.stdout.readline())["listen"]
    threading.Thread(target=child.stdout.read, daemon=True).start()
    ready, known, ticks = None, 0, 0
    while ready is None:
        try:
            urllib.request.urlopen(f"http://{address}/readyz", timeout=10)
            ready = time.perf_counter() - begin
        except OSError:
            time.sleep(0.01)
    while known < streams:
        time.sleep(1)
        try:
            report = json.load(urllib.request.urlopen(f"http://{address}/api/report", timeout=10))
        except OSError:
            continue
        ticks = report["ticks"]["count"]
        decided = [stream for stream in report["streams"] if stream["last"] and stream["last"]["reason"] != "unreadable"]
        known = sum(stream["metrics_at"] is not None for stream in decided)
    seconds, failed = time.perf_counter() - begin, report["ticks"]["failed_reads"]
    learning = sum(stream["last"]["reason"] == "learning" for stream in report["streams"])
    child.send_signal(signal.SIGTERM)
    child.wait(timeout=30)
    print(f"first start over {streams} streams at AWS's rates, a fortnight to learn: ready in {ready:.1f} s, each decided on in {seconds:.0f} s ({ticks} ticks, "
          f"{learning} with their past still to be read), {failed} reads failed, {calls()[1]} calls refused")


def stopped(folder, streams):
    """Seconds from SIGTERM to the end, in the middle of a tick."""
    behave()
    took = []
    for at in (0.1, 0.4, 1.6):
        args = ["run", "--dry-run", "--ledger", "none", "--learn", "1d", "--tick", "10s", "--api-rate", "1000000", "--json"]
        child = subprocess.Popen([binary, *args], cwd=folder, env={**ENV, "HOME": folder}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        # From its first line on it listens to signals.
        child.stdout.readline()
        threading.Thread(target=child.stdout.read, daemon=True).start()
        time.sleep(at)
        begin = time.perf_counter()
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=30)
        assert child.returncode == 0, child.returncode
        took.append(time.perf_counter() - begin)
    print(f"SIGTERM in the middle of a tick over {streams} streams that learn a day: at most {max(took):.2f} s to the end (of {len(took)})")


def local(streams, runs):
    """A hundred streams are applied; the others are written into the embedded cloud's file, which an apply writes anew at each call."""
    folder = tempfile.mkdtemp()
    spec_file, cloud_file = [os.path.join(folder, name) for name in ("tidegate.yaml", "cloud.json")]
    made = min(streams, 100)
    with open(spec_file, "w") as file:
        file.write(spec("embedded", made, False))
    cloud = ["--cloud", "local:cloud.json"]
    run(folder, "apply", "-y", "-q", *cloud)
    with open(cloud_file) as file:
        state = json.load(file)
    region = state["regions"][REGION]
    first = json.dumps(region["items"]["stream"]["embedded-0"])
    for number in range(made, streams):
        region["items"]["stream"][f"embedded-{number}"] = json.loads(first.replace("embedded-0", f"embedded-{number}"))
    region["created"] = streams
    with open(cloud_file, "w") as file:
        json.dump(state, file)
    with open(spec_file, "w") as file:
        file.write(spec("embedded", streams, False))
    seconds, cpu, memory = planned(folder, runs, *cloud)
    print(f"| {streams:,} | {seconds:.2f} s | {cpu:.2f} s | {memory:.0f} MB |", flush=True)


def month(streams, days):
    """What the controller holds in memory after the first day and after the last, on the embedded cloud at full speed. The cloud keeps three
    days of metrics in the same process; so that they do not count as growth, they are there before the controller starts."""
    folder = tempfile.mkdtemp()
    with open(os.path.join(folder, "tidegate.yaml"), "w") as file:
        file.write(spec("month", streams, False))
    cloud = ["--cloud", "local:cloud.json"]
    run(folder, "apply", "-y", "-q", *cloud)
    play = ["run", "--json", "--speed", "max", "--traffic", "5", *cloud]
    run(folder, *play, "--for", "3d", "--ledger", "before")
    begin = time.perf_counter()
    args = [*play, "--for", f"{days}d"]
    child = subprocess.Popen([binary, *args], cwd=folder, env={**ENV, "HOME": folder}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    samples, first = {}, None
    for line in child.stdout:
        at = json.loads(line).get("at")
        if at is None:
            continue
        first = at if first is None else first
        with open(f"/proc/{child.pid}/status") as status:
            held = next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")), None)
        if held is not None:
            samples.setdefault((at - first) // 86_400, []).append(held)
    child.wait()
    # Of a day the median, and the most, which decides what a container is given: the start reads the cloud and the ledger, and the cloud's
    # file is written every second.
    held = {day: (statistics.median(of), max(of)) for day, of in samples.items()}
    last = max(held)
    print(f"{days} days of {streams} streams in {time.perf_counter() - begin:.0f} s: " +
          ", ".join(f"{held[day][0]:.1f} MB (at most {held[day][1]:.1f}) on day {day}" for day in sorted(held) if day in (0, 1, 2, 4, 8, 16, last)) +
          f"; {held[last][0] / held[1][0] - 1:+.1%} from the first whole day to the last")



if __name__ == "__main__":
    only = os.environ.get("FIGURES", "plan,begin,stop,whole,local,month,create,tick").split(",")
    if "plan" in only:
        plain = applied("plain", 1000, False)
        no_op(plain, 1000, 1)
        unlimited(plain, "1,000 streams")
    if "begin" in only:
        for streams in (300, 1000):
            begun(applied(f"begun{streams}", streams, False), streams)
    if "stop" in only:
        stopped(applied("stopping", 1000, False), 1000)
    if "whole" in only:
        whole = applied("whole", 1000, True)
        print(json.dumps(unlimited(whole, "1,000 streams with keys, roles and alarms")))
    if "local" in only:
        print("| streams on the embedded cloud | no-op plan | CPU | memory |\n|---|---|---|---|")
        for streams, runs in ((100, 5), (1000, 5), (10_000, 3)) if long else ((100, 5), (1000, 5)):
            local(streams, runs)
    if "month" in only:
        month(20, 30)
    if "create" in only:
        creation(200, 10_000)
    if long or "tick" in only or "rates" in only:
        many = applied("many", 10_000, False)
        if "rates" in only:
            no_op(many, 10_000, 1)
        if long:
            no_op(many, 10_000, 10)
            unlimited(many, "10,000 streams", 3)
        if long:
            begun(many, 10_000)
        if "tick" in only:
            tick(many, 10_000, 6)
    server.stdin.close()
