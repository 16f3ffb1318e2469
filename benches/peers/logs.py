"""What the peers have in common: which files, which columns, which rows make the report.

All peers answer the same questions, from the rows that matter and only the columns they need:
fates per recipient (the strongest terminal row wins), volumes by hour and direction, latency
percentiles, top senders, recipients and domains, failures by status code.
"""

import glob
import os
import sys

OWN_DOMAIN = "example.com"
TOP = 25
# Rows that open a message, and the terminal ones with the fate they mean; the strongest number wins.
OPENING = ["RECEIVE", "SUBMIT", "DSN"]
FATES = {"DELIVER": 4, "DUPLICATEDELIVER": 4, "SENDEXTERNAL": 3, "FAIL": 2, "DROP": 1, "SUPPRESSED": 1}
FATE_WORDS = {4: "delivered", 3: "transferred", 2: "failed", 1: "dropped"}
# Monitoring and the system's own mail, which waybill leaves out too.
NOISE = ["healthmailbox", "inboundproxy@", "systemmailbox{", "maildeliveryprobe@"]
HEADER_LINES = 5


def pattern(folder):
    return os.path.join(folder, "*", "MessageTracking", "*.LOG")


def files(folder):
    return sorted(glob.glob(pattern(folder)))


def columns(folder):
    """Column names by the first file's #Fields line."""
    with open(files(folder)[0], encoding="utf-8-sig") as log:
        for line in log:
            if line.startswith("#Fields: "):
                return line[len("#Fields: ") :].strip().split(",")
    raise SystemExit("no #Fields line")


def key(names):
    """The column by which rows of one message meet."""
    return "network-message-id" if "network-message-id" in names else "message-id"


def sends_outside_apart(names):
    """Exchange 2016 and later log SENDEXTERNAL; before, a SEND whose reply names no server of ours."""
    return "schema-version" in names


def folder():
    if len(sys.argv) != 2:
        raise SystemExit(f"usage: {sys.argv[0]} FOLDER")
    return sys.argv[1]
