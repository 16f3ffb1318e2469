"""The report with ClickHouse, embedded (chdb): one pass over the CSV into a table in memory, then SQL."""

from chdb import session

import logs
import sql

folder = logs.folder()
names = logs.columns(folder)
sent = logs.sends_outside_apart(names)
events = logs.OPENING + list(logs.FATES) + ([] if sent else ["SEND"])
structure = ", ".join(f"`{name}` String" for name in names)
listed = ", ".join(f"'{event}'" for event in events)
noise = " AND ".join(f"NOT startsWith(lower(`sender-address`), '{n}')" for n in logs.NOISE)
outside = "1" if sent else "(`event-id` <> 'SEND' OR position(`source-context`, 'Hostname=') = 0)"
event = "`event-id`" if sent else "replaceOne(`event-id`, 'SEND', 'SENDEXTERNAL')"
ranks = ", ".join(f"e = '{e}', {n}" for e, n in logs.FATES.items())

db = session.Session()
db.query("CREATE DATABASE w ENGINE = Atomic")
db.query("USE w")
db.query(f"""
CREATE TABLE r ENGINE = Memory AS
SELECT `{logs.key(names)}` AS k, toUnixTimestamp64Milli(parseDateTime64BestEffort(`date-time`, 3, 'UTC')) AS t,
  {event} AS e, lower(`recipient-address`) AS rc, if(`event-id` = 'FAIL', `recipient-status`, '') AS st,
  toUInt64OrZero(`total-bytes`) AS b, lower(`sender-address`) AS s
FROM file('{logs.pattern(folder)}', 'CSV', '{structure}')
WHERE `event-id` IN ({listed}) AND {outside} AND k <> '' AND {noise}
SETTINGS input_format_csv_skip_first_lines = {logs.HEADER_LINES}, input_format_null_as_default = 0""")
db.query(f"""
CREATE TABLE f ENGINE = Memory AS
SELECT k, a, fate, done, first, bytes, s FROM (
  SELECT k, arrayJoin(splitByChar(';', rc)) AS a, max(multiIf({ranks}, 0)) AS fate,
    argMax(t, (multiIf({ranks}, 0), -t)) AS done
  FROM r WHERE e IN ({", ".join(f"'{e}'" for e in logs.FATES)}) GROUP BY k, a) AS terminal
INNER JOIN (SELECT k, min(t) AS first, max(b) AS bytes, any(s) AS s FROM r GROUP BY k) AS message USING (k)""")


def rows(query):
    return [line.split("\t") for line in str(db.query(query, "TSV")).splitlines()]


fates = rows(sql.FATES)
rows(sql.VOLUME.replace("intdiv3600(first)", "intDiv(first, 3600000)"))
rows("SELECT quantilesExact(0.5, 0.9, 0.95, 0.99)(done - first), max(done - first) FROM f WHERE fate >= 3 AND done >= first")
for query in sql.tops(lambda c: f"splitByChar('@', {c})[2]"):
    rows(query)
rows(
    "SELECT extract(st, '[245]\\\\.[0-9]+\\\\.[0-9]+') AS code, count() AS n FROM r "
    "WHERE e = 'FAIL' GROUP BY code ORDER BY n DESC"
)
print({logs.FATE_WORDS[int(fate)]: int(count) for fate, count in fates})
