#!/usr/bin/env python3
"""The delivery report by waybill beside the same figures by DuckDB, Polars and ClickHouse.

usage: benches/peers/compare.py [FOLDER] [--runs N] [--columns 30|21]

Without FOLDER it simulates a gigabyte (8 servers, 2 Edge, one day) once. Makes itself a Python
environment with duckdb, polars and chdb the first time. Prints a Markdown table: CPU seconds (user and
system) and wall seconds, each the least of N runs, and the most anonymous memory.
"""

import argparse
import ast
import collections
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
WORK = pathlib.Path(tempfile.gettempdir()) / "waybill-peers"
PACKAGES = ["duckdb", "polars", "chdb"]


def environment():
    """A Python with the peers in it, and their versions; one that cannot be had is left out."""
    python = WORK / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", WORK / "venv"], check=True)
        for package in PACKAGES:
            if subprocess.run([python, "-m", "pip", "install", "-q", package]).returncode:
                print(f"note: {package} cannot be had here and is left out", file=sys.stderr)
    found = json.loads(subprocess.check_output([python, "-m", "pip", "list", "--format", "json"], text=True))
    return python, {p["name"].lower(): p["version"] for p in found}


def simulated(waybill, columns):
    folder = WORK / f"logs-{columns}"
    if not folder.exists():
        flags = ["--servers", "8", "--edges", "2", "--users", "5000", "--size", "1G", "--layout", columns]
        subprocess.run([waybill, "simulate", "--out", folder, *flags], check=True)
    return folder


def anonymous_mb(pid):
    """Memory that is the program's own; mapped files belong to the page cache."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0


def measure(command):
    """Wall and CPU seconds, most anonymous memory, and the last line of the answer."""
    with tempfile.TemporaryFile() as out:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.perf_counter()
        child = subprocess.Popen(list(map(str, command)), stdout=out)
        most = 0
        while child.poll() is None:
            most = max(most, anonymous_mb(child.pid))
            time.sleep(0.01)
        wall = time.perf_counter() - begun
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if child.returncode not in (0, 3):
            raise SystemExit(f"{command[0]} ended with {child.returncode}")
        out.seek(0)
        answer = out.read().decode()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, most, answer


def fates(answer):
    """Counts of the four ends, from waybill's JSON or a peer's last line."""
    if answer.lstrip().startswith('{"') or answer.lstrip().startswith("{\n"):
        counts = json.loads(answer)["totals"]["recipients"]
    else:
        counts = ast.literal_eval(answer.strip().splitlines()[-1])
    return {word: counts.get(word, 0) for word in ("delivered", "transferred", "failed", "dropped")}


def wanted(truth):
    """A message near the middle of the day, and somebody who wrote about twenty."""
    messages = [json.loads(line) for line in truth.read_text().splitlines()]
    sent = collections.Counter(message["sender"] for message in messages if message["class"] == "mail")
    sender = min(sorted(sent), key=lambda sender: abs(sent[sender] - 20))
    return messages[len(messages) // 2]["message_id"], sender


def searches(folder, logs, waybill):
    """What asks for one message or person, each beside ripgrep looking for the same text."""
    message_id, sender = wanted(folder / "truth.jsonl")
    yield "waybill trace --message-id", [waybill, "trace", "-q", "--message-id", message_id, folder], False
    yield "`rg -F` of the id", ["rg", "-F", message_id, *logs], False
    yield "waybill find --sender", [waybill, "find", "-q", "--sender", sender, folder], False
    yield "`rg -i -F` of the sender", ["rg", "-i", "-F", sender, *logs], False


def contestants(folder, logs, waybill, python, versions):
    report = [waybill, "report", "-q", "--format", "json", folder, "--threads"]
    yield "waybill report, 2 threads", [*report, "2"], True
    yield "waybill report, 1 thread", [*report, "1"], True
    for name, package, script in (
        ("DuckDB", "duckdb", "duckdb_report.py"),
        ("Polars", "polars", "polars_report.py"),
        ("ClickHouse (chdb)", "chdb-core", "clickhouse_report.py"),
    ):
        if package in versions:
            yield f"{name} {versions[package]}", [python, HERE / script, folder], True
    yield "`wc -l`", ["wc", "-l", *logs], False
    if shutil.which("rg"):
        version = subprocess.check_output(["rg", "--version"], text=True).split()[1]
        yield f"`rg -c DELIVER` {version}", ["rg", "-c", "DELIVER", *logs], False
        if (folder / "truth.jsonl").exists():
            yield from searches(folder, logs, waybill)


def machine():
    model = platform.processor() or platform.machine()
    try:
        model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    except (OSError, TypeError):
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.release()}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--columns", choices=["21", "30"], default="30")
    flags = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    waybill = target / "release" / "waybill"
    python, versions = environment()
    folder = flags.folder or simulated(waybill, flags.columns)
    logs = sorted(folder.glob("*/MessageTracking/*.LOG"))
    for log in logs:
        log.read_bytes()  # into the page cache
    size = sum(log.stat().st_size for log in logs)
    rows, judge = [], None
    for name, command, counts in contestants(folder, logs, waybill, python, versions):
        runs = [measure(command) for _ in range(flags.runs)]
        wall, cpu, most = (pick(run[i] for run in runs) for i, pick in enumerate((min, min, max)))
        if counts:
            found = fates(runs[0][3])
            judge = judge or found
            if found != judge:
                print(f"note: {name} counts {found}, waybill {judge}", file=sys.stderr)
        rows.append((name, cpu, wall, most))
        print(f"{name}: {cpu:.2f} s CPU, {wall:.2f} s wall", file=sys.stderr)
    ours_cpu, ours_wall = rows[0][1], rows[0][2]
    columns = (logs[0].read_bytes()[:4000].split(b"#Fields: ")[1].split(b"\n")[0]).count(b",") + 1
    print(f"{size / 1e9:.2f} GB in {len(logs)} files of {columns} columns; {machine()};")
    print(f"least of {flags.runs} runs, files in the page cache, load {os.getloadavg()[0]:.0f} at the end.\n")
    print("| | CPU s | wall s | GB per CPU s | CPU, times waybill | wall, times waybill | own memory |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, cpu, wall, most in rows:
        print(
            f"| {name} | {cpu:.2f} | {wall:.2f} | {size / 1e9 / max(cpu, 0.01):.2f} | {cpu / ours_cpu:.1f} "
            f"| {wall / ours_wall:.1f} | {most:.0f} MB |"
        )


if __name__ == "__main__":
    main()
