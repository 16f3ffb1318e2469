"""The report in SQL that DuckDB and ClickHouse share, over a table `r` and, made from it, `f`.

`r`: one row per logged row that matters: k (message), t (ms), e (event), rc (recipients, `;` list), st (status),
b (bytes), s (sender). `f`: one row per message and recipient: k, a, fate, done, first, bytes, s.
"""

from logs import OWN_DOMAIN, TOP

FATES = "SELECT fate, count(*) FROM f GROUP BY fate ORDER BY fate DESC"

VOLUME = f"""
SELECT hour, direction, count(DISTINCT k), count(*), sum(b) FROM (
  SELECT k, hour, direction, CASE WHEN row_number() OVER (PARTITION BY k, direction) = 1 THEN bytes ELSE 0 END AS b
  FROM (
    SELECT k, bytes, intdiv3600(first) AS hour,
      CASE WHEN s LIKE '%@{OWN_DOMAIN}' THEN CASE WHEN a LIKE '%@{OWN_DOMAIN}' THEN 'internal' ELSE 'outbound' END
           ELSE CASE WHEN a LIKE '%@{OWN_DOMAIN}' THEN 'inbound' ELSE 'relayed' END END AS direction
    FROM f) AS d) AS v
GROUP BY hour, direction ORDER BY hour, direction"""


def top(what, where=""):
    return (
        f"SELECT {what} AS w, count(DISTINCT k) AS m, count(*) AS n, sum(bytes) FROM f {where} "
        f"GROUP BY w ORDER BY m DESC, w LIMIT {TOP}"
    )


def tops(domain):
    return [top("s"), top("a"), top(domain("s")), top(domain("a"))]
