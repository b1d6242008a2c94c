"""What trials gave, a line each in a file, so that a soak that was ended goes on; and as tables."""

import json
from collections import Counter


class Results:
    """The results of one kind of trial."""

    def __init__(self, path):
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else ()
        self.rows = [json.loads(line) for line in lines]

    def __contains__(self, number):
        return any(row["trial"] == number for row in self.rows)

    def add(self, row):
        """Keep a result; it is there whatever happens next."""
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def table(self, *columns):
        """Count the results by these columns, as a table in Markdown."""
        counts = Counter(tuple(str(row[name]) for name in columns) for row in self.rows)
        lines = [[*columns, "n"], ["---"] * len(columns) + ["---:"]]
        lines += [[*values, str(count)] for values, count in sorted(counts.items())]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def bad(self):
        """The results that no run may give."""
        return [row for row in self.rows if row["outcome"] not in ("same bytes", "named")]
