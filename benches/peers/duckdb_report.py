"""The report with DuckDB: one pass over the CSV into the few columns that matter, then SQL."""

import duckdb

import logs
import sql

folder = logs.folder()
names = logs.columns(folder)
sent = logs.sends_outside_apart(names)
events = logs.OPENING + list(logs.FATES) + ([] if sent else ["SEND"])
typed = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
listed = ", ".join(f"'{event}'" for event in events)
noise = " AND ".join(f"NOT starts_with(lower(\"sender-address\"), '{n}')" for n in logs.NOISE)
outside = "TRUE" if sent else "(\"event-id\" <> 'SEND' OR NOT contains(\"source-context\", 'Hostname='))"
event = '"event-id"' if sent else "replace(\"event-id\", 'SEND', 'SENDEXTERNAL')"
ranks = " ".join(f"WHEN '{e}' THEN {n}" for e, n in logs.FATES.items())

db = duckdb.connect(config={"preserve_insertion_order": "false"})
db.execute(f"""
CREATE TEMP TABLE r AS
SELECT "{logs.key(names)}" AS k, epoch_ms(CAST(rtrim("date-time", 'Z') AS TIMESTAMP)) AS t, {event} AS e,
  lower("recipient-address") AS rc, CASE WHEN "event-id" = 'FAIL' THEN "recipient-status" END AS st,
  CAST("total-bytes" AS BIGINT) AS b, lower("sender-address") AS s
FROM read_csv('{logs.pattern(folder)}', columns = {{{typed}}}, auto_detect = false, header = false,
  skip = {logs.HEADER_LINES}, delim = ',', quote = '"', escape = '"', max_line_size = 16777216)
WHERE "event-id" IN ({listed}) AND {outside} AND "{logs.key(names)}" IS NOT NULL AND {noise}""")
db.execute(f"""
CREATE TEMP TABLE f AS
WITH message AS (
  SELECT k, min(t) AS first, max(b) AS bytes, any_value(s) AS s FROM r GROUP BY k),
terminal AS (
  SELECT k, unnest(string_split(rc, ';')) AS a, CASE e {ranks} END AS fate, t
  FROM r WHERE e IN ({", ".join(f"'{e}'" for e in logs.FATES)}))
SELECT k, a, max(fate) AS fate, arg_max(t, (fate, -t)) AS done, first, bytes, s
FROM terminal JOIN message USING (k) GROUP BY ALL""")

fates = db.execute(sql.FATES).fetchall()
db.execute(sql.VOLUME.replace("intdiv3600(first)", "first // 3600000")).fetchall()
db.execute(
    "SELECT quantile_disc(done - first, [0.5, 0.9, 0.95, 0.99]), max(done - first) FROM f WHERE fate >= 3 AND done >= first"
).fetchall()
for query in sql.tops(lambda c: f"split_part({c}, '@', 2)"):
    db.execute(query).fetchall()
db.execute(
    "SELECT regexp_extract(st, '[245]\\.[0-9]+\\.[0-9]+') AS code, count(*) FROM r "
    "WHERE e = 'FAIL' GROUP BY code ORDER BY 2 DESC"
).fetchall()
print({logs.FATE_WORDS[fate]: count for fate, count in fates})
