"""The results of the peers' benchmark as Markdown: a table a case, what was measured, and where pplns is behind."""

import statistics
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BUSY_LOAD = 3.0  # of each CPU: more than this benchmark makes by itself
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
# a case's columns: the measure, its title, what a value is multiplied by, and its digits
COLUMNS: dict[str, tuple[tuple[str, str, float, int], ...]] = {
    "import": (("seconds", "import, ms", 1000, 1), ("process_s", "whole process, ms", 1000, 0)),
    "ints": (("step_ms", "a step, ms", 1, 3), ("process_s", "whole process, s", 1, 3), ("mb", "MB stored", 1, 2)),
    "rows": (("step_ms", "a step, ms", 1, 3), ("process_s", "whole process, s", 1, 3), ("mb", "MB stored", 1, 2)),
    "tables": (
        ("seconds", "five steps, s", 1, 2), ("process_s", "whole process, s", 1, 2),
        ("peak_mb", "peak memory, MB", 1, 0), ("mb", "MB stored", 1, 0),
    ),
    "killed": (("steps", "steps run again", 1, 0), ("seconds", "in the run, s", 1, 3), ("process_s", "whole, s", 1, 2)),
}  # fmt: skip


def tables_of(results: dict[str, Any]) -> str:
    """Return all that was measured, as Markdown."""
    parts = [_heading(results)]
    for name, case in results["cases"].items():
        parts.append(_table(name, case, results["titles"]))
    parts += [_behind(results), _errors(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def write_docs(results: dict[str, Any]) -> None:
    """Put the tables between the markers of docs/benchmarks.md."""
    before, _, rest = DOCS.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCS.write_text(f"{before}{BEGIN}\n{tables_of(results)}{END}{after}", "utf-8")


def _heading(results: dict[str, Any]) -> str:
    load = f"; load average {min(results['load'])} to {max(results['load'])}" if results["load"] else ""
    machine = f"{results['system']}, {results['cpus']} CPUs, Python {results['python']}"
    lines = [f"Measured on {results['date']}: {machine}{load}.", ""]
    if max(results["load"], default=0.0) > results["cpus"] * BUSY_LOAD:
        lines += ["**The machine was busy with other work.** Take the ratios for rough, and measure again.", ""]
    for peer, versions in results["versions"].items():
        shown = ", ".join(f"{name} {version}" for name, version in versions.items())
        lines.append(f"- {results['titles'][peer]}: {shown}")
    return "\n".join(lines)


def _table(name: str, case: dict[str, Any], titles: dict[str, str]) -> str:
    columns = COLUMNS[name]
    plain = {key: _median(case["peers"].get("plain", []), key) for key, *_ in columns}
    heads = [f"{title} | of plain" if _has_ratio(key) else title for key, title, *_ in columns]
    width = 2 + sum(2 if _has_ratio(key) else 1 for key, *_ in columns)
    lines = [f"### {case['title']}", "", f"| | rounds | {' | '.join(heads)} |", f"|---{'|---:' * (width - 1)}|"]
    for peer, rounds in case["peers"].items():
        if rounds:
            cells = [_cell(rounds, column, plain[column[0]]) for column in columns]
            lines.append(f"| {titles[peer]} | {len(rounds)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(rounds: list[dict[str, float]], column: tuple[str, str, float, int], plain: float | None) -> str:
    """Return a median with its quartiles (of fewer than four rounds: all between least and most), and its ratio."""
    key, _, scale, digits = column
    values = sorted(one[key] * scale for one in rounds)
    middle = statistics.median(values)
    low, high = (values[0], values[-1]) if len(values) < 4 else statistics.quantiles(values, n=4)[::2]
    spread = "" if len(values) == 1 or low == high else f" ({low:.{digits}f} to {high:.{digits}f})"
    text = f"{middle:,.{digits}f}{spread}"
    if not _has_ratio(key):
        return text
    return f"{text} | {middle / (plain * scale):.2f}" if plain else f"{text} |"


def _has_ratio(key: str) -> bool:
    return key not in ("steps", "mb")


def _median(rounds: list[dict[str, float]], key: str) -> float | None:
    return statistics.median(one[key] for one in rounds) if rounds else None


def _behind(results: dict[str, Any]) -> str:
    """Say in which columns a peer is better than pplns; plain Python is no peer."""
    lines: list[str] = []
    for name, case in results["cases"].items():
        for key, title, *_ in COLUMNS[name]:
            ours = _median(case["peers"].get("pplns", []), key)
            for peer, rounds in case["peers"].items():
                theirs = _median(rounds, key)
                if ours and theirs and peer not in ("plain", "pplns") and theirs < ours:
                    share = f"{results['titles'][peer]} needs {theirs / ours:.2f} of what pplns does"
                    lines.append(f"- {case['title']}, {title.split(',')[0]}: {share}")
    return "### Where pplns is behind a peer\n\n" + ("\n".join(lines) or "Nowhere in these tables.")


def _errors(results: dict[str, Any]) -> str:
    if not results["errors"]:
        return ""
    return "### What didn't work\n\n" + "\n".join(f"- {what}: `{text}`" for what, text in results["errors"].items())
