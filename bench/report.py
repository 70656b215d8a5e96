"""The table and the targets, from what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.load import Report
from bench.workload import Cell

DIRECT, REFERENCE = "direct", "reference"
HEADINGS = (
    "row",
    "CPU ms/reply",
    "vs ref",
    "us/token",
    "+TTFT ms p50 / p95 / p99",
    "complete",
    "wall s",
    "DB ms",
    "peak MiB",
    "idle MiB",
    "health s",
)
WIDTHS = (25, 12, 6, 8, 24, 11, 6, 6, 8, 8, 8)


@dataclass(frozen=True, slots=True)
class Start:
    """Of a server while ours and the reference do not run: seconds to /health, and memory a while after it."""

    health_s: float
    idle_mib: float
    idle_pss: float


@dataclass(frozen=True, slots=True)
class Measure:
    """One row of one cell. CPU of the server's tree, and of its database's, in seconds."""

    row: str
    cell: Cell
    report: Report
    cpu: float
    database_cpu: float
    peak_mib: float

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu / max(1, self.report.complete)

    @property
    def database_ms(self) -> float:
        return 1000 * self.database_cpu / max(1, self.report.complete)

    @property
    def all_complete(self) -> bool:
        return self.report.complete == self.report.started > 0

    def with_more(self, other: Measure) -> Measure:
        """The same row and cell measured again: the replies of both."""
        report = replace(
            self.report,
            started=self.report.started + other.report.started,
            complete=self.report.complete + other.report.complete,
            first_ms=self.report.first_ms + other.report.first_ms,
            failures=self.report.failures | other.report.failures,
        )
        peak = max(self.peak_mib, other.peak_mib)
        cpu, database_cpu = self.cpu + other.cpu, self.database_cpu + other.database_cpu
        return replace(self, report=report, cpu=cpu, database_cpu=database_cpu, peak_mib=peak)

    def percentile(self, share: float) -> float:
        """Milliseconds, nearest rank."""
        values = sorted(self.report.first_ms)
        return values[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


class Results:
    """Everything of one run."""

    def __init__(self, titles: dict[str, str], starts: dict[str, Start], absent: dict[str, str]) -> None:
        self._titles = titles
        self._starts = starts
        self._absent = absent
        self._measures: dict[tuple[str, str], Measure] = {}

    def add(self, measure: Measure) -> None:
        place = measure.cell.id, measure.row
        before = self._measures.get(place)
        self._measures[place] = before.with_more(measure) if before else measure

    def table(self, cells: Sequence[Cell]) -> Iterator[str]:
        yield _line(HEADINGS)
        for cell in cells:
            yield f"\n{cell.title}" + ("" if cell.streamed else " (TTFT: of the whole answer)")
            for row, title in self._titles.items():
                measure = self._measures.get((cell.id, row))
                if measure is not None:
                    yield _line((title, *self._figures(measure)))
                elif row in self._absent:
                    yield _line((title, f"n/a: {self._absent[row]}"))
        yield from self._failures()

    def _figures(self, measure: Measure) -> Iterator[str]:
        report, start = measure.report, self._starts.get(measure.row)
        yield f"{measure.cpu_ms:.2f}"
        ratio = self._ratio(measure)
        yield f"{ratio:.2f}" if ratio is not None and measure.row != DIRECT else "-"
        yield f"{1000 * measure.cpu_ms / measure.cell.tokens:.0f}" if measure.cell.streamed else "-"
        yield " / ".join(f"{self._added(measure, share):.0f}" for share in (0.50, 0.95, 0.99))
        yield f"{report.complete}/{report.started}"
        yield f"{report.wall:.1f}"
        yield f"{measure.database_ms:.2f}" if measure.database_cpu else "-"
        yield f"{measure.peak_mib:.0f}"
        yield f"{start.idle_mib:.0f}" if start else "-"
        yield f"{start.health_s:.2f}" if start else "-"

    def _ratio(self, measure: Measure) -> float | None:
        """Our CPU over the reference's in the same cell of the same run."""
        reference = self._measures.get((measure.cell.id, REFERENCE))
        return measure.cpu_ms / reference.cpu_ms if reference and reference.cpu_ms else None

    def _added(self, measure: Measure, share: float) -> float:
        """Over direct; the direct row itself is absolute."""
        direct = self._measures.get((measure.cell.id, DIRECT))
        base = direct.percentile(share) if direct and measure.row != DIRECT else 0.0
        return measure.percentile(share) - base

    def _failures(self) -> Iterator[str]:
        for measure in self._measures.values():
            for reason, count in measure.report.failures.items():
                yield f"! {measure.cell.id} {measure.row}: {count} times: {reason}"

    def targets(self) -> Iterator[str]:
        """One line for each first target and row of ours."""
        for row, title in self._titles.items():
            if row in (DIRECT, REFERENCE) or row in self._absent:
                continue
            yield from self._ratio_target("paced-200", row, title, 0.5)
            yield from self._ratio_target("request", row, title, 1.2)
            thousand = self._measures.get(("paced-1000", row))
            if thousand is not None:
                added = [self._added(thousand, share) for share in (0.50, 0.99)]
                yield _verdict(title, "1,000 streams all complete", thousand.all_complete, "")
                yield _verdict(title, "1,000 streams, added TTFT p50", added[0] <= 100, f"{added[0]:.0f} <= 100 ms")
                yield _verdict(title, "1,000 streams, added TTFT p99", added[1] <= 500, f"{added[1]:.0f} <= 500 ms")
            start = self._starts.get(row)
            if start is not None:
                yield _verdict(title, "time to /health", start.health_s <= 1.5, f"{start.health_s:.2f} <= 1.5 s")
                figures = f"{start.idle_mib:.0f} < 120 MiB ({start.idle_pss:.0f} as shared with others now)"
                yield _verdict(title, "idle PSS", start.idle_mib < 120, figures)

    def _ratio_target(self, cell: str, row: str, title: str, limit: float) -> Iterator[str]:
        measure = self._measures.get((cell, row))
        ratio = self._ratio(measure) if measure else None
        if ratio is not None:
            yield _verdict(title, f"{cell}, CPU vs reference", ratio <= limit, f"{ratio:.2f} <= {limit}")


def _line(values: Sequence[str]) -> str:
    cells = [v.rjust(w) if i else v.ljust(w) for i, (v, w) in enumerate(zip(values, WIDTHS, strict=False))]
    return "  ".join(cells).rstrip()


def _verdict(title: str, what: str, holds: bool, figures: str) -> str:
    return f"{'holds ' if holds else 'MISSED'}  {title:25}  {what:32}  {figures}".rstrip()
