"""GoogleSQL on the embedded warehouse: the values that BigQuery returns, written by hand."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from datoria_dagster.warehouse.local import LocalWarehouse
from datoria_dagster.warehouse.port import NotFound, NotSupportedLocally, Ref, Refused

# ruff: noqa: E501, DTZ001
# One case a line, however long; DATETIME has no time zone.
VALUES = [
    ("EXTRACT(DAYOFWEEK FROM DATE '2013-01-06')", 1),
    ("EXTRACT(DAYOFWEEK FROM DATE '2013-01-05')", 7),
    ("EXTRACT(WEEK FROM DATE '2013-01-06')", 1),
    ("EXTRACT(WEEK FROM DATE '2013-01-05')", 0),
    ("EXTRACT(ISOWEEK FROM DATE '2013-01-06')", 1),
    ("EXTRACT(WEEK(MONDAY) FROM DATE '2013-01-07')", 1),
    ("EXTRACT(DAYOFYEAR FROM DATE '2013-02-01')", 32),
    ("EXTRACT(QUARTER FROM DATE '2013-05-01')", 2),
    ("EXTRACT(ISOYEAR FROM DATE '2012-12-31')", 2013),
    ("EXTRACT(HOUR FROM TIMESTAMP '2013-01-01 05:06:07+00')", 5),
    ("EXTRACT(HOUR FROM TIMESTAMP '2013-01-01 05:06:07+00' AT TIME ZONE 'America/New_York')", 0),
    ("EXTRACT(MILLISECOND FROM DATETIME '2013-01-01 05:06:07.123')", 123),
    ("EXTRACT(SECOND FROM DATETIME '2013-01-01 05:06:07.123')", 7),
    ("EXTRACT(DATE FROM TIMESTAMP '2013-01-01 05:06:07+00')", date(2013, 1, 1)),
    ("EXTRACT(TIME FROM DATETIME '2013-01-01 05:06:07')", time(5, 6, 7)),
    ("DIV(7, 2)", 3),
    ("DIV(-7, 2)", -3),
    ("7 / 2", 3.5),
    ("MOD(-7, 3)", -1),
    ("SAFE_DIVIDE(1, 0)", None),
    ("SAFE_DIVIDE(7, 2)", 3.5),
    ("ROUND(2.5)", 3.0),
    ("ROUND(-2.5)", -3.0),
    ("ROUND(1.2345, 2)", 1.23),
    ("TRUNC(-1.7)", -1.0),
    ("CEIL(1.2)", 2.0),
    ("FLOOR(-1.2)", -2.0),
    ("CAST(2.5 AS INT64)", 3),
    ("CAST(-2.5 AS INT64)", -3),
    ("CAST('12' AS INT64)", 12),
    ("SAFE_CAST('x' AS INT64)", None),
    ("CAST(1.5 AS STRING)", "1.5"),
    ("CAST(1.0 AS STRING)", "1"),
    ("CAST(NUMERIC '1.50' AS STRING)", "1.5"),
    ("CAST(TRUE AS STRING)", "true"),
    ("CAST(b'ab' AS STRING)", "ab"),
    ("CAST('ab' AS BYTES)", b"ab"),
    ("CAST(DATE '2013-01-02' AS STRING)", "2013-01-02"),
    ("CAST(TIMESTAMP '2013-01-02 03:04:05+00' AS STRING)", "2013-01-02 03:04:05+00"),
    ("CAST(DATETIME '2013-01-02 03:04:05' AS STRING)", "2013-01-02 03:04:05"),
    ("CAST(1 AS NUMERIC) / 3", Decimal("0.333333333")),
    ("CAST('1.123456789' AS NUMERIC)", Decimal("1.123456789")),
    ("NUMERIC '1.5' * 2", Decimal(3)),
    ("CAST('0.12' AS BIGNUMERIC)", Decimal("0.12")),
    ("1.5", 1.5),
    ("0.1 + 0.2", 0.30000000000000004),
    ("1e3", 1000.0),
    ("0x1F", 31),
    ("2147483647 + 1", 2147483648),
    ("9223372036854775807", 9223372036854775807),
    ("60*60*24*365*100", 3153600000),
    ("-5", -5),
    ("DATE_DIFF(DATE '2013-03-01', DATE '2013-02-27', DAY)", 2),
    ("DATE_DIFF(DATE '2013-03-01', DATE '2013-01-31', MONTH)", 2),
    ("DATE_DIFF(DATE '2013-01-06', DATE '2013-01-05', WEEK)", 1),
    ("DATE_DIFF(DATE '2013-01-07', DATE '2013-01-06', WEEK)", 0),
    ("DATE_DIFF(DATE '2013-01-07', DATE '2013-01-06', ISOWEEK)", 1),
    ("DATE_DIFF(DATE '2014-01-01', DATE '2013-12-31', YEAR)", 1),
    (
        "TIMESTAMP_DIFF(TIMESTAMP '2013-01-01 02:00:00+00', TIMESTAMP '2013-01-01 00:30:00+00', HOUR)",
        1,
    ),
    (
        "TIMESTAMP_DIFF(TIMESTAMP '2013-01-01 02:00:00+00', TIMESTAMP '2013-01-01 00:30:00+00', MINUTE)",
        90,
    ),
    (
        "TIMESTAMP_DIFF(TIMESTAMP '2013-01-01 00:30:00+00', TIMESTAMP '2013-01-01 02:00:00+00', HOUR)",
        -1,
    ),
    ("DATETIME_DIFF(DATETIME '2013-01-01 02:00:00', DATETIME '2013-01-01 00:30:00', HOUR)", 2),
    ("DATETIME_DIFF(DATETIME '2013-01-02 02:00:00', DATETIME '2013-01-01 23:30:00', DAY)", 1),
    ("TIME_DIFF(TIME '12:00:00', TIME '11:30:00', MINUTE)", 30),
    ("DATE_ADD(DATE '2013-01-31', INTERVAL 1 MONTH)", date(2013, 2, 28)),
    ("DATE_SUB(DATE '2013-03-01', INTERVAL 1 DAY)", date(2013, 2, 28)),
    ("DATE '2013-01-01' + 1", date(2013, 1, 2)),
    ("DATE_ADD(DATE '2013-01-01', INTERVAL 1 WEEK)", date(2013, 1, 8)),
    ("DATE_ADD(DATE '2013-01-01', INTERVAL 1 QUARTER)", date(2013, 4, 1)),
    (
        "TIMESTAMP_ADD(TIMESTAMP '2013-01-01 00:00:00+00', INTERVAL 90 MINUTE)",
        datetime(2013, 1, 1, 1, 30, tzinfo=UTC),
    ),
    (
        "TIMESTAMP_SUB(TIMESTAMP '2013-01-01 00:00:00+00', INTERVAL 1 DAY)",
        datetime(2012, 12, 31, 0, 0, tzinfo=UTC),
    ),
    ("DATETIME_ADD(DATETIME '2013-01-31 00:00:00', INTERVAL 1 MONTH)", datetime(2013, 2, 28, 0, 0)),
    ("DATETIME_SUB(DATETIME '2013-01-31 00:00:00', INTERVAL 1 HOUR)", datetime(2013, 1, 30, 23, 0)),
    ("TIME_ADD(TIME '23:30:00', INTERVAL 60 MINUTE)", time(0, 30)),
    (
        "TIMESTAMP '2013-01-01 00:00:00+00' + INTERVAL 1 HOUR",
        datetime(2013, 1, 1, 1, 0, tzinfo=UTC),
    ),
    ("DATE_TRUNC(DATE '2013-02-14', MONTH)", date(2013, 2, 1)),
    ("DATE_TRUNC(DATE '2013-01-09', WEEK)", date(2013, 1, 6)),
    ("DATE_TRUNC(DATE '2013-01-09', ISOWEEK)", date(2013, 1, 7)),
    ("DATE_TRUNC(DATE '2013-01-09', WEEK(MONDAY))", date(2013, 1, 7)),
    ("DATE_TRUNC(DATE '2013-01-09', WEEK(WEDNESDAY))", date(2013, 1, 9)),
    ("DATE_TRUNC(DATE '2013-08-09', QUARTER)", date(2013, 7, 1)),
    ("DATE_TRUNC(DATE '2013-08-09', YEAR)", date(2013, 1, 1)),
    (
        "TIMESTAMP_TRUNC(TIMESTAMP '2013-02-14 05:06:07+00', HOUR)",
        datetime(2013, 2, 14, 5, 0, tzinfo=UTC),
    ),
    (
        "TIMESTAMP_TRUNC(TIMESTAMP '2013-02-14 05:06:07+00', DAY)",
        datetime(2013, 2, 14, 0, 0, tzinfo=UTC),
    ),
    (
        "TIMESTAMP_TRUNC(TIMESTAMP '2013-01-09 05:06:07+00', WEEK)",
        datetime(2013, 1, 6, 0, 0, tzinfo=UTC),
    ),
    (
        "TIMESTAMP_TRUNC(TIMESTAMP '2013-02-14 02:06:07+00', DAY, 'America/New_York')",
        datetime(2013, 2, 13, 5, 0, tzinfo=UTC),
    ),
    ("DATETIME_TRUNC(DATETIME '2013-02-14 05:06:07', HOUR)", datetime(2013, 2, 14, 5, 0)),
    ("TIME_TRUNC(TIME '05:06:07', HOUR)", time(5, 0)),
    ("LAST_DAY(DATE '2013-02-05')", date(2013, 2, 28)),
    ("LAST_DAY(DATE '2013-02-05', YEAR)", date(2013, 12, 31)),
    ("FORMAT_DATE('%Y-%m', DATE '2013-02-05')", "2013-02"),
    ("FORMAT_DATE('%A %d %B %Y', DATE '2013-02-05')", "Tuesday 05 February 2013"),
    ("FORMAT_DATE('%e', DATE '2013-02-05')", " 5"),
    ("FORMAT_DATE('%F', DATE '2013-02-05')", "2013-02-05"),
    ("FORMAT_DATE('%Y%m%d', DATE '2013-02-05')", "20130205"),
    ("FORMAT_DATE('%Q', DATE '2013-05-05')", "2"),
    ("FORMAT_DATE('%b %y', DATE '2013-05-05')", "May 13"),
    ("FORMAT_DATE('%G-W%V', DATE '2012-12-31')", "2013-W01"),
    ("FORMAT_DATE('%j', DATE '2013-02-05')", "036"),
    (
        "FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%S', TIMESTAMP '2013-02-05 06:07:08+00')",
        "2013-02-05 06:07:08",
    ),
    ("FORMAT_TIMESTAMP('%H:%M', TIMESTAMP '2013-02-05 06:07:08+00', 'America/New_York')", "01:07"),
    ("FORMAT_TIMESTAMP('%FT%TZ', TIMESTAMP '2013-02-05 06:07:08+00')", "2013-02-05T06:07:08Z"),
    ("FORMAT_TIMESTAMP('%E3S', TIMESTAMP '2013-02-05 06:07:08.123+00')", "08.123"),
    ("FORMAT_DATETIME('%H', DATETIME '2013-02-05 06:07:08')", "06"),
    ("PARSE_DATE('%Y%m%d', '20130205')", date(2013, 2, 5)),
    ("PARSE_DATE('%d/%m/%Y', '05/02/2013')", date(2013, 2, 5)),
    ("PARSE_DATE('%F', '2013-02-05')", date(2013, 2, 5)),
    (
        "PARSE_TIMESTAMP('%Y-%m-%d %H:%M:%S', '2013-02-05 06:07:08')",
        datetime(2013, 2, 5, 6, 7, 8, tzinfo=UTC),
    ),
    ("PARSE_DATETIME('%Y-%m-%d %H:%M:%S', '2013-02-05 06:07:08')", datetime(2013, 2, 5, 6, 7, 8)),
    ("PARSE_TIME('%H:%M', '06:07')", time(6, 7)),
    ("PARSE_DATE('%Y-%m', '2013-02')", date(2013, 2, 1)),
    ("DATE(2013, 2, 5)", date(2013, 2, 5)),
    ("DATE(TIMESTAMP '2013-02-05 02:00:00+00')", date(2013, 2, 5)),
    ("DATE(TIMESTAMP '2013-02-05 02:00:00+00', 'America/New_York')", date(2013, 2, 4)),
    ("DATE(DATETIME '2013-02-05 02:00:00')", date(2013, 2, 5)),
    ("TIMESTAMP(DATE '2013-02-05')", datetime(2013, 2, 5, 0, 0, tzinfo=UTC)),
    ("TIMESTAMP(DATETIME '2013-02-05 01:00:00')", datetime(2013, 2, 5, 1, 0, tzinfo=UTC)),
    ("TIMESTAMP('2013-02-05 01:00:00')", datetime(2013, 2, 5, 1, 0, tzinfo=UTC)),
    (
        "TIMESTAMP(DATETIME '2013-02-05 01:00:00', 'America/New_York')",
        datetime(2013, 2, 5, 6, 0, tzinfo=UTC),
    ),
    ("DATETIME(TIMESTAMP '2013-02-05 01:00:00+00')", datetime(2013, 2, 5, 1, 0)),
    (
        "DATETIME(TIMESTAMP '2013-02-05 01:00:00+00', 'America/New_York')",
        datetime(2013, 2, 4, 20, 0),
    ),
    ("DATETIME(2013, 2, 5, 1, 2, 3)", datetime(2013, 2, 5, 1, 2, 3)),
    ("DATETIME(DATE '2013-02-05', TIME '01:02:03')", datetime(2013, 2, 5, 1, 2, 3)),
    ("TIME(1, 2, 3)", time(1, 2, 3)),
    ("TIME(TIMESTAMP '2013-02-05 01:00:00+00')", time(1, 0)),
    ("UNIX_SECONDS(TIMESTAMP '2013-02-05 00:00:00+00')", 1360022400),
    ("UNIX_MILLIS(TIMESTAMP '2013-02-05 00:00:00+00')", 1360022400000),
    ("UNIX_MICROS(TIMESTAMP '2013-02-05 00:00:00+00')", 1360022400000000),
    ("TIMESTAMP_SECONDS(1360022400)", datetime(2013, 2, 5, 0, 0, tzinfo=UTC)),
    ("TIMESTAMP_MILLIS(1360022400000)", datetime(2013, 2, 5, 0, 0, tzinfo=UTC)),
    ("TIMESTAMP_MICROS(1360022400000000)", datetime(2013, 2, 5, 0, 0, tzinfo=UTC)),
    ("UNIX_DATE(DATE '1970-01-02')", 1),
    ("DATE_FROM_UNIX_DATE(1)", date(1970, 1, 2)),
    ("[1, 2, 3][OFFSET(0)]", 1),
    ("[1, 2, 3][ORDINAL(1)]", 1),
    ("[1, 2, 3][SAFE_OFFSET(9)]", None),
    ("[1, 2, 3][SAFE_ORDINAL(9)]", None),
    ("[1, 2, 3][1]", 2),
    ("ARRAY_LENGTH([1, 2, 3])", 3),
    ("ARRAY_LENGTH([])", 0),
    ("ARRAY_TO_STRING(['a', 'b', NULL], ',')", "a,b"),
    ("ARRAY_TO_STRING(['a', NULL], ',', 'x')", "a,x"),
    ("ARRAY_CONCAT([1], [2, 3])", [1, 2, 3]),
    ("ARRAY_REVERSE([1, 2])", [2, 1]),
    ("GENERATE_ARRAY(1, 5, 2)", [1, 3, 5]),
    ("GENERATE_ARRAY(3, 1, -1)", [3, 2, 1]),
    (
        "GENERATE_DATE_ARRAY('2013-01-01', '2013-01-03')",
        [date(2013, 1, 1), date(2013, 1, 2), date(2013, 1, 3)],
    ),
    (
        "GENERATE_DATE_ARRAY(DATE '2013-01-01', DATE '2013-03-01', INTERVAL 1 MONTH)",
        [date(2013, 1, 1), date(2013, 2, 1), date(2013, 3, 1)],
    ),
    ("ARRAY(SELECT x * 2 FROM UNNEST([1, 2]) AS x ORDER BY x DESC)", [4, 2]),
    ("2 IN UNNEST([1, 2])", True),
    ("(SELECT SUM(x) FROM UNNEST([1, 2, 3]) AS x)", 6),
    ("(SELECT MAX(o) FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS o)", 1),
    ("(SELECT STRING_AGG(x, '-' ORDER BY offset) FROM UNNEST(['a', 'b']) AS x WITH OFFSET)", "a-b"),
    ("ARRAY<STRING>[]", []),
    ("ARRAY<INT64>[1, 2]", [1, 2]),
    (
        "(SELECT ARRAY_AGG(x IGNORE NULLS ORDER BY x DESC LIMIT 2) FROM UNNEST([1, NULL, 3, 2]) AS x)",
        [3, 2],
    ),
    ("(SELECT ARRAY_AGG(x ORDER BY x) FROM UNNEST([3, 1]) AS x)", [1, 3]),
    ("(SELECT STRING_AGG(DISTINCT x, ',' ORDER BY x) FROM UNNEST(['b','a','b']) AS x)", "a,b"),
    ("ARRAY(SELECT AS STRUCT 1 AS a, 'x' AS b)", [{"a": 1, "b": "x"}]),
    ("EXISTS(SELECT 1 FROM UNNEST([1]) AS x WHERE x = 1)", True),
    ("STRUCT(1 AS a, 'x' AS b)", {"a": 1, "b": "x"}),
    ("STRUCT<a INT64, b STRING>(1, 'x')", {"a": 1, "b": "x"}),
    ("STRUCT(1 AS a).a", 1),
    ("(SELECT AS STRUCT 1 AS a)", {"a": 1}),
    ("(SELECT COUNTIF(x > 1) FROM UNNEST([1, 2, 3]) AS x)", 2),
    ("(SELECT COUNTIF(x > 1) FROM UNNEST([CAST(NULL AS INT64)]) AS x)", 0),
    ("(SELECT LOGICAL_OR(x > 2) FROM UNNEST([1, 2, 3]) AS x)", True),
    ("(SELECT LOGICAL_AND(x > 2) FROM UNNEST([1, 2, 3]) AS x)", False),
    ("(SELECT APPROX_COUNT_DISTINCT(x) FROM UNNEST([1, 2, 2]) AS x)", 2),
    ("(SELECT ANY_VALUE(x) FROM UNNEST([2]) AS x)", 2),
    ("(SELECT AVG(x) FROM UNNEST([1, 2]) AS x)", 1.5),
    ("(SELECT STDDEV(x) FROM UNNEST([1, 3]) AS x)", 1.4142135623730951),
    ("(SELECT COUNT(DISTINCT x) FROM UNNEST([1, 1, 2]) AS x)", 2),
    ("(SELECT MAX_BY(x, -x) FROM UNNEST([1, 2]) AS x)", 1),
    ("IF(TRUE, 1, 2)", 1),
    ("IFNULL(NULL, 3)", 3),
    ("NULLIF(1, 1)", None),
    ("COALESCE(NULL, 2)", 2),
    ("CASE 1 WHEN 1 THEN 'a' ELSE 'b' END", "a"),
    ("1 IS DISTINCT FROM NULL", True),
    ("GREATEST(1, 3, 2)", 3),
    ("GREATEST(1, NULL)", None),
    ("LEAST(2, 1)", 1),
    ("LEAST(2, NULL)", None),
    ("CONCAT('a', 'b')", "ab"),
    ("CONCAT('a', NULL)", None),
    ("'a' || 'b'", "ab"),
    ("SUBSTR('abc', 2)", "bc"),
    ("SUBSTR('abc', -2)", "bc"),
    ("SUBSTR('abc', 0, 2)", "ab"),
    ("LENGTH('æ')", 1),
    ("BYTE_LENGTH('æ')", 2),
    ("UPPER('a')", "A"),
    ("INITCAP('hello world')", "Hello World"),
    ("TRIM(' a ')", "a"),
    ("TRIM('xax', 'x')", "a"),
    ("LTRIM('xa', 'x')", "a"),
    ("REPLACE('aba', 'a', 'c')", "cbc"),
    ("SPLIT('a,b')", ["a", "b"]),
    ("SPLIT('a|b', '|')", ["a", "b"]),
    ("STRPOS('abc', 'c')", 3),
    ("INSTR('abcabc', 'b')", 2),
    ("STARTS_WITH('abc', 'a')", True),
    ("ENDS_WITH('abc', 'c')", True),
    ("CONTAINS_SUBSTR('Hello', 'ELL')", True),
    ("LPAD('7', 3, '0')", "007"),
    ("LPAD('7', 3)", "  7"),
    ("REPEAT('ab', 2)", "abab"),
    ("REVERSE('abc')", "cba"),
    ("LEFT('abc', 2)", "ab"),
    ("RIGHT('abc', 2)", "bc"),
    ("LOWER('A')", "a"),
    ("REGEXP_CONTAINS('a1', r'\\d')", True),
    ("REGEXP_EXTRACT('key=val', r'key=(\\w+)')", "val"),
    ("REGEXP_EXTRACT('abc', r'z')", None),
    ("REGEXP_EXTRACT('abc', r'b')", "b"),
    ("REGEXP_REPLACE('a1b2', r'\\d', '')", "ab"),
    ("REGEXP_REPLACE('ab', r'(a)(b)', r'\\2\\1')", "ba"),
    ("REGEXP_EXTRACT_ALL('a1b2', r'\\d')", ["1", "2"]),
    ("'abc' LIKE 'a%'", True),
    ("'A' LIKE 'a'", False),
    ("FORMAT('%d-%s', 1, 'a')", "1-a"),
    ("FORMAT('%05d', 42)", "00042"),
    ("FORMAT('%.2f', 1.5)", "1.50"),
    ("TO_HEX(b'\\xab')", "ab"),
    ("TO_BASE64(b'ab')", "YWI="),
    ("FROM_BASE64('YWI=')", b"ab"),
    ("MD5('a')", b"\x0c\xc1u\xb9\xc0\xf1\xb6\xa81\xc3\x99\xe2iw&a"),
    ("TO_HEX(SHA256('a'))", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"),
    ("JSON_VALUE('{\"a\": \"b\"}', '$.a')", "b"),
    ("JSON_EXTRACT_SCALAR('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
    ("JSON_VALUE(JSON '{\"a\": 1}', '$.a')", "1"),
    ("JSON_QUERY('{\"a\": {\"b\": 1}}', '$.a')", '{"b":1}'),
    ("TO_JSON_STRING(STRUCT(1 AS a))", '{"a":1}'),
    ("INT64(JSON '5')", 5),
    ("STRING(JSON '\"x\"')", "x"),
    ("JSON_EXTRACT_ARRAY('[1, 2]')", ["1", "2"]),
    ('JSON_VALUE_ARRAY(\'["a", "b"]\')', ["a", "b"]),
    ("'a\\'b\\\\c\\n\"'", "a'b\\c\n\""),
    ("r'a\\b'", "a\\b"),
    ("'''it's'''", "it's"),
    ('"it\'s"', "it's"),
    ("'\\u00e6'", "æ"),
    ("'%s {x} $1 --no'", "%s {x} $1 --no"),
    ("b'\\x00\\xff'", b"\x00\xff"),
    ("b'a\\'b'", b"a'b"),
    ("POW(2, 3)", 8.0),
    ("SQRT(4)", 2.0),
    ("ABS(-1)", 1),
    ("SIGN(-5)", -1),
    ("LN(1)", 0.0),
    ("LOG(8, 2)", 3.0),
    ("LOG10(100)", 2.0),
    ("EXP(0)", 1.0),
    ("IEEE_DIVIDE(1, 0)", float("inf")),
    ("SAFE_ADD(9223372036854775807, 1)", None),
    ("SAFE_MULTIPLY(2, 3)", 6),
    ("GREATEST(1.5, 2)", 2.0),
    ("1 << 3", 8),
    ("5 & 4", 4),
    ("5 ^ 1", 4),
    ("~0", -1),
    ("RANGE_BUCKET(20, [0, 10, 20, 30])", 3),
    ("CAST('[2013-01-31, UNBOUNDED)' AS RANGE<DATE>)", "[2013-01-31, UNBOUNDED)"),
    ("RANGE<DATE> '[unbounded,2013-01-31)'", "[UNBOUNDED, 2013-01-31)"),
    ("CAST(RANGE<DATE> '[2013-01-01, 2013-01-31)' AS RANGE<DATE>)", "[2013-01-01, 2013-01-31)"),
    ("SAFE_CAST('soon' AS RANGE<DATE>)", None),
    ("ST_GEOGFROMTEXT('POINT(1 2)')", "POINT(1 2)"),
    ("ST_GEOGFROMTEXT(CAST(NULL AS STRING))", None),
    ("TRUE AND NULL", None),
    ("NOT TRUE", False),
    ("1 BETWEEN 0 AND 2", True),
    ("'a' IN ('a', 'b')", True),
    ("NULL IS NULL", True),
    ("1 = 1.0", True),
    ("1 != 2", True),
    ("1 <> 2", True),
    ("INTERVAL 1 DAY = INTERVAL 24 HOUR", True),
    ("(SELECT x.a FROM UNNEST([STRUCT(1 AS a, 2 AS b)]) AS x)", 1),
    ("(SELECT a FROM UNNEST([STRUCT(1 AS a, 2 AS b)]))", 1),
    ("(SELECT a + b FROM UNNEST(ARRAY<STRUCT<a INT64, b INT64>>[(1, 2)]))", 3),
    ("SAFE.PARSE_DATE('%Y', 'x')", None),
    ("SAFE.SUBSTR('abc', 1, 1)", "a"),
    ("(SELECT ROW_NUMBER() OVER (ORDER BY x DESC) FROM UNNEST([1]) AS x)", 1),
    ("CURRENT_DATE() = DATE(CURRENT_TIMESTAMP())", True),
    ("EXTRACT(YEAR FROM CURRENT_DATETIME()) > 2000", True),
    ("LENGTH(GENERATE_UUID())", 36),
    ("RAND() < 1", True),
    ("SESSION_USER() IS NOT NULL", True),
    ("DATE '2013-1-5'", date(2013, 1, 5)),
    ("DATE '2013-02-05' > '2013-02-01'", True),
    ("TIMESTAMP '2013-02-05 01:00:00 America/New_York'", datetime(2013, 2, 5, 6, 0, tzinfo=UTC)),
    ("TIMESTAMP '2013-02-05T01:00:00Z'", datetime(2013, 2, 5, 1, 0, tzinfo=UTC)),
    ("CAST('2013-02-05' AS DATE)", date(2013, 2, 5)),
    ("CAST(TIMESTAMP '2013-02-05 01:00:00+00' AS DATE)", date(2013, 2, 5)),
    ("CAST(DATE '2013-02-05' AS TIMESTAMP)", datetime(2013, 2, 5, 0, 0, tzinfo=UTC)),
    ("CAST('2013-02-05 01:02:03' AS TIMESTAMP)", datetime(2013, 2, 5, 1, 2, 3, tzinfo=UTC)),
    ("CAST('1.5' AS FLOAT64)", 1.5),
    ("CAST(1 AS BOOL)", True),
    ("CAST('true' AS BOOL)", True),
    ("CAST(TRUE AS INT64)", 1),
    ("ARRAY_AGG(x)[OFFSET(0)] FROM UNNEST([1,2]) AS x", 1),
    ("COUNT(*) FROM (SELECT 1 UNION ALL SELECT 1)", 2),
    ("COUNT(*) FROM (SELECT 1 UNION DISTINCT SELECT 1)", 1),
    ("SUM(a) FROM UNNEST([1,2,3]) AS a WHERE a > 1", 5),
    (
        "x FROM (SELECT 1 AS x, 2 AS y) WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY x ORDER BY y) = 1",
        1,
    ),
    ("MAX(x) FROM (SELECT 1 AS x UNION ALL SELECT 2) GROUP BY ALL", 2),
]
DATASET = Ref("dataset", "acme.shop")
PRICES = Ref("table", "acme.shop.prices")


@pytest.fixture(scope="module")
def warehouse():
    found = LocalWarehouse(None)
    found.create(DATASET, {})
    fields = [
        {"name": "item", "type": "STRING"},
        {"name": "price", "type": "NUMERIC"},
        {"name": "big", "type": "BIGNUMERIC"},
        {"name": "sizes", "type": "INTEGER", "mode": "REPEATED"},
        {"name": "part", "type": "RECORD", "fields": [{"name": "no", "type": "INTEGER"}]},
    ]
    found.create(PRICES, {"schema": {"fields": fields}})
    rows = [
        {"item": "a", "price": "1.5", "big": "0.25", "sizes": [1, 2], "part": {"no": 7}},
        {"item": "b", "price": "2", "big": "1", "sizes": [], "part": None},
    ]
    found.append(PRICES, rows)
    yield found
    found.close()


def test_every_expression_has_bigquerys_value(warehouse):
    # One test for all: a process that runs them apart spends its time on pytest's bookkeeping.
    wrong = []
    for expression, expected in VALUES:
        value = warehouse.query(f"SELECT {expression}").rows[0][0]
        if value != expected or type(value) is not type(expected):
            wrong.append((expression, value, expected))
    assert wrong == []


FAILING = [
    ("1 / 0", Refused, "division by zero"),
    ("MOD(1, 0)", Refused, "division by zero"),
    ("[1][OFFSET(3)]", Refused, "out of bounds"),
    ("CAST('x' AS INT64)", Refused, "Bad value: a value is no INT64."),
    ("ERROR('on purpose')", Refused, "on purpose"),
    ("9223372036854775807 + 1", Refused, "Overflow"),
    ("FARM_FINGERPRINT('a')", NotSupportedLocally, "FARM_FINGERPRINT"),
    ("ST_GEOGPOINT(1, 2)", NotSupportedLocally, "ST_GEOGPOINT"),
    ("CAST(DATE '2013-02-05' AS STRING FORMAT 'YYYY')", NotSupportedLocally, "FORMAT"),
    ("FORMAT('%t', 1)", NotSupportedLocally, "FORMAT"),
    ("nope", Refused, "nope"),
    ("* FROM `acme.shop.nope`", NotFound, "Not found: Table acme:shop.nope"),
    ("* FROM `acme.nope.t`", NotFound, "Not found: Dataset acme:nope"),
    ("* FROM nope", Refused, "must be qualified"),
    ("* FROM `acme.shop.pri*`", NotSupportedLocally, "wildcard"),
    ("* FROM `acme.shop.INFORMATION_SCHEMA.TABLES`", NotSupportedLocally, "INFORMATION_SCHEMA"),
    (
        "* FROM `acme.shop.prices` FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()",
        NotSupportedLocally,
        "",
    ),
    ("'open", Refused, "Syntax error"),
    ("(1", Refused, "Syntax error"),
    ("FROM", Refused, "Syntax error"),
]


@pytest.mark.parametrize(("expression", "error", "message"), FAILING)
def test_what_fails_says_why(warehouse, expression, error, message):
    with pytest.raises(error) as caught:
        warehouse.query(f"SELECT {expression}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


QUERIES = [
    (
        "SELECT item, s FROM `acme.shop.prices` AS p, UNNEST(p.sizes) AS s ORDER BY s",
        [("a", 1), ("a", 2)],
    ),
    (
        "SELECT item, s FROM `acme.shop.prices` p, p.sizes AS s ORDER BY s DESC",
        [("a", 2), ("a", 1)],
    ),
    (
        (
            "SELECT item, s, o FROM `acme.shop.prices` LEFT JOIN UNNEST(sizes) AS s WITH OFFSET AS o "
            "ORDER BY item, o"
        ),
        [("a", 1, 0), ("a", 2, 1), ("b", None, None)],
    ),
    ("SELECT prices.part.no FROM `acme.shop.prices` ORDER BY 1", [(None,), (7,)]),
    (
        "SELECT * EXCEPT (price, big, sizes, part) FROM `acme.shop.prices` ORDER BY 1",
        [("a",), ("b",)],
    ),
    ("SELECT * REPLACE ('x' AS item) FROM (SELECT item FROM `acme.shop.prices` LIMIT 1)", [("x",)]),
    ("WITH prices AS (SELECT 1 AS n) SELECT n FROM prices", [(1,)]),
    (
        "WITH `acme` AS (SELECT item FROM `acme.shop.prices`) SELECT COUNT(*) FROM acme",
        [(2,)],
    ),
    (
        "SELECT a.item FROM acme.shop.prices a JOIN `acme`.shop.`prices` b USING (item) ORDER BY 1",
        [("a",), ("b",)],
    ),
    ("SELECT item FROM `acme.shop.prices` WHERE part IS NULL", [("b",)]),
    (
        "SELECT (SELECT SUM(s) FROM UNNEST(sizes) AS s) FROM `acme.shop.prices` ORDER BY item",
        [(3,), (None,)],
    ),
    ("SELECT 1 EXCEPT DISTINCT SELECT 2", [(1,)]),
    ("SELECT 1 INTERSECT DISTINCT SELECT 1", [(1,)]),
    ("SELECT x FROM UNNEST([2, NULL, 1]) AS x ORDER BY x", [(None,), (1,), (2,)]),
    ("SELECT x FROM UNNEST([2, NULL, 1]) AS x ORDER BY x DESC", [(2,), (1,), (None,)]),
    ("SELECT price * 2 AS d FROM `acme.shop.prices` ORDER BY 1", [(Decimal(3),), (Decimal(4),)]),
    ("SELECT SUM(price) FROM `acme.shop.prices`", [(Decimal("3.5"),)]),
    ("SELECT big FROM `acme.shop.prices` ORDER BY 1", [(Decimal("0.25"),), (Decimal(1),)]),
    (
        "SELECT x, LAG(x) OVER (ORDER BY x) FROM UNNEST(GENERATE_ARRAY(1, 2)) AS x ORDER BY x",
        [(1, None), (2, 1)],
    ),
    (
        "SELECT item FROM `acme.shop.prices` TABLESAMPLE SYSTEM (100 PERCENT) ORDER BY 1",
        [("a",), ("b",)],
    ),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_query_returns_bigquerys_rows(warehouse, query, expected):
    assert list(warehouse.query(query).rows) == expected


def test_columns_without_a_name_are_called_as_in_bigquery(warehouse):
    fields = warehouse.dry_run("SELECT 1, 'a' AS a, 2 + 3, item FROM `acme.shop.prices`").fields
    assert [field["name"] for field in fields] == ["f0_", "a", "f1_", "item"]


def test_views_and_functions_are_read_through_each_other(warehouse):
    twice = Ref("routine", "acme.shop.twice")
    four = Ref("routine", "acme.shop.four_times")
    lower, upper = Ref("table", "acme.shop.lower"), Ref("table", "acme.shop.upper")
    argument = {"name": "x", "dataType": {"typeKind": "INT64"}}
    common = {"routineType": "SCALAR_FUNCTION", "language": "SQL", "arguments": [argument]}
    common["returnType"] = {"typeKind": "FLOAT64"}
    body = "`acme.shop.twice`(CAST(`acme.shop.twice`(x) AS INT64))"
    warehouse.create(twice, {**common, "definitionBody": "x + X"})
    warehouse.create(four, {**common, "definitionBody": body})
    query = "SELECT x AS y, `acme.shop.four_times`(x + 1) AS z FROM UNNEST([1]) AS x"
    warehouse.create(lower, {"view": {"query": query, "useLegacySql": False}})
    query = "WITH lower AS (SELECT 5 AS five) SELECT y, z, five FROM `acme.shop.lower`, lower"
    warehouse.create(upper, {"view": {"query": query, "useLegacySql": False}})
    assert warehouse.query("SELECT * FROM `acme.shop.upper` AS u WHERE u.z = 8").rows == (
        (1, 8.0, 5),
    )
    with pytest.raises(Refused, match="takes 1, and was given 2"):
        warehouse.query("SELECT `acme.shop.twice`(1, 2)")
    warehouse.delete(twice, None)
    with pytest.raises(NotFound, match=r"Function not found: acme\.shop\.twice"):
        warehouse.query("SELECT * FROM `acme.shop.upper`")


def test_functions_and_views_in_a_circle_are_refused(warehouse):
    loop = Ref("table", "acme.shop.loop")
    first = {"view": {"query": "SELECT 1 AS a", "useLegacySql": False}}
    warehouse.create(loop, first)
    again = {"view": {"query": "SELECT a FROM `acme.shop.loop`", "useLegacySql": False}}
    with pytest.raises(Refused, match="circle"):
        warehouse.patch(loop, again, None)


@pytest.mark.parametrize(
    ("statement", "error", "message"),
    [
        ("UPDATE `acme.shop.prices` SET item = 'c' WHERE TRUE", NotSupportedLocally, "UPDATE"),
        ("CREATE MODEL `acme.shop.m` AS SELECT 1", NotSupportedLocally, "CREATE MODEL"),
        (
            "CREATE FUNCTION `acme.shop.j`() RETURNS INT64 LANGUAGE python AS 'x'",
            NotSupportedLocally,
            "PYTHON",
        ),
        (
            "ALTER TABLE `acme.shop.prices` ADD PRIMARY KEY (item)",
            Refused,
            "NOT ENFORCED",
        ),
        (
            "CREATE TABLE `acme.shop.x` (a INT64) OPTIONS (tags = [('a', 'b')])",
            NotSupportedLocally,
            "tags",
        ),
        ("ALTER TABLE `acme.shop.prices` DROP COLUMN `part.no`", Refused, "nested"),
        ("CREATE TABLE `acme.shop.x` (a INT64", Refused, "Syntax error"),
        ("CREATE TABLE x (a INT64)", Refused, "qualified"),
        ("", Refused, "empty"),
    ],
)
def test_a_statement_that_can_not_run_here_says_so(warehouse, statement, error, message):
    before = warehouse.list(DATASET.id)
    with pytest.raises(error) as caught:
        warehouse.execute(statement)
    assert message in str(caught.value)
    assert warehouse.list(DATASET.id) == before


def test_two_names_that_differ_only_in_case_are_not_possible_here(warehouse):
    with pytest.raises(NotSupportedLocally, match="nothing but case"):
        warehouse.create(Ref("table", "acme.shop.PRICES"), {"schema": {"fields": []}})
