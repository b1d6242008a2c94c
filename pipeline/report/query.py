"""Questions in SQL about the columns of stages' outputs: what every number of a report comes from.

A report names the scalar columns it needs; they are read once, without images, into a small
table, and everything else is a query over it.
"""

import atexit
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.report.grouped import BEYOND, UNKNOWN, YAW_BUCKETS_DEG, Measurements
from pipeline.store import ShardFolder
from pipeline.store.files import ObjectPath, Place, literal
from pipeline.store.seal import check_footer
from pipeline.store.shots import without_band

Quantiles = dict[str, float | int]
"""``median``, ``p95`` and count ``n`` of finite values; ``n`` alone where there is none."""


_without_band = lru_cache(2**16)(without_band)
"""The stages of a data set have the same ids, and the report asks one after the other."""


class Tables:
    """Columns of one or more folders as tables of a database in memory.

    ``yaw_bucket(degrees)`` names the bucket of an angle, one of ``grouped.BUCKETS``;
    ``without_band(id, band)`` is that of ``store.shots``.
    """

    def __init__(self, place: Place | None = None) -> None:
        """Open a database without tables.

        Args:
            place: of the folders that will be read, or one beside it: a disk or an object store.
        """
        self._database = _opened(place.fs if isinstance(place, ObjectPath) else None).cursor()

    @classmethod
    def of(cls, folder: ShardFolder, columns: str) -> Self:
        """Open tables with one, ``rows``."""
        return cls(folder.path).add("rows", folder, columns)

    def add(self, name: str, folder: ShardFolder, columns: str) -> Self:
        """Read columns into a table, shard after shard.

        Rows are left out only afterwards: DuckDB 2.0.0 takes every row for null where it pushes
        IS NULL into plain Parquet pages.

        Args:
            name: of the table.
            folder: a stage's output or its rejected rows.
            columns: a select list in SQL.
        """
        shards = [folder.shard(index).path for index in range(folder.count)]
        for shard in shards:
            check_footer(shard)
        self._database.execute(
            f"CREATE TEMP TABLE {name} AS SELECT {columns} FROM read_parquet($files)",  # noqa: S608
            {"files": [literal(shard) for shard in shards]},
        )
        return self

    def put(self, name: str, table: pa.Table, columns: str) -> Self:
        """Make a table of one in memory.

        Of a folder's few columns, ``ShardFolder.table`` takes a third of the time of ``add``, which
        reads the footer of a file of many columns more than once.

        Args:
            name: of the table.
            table: the other one, ``source`` in SQL.
            columns: a select list in SQL.
        """
        self._database.register("source", table)
        self._database.execute(
            f"CREATE TEMP TABLE {name} AS SELECT {columns} FROM source"  # noqa: S608
        )
        self._database.unregister("source")
        return self

    def view(self, name: str, sql: str) -> None:
        """Give a question a name to ask further by, as a table's."""
        self._database.execute(f"CREATE TEMP VIEW {name} AS {sql}")

    def table(self, name: str, sql: str, **values: object) -> None:
        """Keep an answer as a table; see ``ask``."""
        self._database.execute(f"CREATE TEMP TABLE {name} AS {sql}", values or None)

    def ask(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        """Return the rows of an answer; ``$name`` in the question stands for a value."""
        answer: list[tuple[Any, ...]] = self._database.execute(sql, values or None).fetchall()
        return answer

    def records(self, sql: str, **values: object) -> list[dict[str, Any]]:
        """Return the rows of an answer by the names of its columns; see ``ask``."""
        answer = self._database.execute(sql, values or None)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def quantiles(self, value: str, *, where: str = "true") -> Quantiles:
        """Return the quantiles of an expression over all rows that fulfil a condition."""
        return self.quantiles_by("'all'", value, where=where).get("all", {"n": 0})

    def quantiles_by(
        self, group: str, value: str, *, where: str = "true", table: str = "rows"
    ) -> dict[str, Quantiles]:
        """Return the quantiles of an expression by the value of another, sorted."""
        found = self.ask(
            f"""SELECT key, count(*) FILTER (isfinite(value)),
                quantile_cont(value, 0.5) FILTER (isfinite(value)),
                quantile_cont(value, 0.95) FILTER (isfinite(value))
            FROM (SELECT {group} AS key, CAST({value} AS DOUBLE) AS value
                FROM {table} WHERE {where})
            GROUP BY key ORDER BY key"""  # noqa: S608 - expressions of our own
        )
        return {
            key: {"median": round(median, 4), "p95": round(p95, 4), "n": n} if n else {"n": 0}
            for key, n, median, p95 in found
        }

    def grouped_quantiles(self, value: str, yaw: str, *, band: str | None = None) -> dict[str, Any]:
        """Return the quantiles of the rows that have a value: of all, by yaw, and by band.

        Args:
            value: an expression.
            yaw: an angle in degrees.
            band: the column of bands, None to leave them out.
        """
        where = f"({value}) IS NOT NULL"
        by_yaw = self.quantiles_by(f"yaw_bucket({yaw})", value, where=where)
        by_band = self.quantiles_by(band, value, where=where) if band else {}
        groups = {"by_yaw": by_yaw, "by_band": by_band}
        return self.quantiles(value, where=where) | {k: v for k, v in groups.items() if v}

    def count(self, where: str = "true") -> int:
        """Return how many rows fulfil a condition."""
        return int(self.ask(f"SELECT count(*) FROM rows WHERE {where}")[0][0])  # noqa: S608

    def counts(self, column: str) -> dict[Any, int]:
        """Return how many rows have each value of an expression, sorted; null comes last."""
        sql = f"SELECT {column} AS key, count(*) FROM rows GROUP BY key ORDER BY key"  # noqa: S608
        return dict(self.ask(sql))

    def shares(self, column: str) -> dict[str, float]:
        """Return the share of rows with each value of a column, null as ``none``; sorted."""
        counts = self.counts(f"coalesce(CAST({column} AS VARCHAR), 'none')")
        total = sum(counts.values())
        return {name: round(count / total, 4) for name, count in counts.items()}

    def measured(self, value: str, *, where: str = "true", table: str = "rows") -> Measurements:
        """Return each row's value with who and how it shows; rows without a value stay out.

        The table needs ``subject_id``, ``band`` and ``truth_yaw_deg``.
        """
        found = self._database.execute(
            f"""SELECT dense_rank() OVER (ORDER BY coalesce(subject_id, '')) AS subject, band,
                yaw_bucket(truth_yaw_deg) AS bucket, CAST({value} AS DOUBLE) AS value
            FROM {table} WHERE ({value}) IS NOT NULL AND ({where})"""  # noqa: S608
        ).fetchnumpy()
        return Measurements(
            np.asarray(found["subject"], np.int64),
            _strings(found["band"]),
            _strings(found["bucket"]),
            np.asarray(found["value"], np.float64),
        )


@cache
def _opened(fs: Any | None) -> Any:
    """Open a database in memory for what lies on disk or in one object store.

    It is the process's own; each ``Tables`` has temporary tables in it. So a file of which a metric
    and then a sheet ask has its footer read once. Whether the file was replaced since is told by
    its state, which not every object store gives.
    """
    import duckdb  # every worker imports the reports, and none asks

    database = duckdb.connect(config={"preserve_insertion_order": True})
    database.execute("LOAD parquet")
    database.execute(f"SET parquet_metadata_cache = {fs is None}")
    if fs is not None:
        database.register_filesystem(fs)
    whens = " ".join(
        f"WHEN abs(yaw) < {high} THEN '{low}-{high}'" for low, high in pairwise(YAW_BUCKETS_DEG)
    )
    database.execute(
        "CREATE MACRO yaw_bucket(yaw) AS CASE WHEN yaw IS NULL OR isnan(yaw) "
        f"THEN '{UNKNOWN}' {whens} ELSE '{BEYOND}' END"
    )
    text = "VARCHAR"
    database.create_function("without_band", _without_band, [text, text], text)
    atexit.register(_opened.cache_clear)  # what is open when Python ends it takes for a leak
    return database


def _strings(column: Any) -> NDArray[np.str_]:
    return np.asarray(column, np.str_)
