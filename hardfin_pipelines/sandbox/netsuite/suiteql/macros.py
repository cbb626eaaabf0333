"""SQL that the translated functions stand on, made once in each account's database."""

MACROS = (
    (
        "ns_number(v) AS CASE WHEN contains(CAST(v AS VARCHAR), '.') "
        "THEN rtrim(rtrim(CAST(v AS VARCHAR), '0'), '.') ELSE CAST(v AS VARCHAR) END"
    ),
    "ns_float(v) AS ns_number(printf('%.12f', v))",
    "ns_bare(v) AS regexp_replace(v, '^(-?)0\\.', '\\1.')",
    "ns_minutes(ts) AS date_diff('minute', timezone('UTC', CAST(ts AS TIMESTAMPTZ)), CAST(ts AS TIMESTAMP))",
    (
        "ns_tzh(ts) AS CASE WHEN ns_minutes(ts) < 0 THEN '-' ELSE '+' END "
        "|| lpad(CAST(abs(ns_minutes(ts)) // 60 AS VARCHAR), 2, '0')"
    ),
    "ns_tzm(ts) AS lpad(CAST(abs(ns_minutes(ts)) % 60 AS VARCHAR), 2, '0')",
    "ns_days(ts, n) AS ts + to_microseconds(CAST(round(n * 86400000000.0) AS BIGINT))",
    "ns_between(a, b) AS (epoch_us(CAST(a AS TIMESTAMP)) - epoch_us(CAST(b AS TIMESTAMP))) / 86400000000.0",
    "ns_joined(a, b) AS nullif(concat(a, b), '')",
    "ns_position(s, part) AS strpos(s, part)",
    "ns_part(s, start, n) AS nullif(substr(s, CASE WHEN start = 0 THEN 1 ELSE start END, n), '')",
    "ns_rest(s, start) AS nullif(substr(s, CASE WHEN start = 0 THEN 1 ELSE start END), '')",
    "ns_padded_left(s, n, fill) AS lpad(CAST(s AS VARCHAR), CAST(n AS INTEGER), fill)",
    "ns_padded_right(s, n, fill) AS rpad(CAST(s AS VARCHAR), CAST(n AS INTEGER), fill)",
)
