#!/usr/bin/env python3
"""CPU time of waybill, pflogsumm and eximstats over the same Postfix and Exim logs.

In: the logs that `WAYBILL_BENCH_LOGS=FOLDER cargo bench --bench foreign` writes, or any others. Out: a line per program:
megabytes, CPU seconds, megabytes per CPU second. pflogsumm and eximstats are Debian packages (pflogsumm, exim4-base).

    foreign.py WAYBILL FOLDER
"""
import os
import resource
import shutil
import subprocess
import sys


def cpu(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    waybill, folder = sys.argv[1:3]
    peers = {"postfix": ["pflogsumm"], "exim": ["eximstats"]}
    for name, peer in peers.items():
        log = os.path.join(folder, name + ".log")
        megabytes = os.path.getsize(log) / 1e6
        commands = [[waybill, "report", "--quiet", "--threads", "1", log], peer + [log]]
        for command in commands:
            if shutil.which(command[0]) is None:
                print(f"{name:8} {os.path.basename(command[0]):10} is not installed")
                continue
            seconds = min(cpu(command) for _ in range(3))
            rate = megabytes / seconds
            print(f"{name:8} {os.path.basename(command[0]):10} {megabytes:7.1f} MB {seconds:7.2f} s {rate:7.1f} MB/s")


main()
