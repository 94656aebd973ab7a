"""How a table is cut into partitions, and one such partition.

Source: https://docs.cloud.google.com/bigquery/docs/partitioned-tables
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import total_ordering
from typing import Literal, Self

from pydantic import model_validator

from datoria_dagster.model.base import DeclarationError, Model

# BigQuery has no partitions by week. A job may run by week all the same: it fills the partition of
# the Monday of a table that is partitioned by day.
Granularity = Literal["HOUR", "DAY", "WEEK", "MONTH", "YEAR", "RANGE"]
Start = date | int
FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "WEEK": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_EXAMPLES = {
    "HOUR": "2013013105",
    "DAY": "20130131",
    "WEEK": "20130128",
    "MONTH": "201301",
    "YEAR": "2013",
}
MAX_RANGES = 10_000


@total_ordering
class Partition:
    """One partition: its granularity and where it starts (UTC for hours, a number for ranges)."""

    __slots__ = ("granularity", "start")

    def __init__(self, granularity: Granularity, start: Start) -> None:
        self.granularity: Granularity = granularity
        self.start: Start = start

    @property
    def id(self) -> str:
        """BigQuery's partition id, as after the `$`: `20130131`, `2013013105`, `201301`, `40`."""
        if isinstance(self.start, int):
            return str(self.start)
        return self.start.strftime(FORMATS[self.granularity])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Partition) and (self.granularity, self.start) == (
            other.granularity,
            other.start,
        )

    def __lt__(self, other: "Partition") -> bool:
        return self.start < other.start  # pyright: ignore[reportOperatorIssue]

    def __hash__(self) -> int:
        return hash((self.granularity, self.start))

    def __repr__(self) -> str:
        return f"Partition({self.id})"


def hour(year: int, month: int, day: int, hour: int) -> Partition:
    """The partition of one hour, UTC."""
    return _moment("HOUR", year, month, day, hour)


def day(year: int, month: int, day: int) -> Partition:
    """The partition of one day."""
    return _moment("DAY", year, month, day)


def week(year: int, month: int, day: int) -> Partition:
    """The week from a Monday to the Sunday after it; its id is that of the Monday."""
    first = _moment("DAY", year, month, day)
    monday = floor("WEEK", _date(first))
    if monday.start != first.start:
        raise DeclarationError(
            f"week({year}, {month}, {day}) is no Monday, on which a week begins: the Monday before "
            f"it is {monday.id}."
        )
    return monday


def month(year: int, month: int) -> Partition:
    """The partition of one month."""
    return _moment("MONTH", year, month)


def year(year: int) -> Partition:
    """The partition of one year."""
    return _moment("YEAR", year)


def integer(start: int) -> Partition:
    """The partition of a range of integers, by the first of them."""
    return Partition("RANGE", start)


def _moment(
    granularity: Granularity, year: int, month: int = 1, day: int = 1, hour: int = 0
) -> Partition:
    try:
        moment = datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError as error:
        raise DeclarationError(f"{granularity.lower()} partition: {error}.") from None
    return Partition(granularity, moment if granularity == "HOUR" else moment.date())


def floor(granularity: Granularity, moment: date) -> Partition:
    """Return the partition that holds a moment (a date, or a datetime in UTC)."""
    hour = moment.hour if isinstance(moment, datetime) else 0
    if granularity == "WEEK":
        monday = moment - timedelta(days=moment.weekday())
        return Partition("WEEK", date(monday.year, monday.month, monday.day))
    parts = (moment.year, moment.month, moment.day, hour)
    wanted = {"YEAR": 1, "MONTH": 2, "DAY": 3, "HOUR": 4}[granularity]
    return _moment(granularity, *parts[:wanted])


class Partitioning(Model):
    """How a table is partitioned. Made by `Partitioning.day("column")` and its siblings.

    Without a granularity the table is not partitioned; without a column it is by ingestion time.
    """

    granularity: Granularity | None = None
    column: str | None = None
    start: int | None = None
    end: int | None = None
    interval: int | None = None

    @model_validator(mode="after")
    def _validate(self) -> Self:
        if self.granularity == "WEEK":
            raise ValueError(
                "BigQuery has no partitions by week. Partition by day of a column that holds the "
                "Monday, and start the job at week(…)."
            )
        if self.granularity == "RANGE":
            start, end, interval = self.start or 0, self.end or 0, self.interval or 0
            if interval < 1 or end <= start:
                raise ValueError(
                    "an integer range needs start < end and an interval of at least 1."
                )
            if (end - start + interval - 1) // interval > MAX_RANGES:
                raise ValueError(f"an integer range has at most {MAX_RANGES} partitions.")
        return self

    @staticmethod
    def none() -> "Partitioning":
        """Not partitioned."""
        return Partitioning()

    @staticmethod
    def hour(column: str) -> "Partitioning":
        """A partition per hour of a TIMESTAMP or DATETIME column."""
        return Partitioning(granularity="HOUR", column=column)

    @staticmethod
    def day(column: str) -> "Partitioning":
        """A partition per day of a DATE, TIMESTAMP or DATETIME column."""
        return Partitioning(granularity="DAY", column=column)

    @staticmethod
    def month(column: str) -> "Partitioning":
        """A partition per month of a DATE, TIMESTAMP or DATETIME column."""
        return Partitioning(granularity="MONTH", column=column)

    @staticmethod
    def year(column: str) -> "Partitioning":
        """A partition per year of a DATE, TIMESTAMP or DATETIME column."""
        return Partitioning(granularity="YEAR", column=column)

    @staticmethod
    def integer_range(column: str, start: int, end: int, interval: int) -> "Partitioning":
        """A partition per `interval` numbers of an INT64 column, from `start` to before `end`."""
        return Partitioning(
            granularity="RANGE", column=column, start=start, end=end, interval=interval
        )

    @staticmethod
    def ingestion_time(
        granularity: Literal["HOUR", "DAY", "MONTH", "YEAR"] = "DAY",
    ) -> "Partitioning":
        """A partition per moment of arrival; queries see it as `_PARTITIONTIME`."""
        return Partitioning(granularity=granularity)

    def __bool__(self) -> bool:
        return self.granularity is not None

    def __str__(self) -> str:
        if self.granularity is None:
            return "not partitioned"
        if self.granularity == "RANGE":
            return f"by {self.column} from {self.start} to {self.end} by {self.interval}"
        return f"by {self.granularity.lower()} of {self.column or 'arrival'}"

    def is_aligned_with(self, other: "Partitioning") -> bool:
        """Tell whether two partitionings by ranges of integers cut at the same numbers."""
        offset = (self.start or 0) - (other.start or 0)
        return self.interval == other.interval and offset % (self.interval or 1) == 0

    def parse(self, text: str) -> Partition:
        """Return the partition with this id. Raises DeclarationError when it is none of ours."""
        if self.granularity is None:
            raise DeclarationError(f"{text!r} names a partition, but the table has none.")
        try:
            found = self._parse(text.replace("-", ""))
        except ValueError:
            found = None
        if found is None:
            example = self.start if self.granularity == "RANGE" else _EXAMPLES[self.granularity]
            raise DeclarationError(f"{text!r} is not a partition {self}; write it as {example}.")
        return found

    def _parse(self, text: str) -> Partition | None:
        if self.granularity == "RANGE":
            number = int(text)
            inside = (self.start or 0) <= number < (self.end or 0)
            aligned = (number - (self.start or 0)) % (self.interval or 1) == 0
            return Partition("RANGE", number) if inside and aligned else None
        granularity = self.granularity or "DAY"
        moment = datetime.strptime(text, FORMATS[granularity]).replace(tzinfo=UTC)
        found = floor(granularity, moment)
        return found if found.id == text else None

    def end_of(self, partition: Partition) -> Start:
        """Return the first moment (or number) after the partition."""
        start = partition.start
        if isinstance(start, int):
            return start + (self.interval or 1)
        return shifted(partition, 1).start

    def between(self, first: Partition, last: Partition) -> Iterator[Partition]:
        """Yield the partitions from `first` to `last`, both included."""
        partition = first
        while partition <= last:
            yield partition
            partition = Partition(partition.granularity, self.end_of(partition))

    def overlapping(self, start: Start, end: Start) -> tuple[Partition, ...]:
        """Return this partitioning's partitions that overlap [start, end). Dates and hours mix."""
        if self.granularity is None:
            return ()
        if isinstance(start, int) or isinstance(end, int):
            step = self.interval or 1
            origin = self.start or 0
            first = origin + (int(start) - origin) // step * step  # pyright: ignore[reportArgumentType]
            return tuple(Partition("RANGE", n) for n in range(first, int(end), step))  # pyright: ignore[reportArgumentType]
        first = floor(self.granularity, start)
        last_moment = _as_datetime(end) - timedelta(microseconds=1)
        return tuple(self.between(first, floor(self.granularity, last_moment)))


def shifted(partition: Partition, periods: int) -> Partition:
    """Return the partition of time so many periods later, or earlier."""
    start = _date(partition)
    match partition.granularity:
        case "HOUR":
            start += timedelta(hours=periods)
        case "DAY":
            start += timedelta(days=periods)
        case "WEEK":
            start += timedelta(weeks=periods)
        case "MONTH":
            months = start.year * 12 + start.month - 1 + periods
            start = start.replace(year=months // 12, month=months % 12 + 1)
        case _:
            start = start.replace(year=start.year + periods)
    return Partition(partition.granularity, start)


def _date(partition: Partition) -> date:
    if isinstance(partition.start, int):
        raise DeclarationError("a range of integers has no moments.")
    return partition.start


def _as_datetime(moment: date) -> datetime:
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def is_complete(partition: Partition, now: datetime) -> bool:
    """Tell whether a partition of time has ended at `now` (UTC); a range of integers always has."""
    if isinstance(partition.start, int):
        return True
    return _as_datetime(_date(shifted(partition, 1))) <= now
