"""The report with Polars: a lazy scan of the few columns that matter, streamed, then group-bys."""

import polars as pl

import logs

folder = logs.folder()
names = logs.columns(folder)
sent = logs.sends_outside_apart(names)
events = logs.OPENING + list(logs.FATES) + ([] if sent else ["SEND"])
event = pl.col("event-id")
sender = pl.col("sender-address").str.to_lowercase()
scan = pl.scan_csv(
    logs.files(folder),
    has_header=False,
    skip_lines=logs.HEADER_LINES,
    schema={name: pl.String for name in names},
    quote_char='"',
)
scan = scan.filter(event.is_in(events), pl.col(logs.key(names)).is_not_null())
for noise in logs.NOISE:
    scan = scan.filter(~sender.str.starts_with(noise).fill_null(False))
if not sent:
    ours = pl.col("source-context").str.contains("Hostname=", literal=True)
    scan = scan.filter((event != "SEND") | ~ours.fill_null(False))
    event = event.replace("SEND", "SENDEXTERNAL")
r = scan.select(
    k=pl.col(logs.key(names)),
    t=pl.col("date-time").str.strptime(pl.Datetime("ms"), "%Y-%m-%dT%H:%M:%S%.3fZ").dt.timestamp("ms"),
    e=event.cast(pl.Categorical),
    rc=pl.col("recipient-address").str.to_lowercase(),
    st=pl.when(pl.col("event-id") == "FAIL").then(pl.col("recipient-status")),
    b=pl.col("total-bytes").cast(pl.Int64, strict=False),
    s=sender,
).collect(engine="streaming")

ranks = pl.col("e").cast(pl.String).replace_strict(logs.FATES, default=None, return_dtype=pl.Int8)
message = r.lazy().group_by("k").agg(first=pl.col("t").min(), bytes=pl.col("b").max(), s=pl.col("s").drop_nulls().first())
terminal = (
    r.lazy()
    .select("k", "t", a=pl.col("rc").str.split(";"), fate=ranks)
    .filter(pl.col("fate").is_not_null())
    .explode("a")
    .group_by("k", "a")
    .agg(fate=pl.col("fate").max(), at=pl.col("t").filter(pl.col("fate") == pl.col("fate").max()).min())
)
f = terminal.join(message, on="k").collect(engine="streaming")

own = f"@{logs.OWN_DOMAIN}"
from_us, to_us = pl.col("s").str.ends_with(own).fill_null(False), pl.col("a").str.ends_with(own)
direction = (
    pl.when(from_us & to_us).then(pl.lit("internal")).when(from_us).then(pl.lit("outbound"))
    .when(to_us).then(pl.lit("inbound")).otherwise(pl.lit("relayed"))
)
latency = (pl.col("at") - pl.col("first")).filter((pl.col("fate") >= 3) & (pl.col("at") >= pl.col("first")))


def top(what):
    count = [pl.col("k").n_unique().alias("m"), pl.len().alias("n"), pl.col("bytes").sum()]
    return f.lazy().group_by(w=what).agg(count).sort(["m", "w"], descending=[True, False]).head(logs.TOP)


def domain(column):
    return pl.col(column).str.split("@").list.get(1, null_on_oob=True)


volume = (
    f.lazy()
    .group_by("k", hour=pl.col("first") // 3_600_000, direction=direction)
    .agg(n=pl.len(), bytes=pl.col("bytes").first())
    .group_by("hour", "direction")
    .agg(messages=pl.len(), recipients=pl.col("n").sum(), bytes=pl.col("bytes").sum())
    .sort("hour", "direction")
)
codes = (
    r.lazy().filter(pl.col("e") == "FAIL")
    .group_by(code=pl.col("st").str.extract(r"([245]\.[0-9]+\.[0-9]+)")).agg(n=pl.len()).sort("n", descending=True)
)
percentiles = f.lazy().select(
    *[latency.quantile(q, "nearest").alias(f"p{q}") for q in (0.5, 0.9, 0.95, 0.99)], latency.max().alias("max")
)
fates = f.lazy().group_by("fate").agg(n=pl.len()).sort("fate", descending=True)
answers = pl.collect_all(
    [fates, volume, percentiles, top(pl.col("s")), top(pl.col("a")), top(domain("s")), top(domain("a")), codes]
)
print({logs.FATE_WORDS[fate]: count for fate, count in answers[0].iter_rows()})
