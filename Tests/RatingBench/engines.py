"""`meterd bench rating` beside DuckDB and a plain C loop: the same million meters, one after the other in one run.

    engines.py METERD LOOP READER [--json]

Rates are bills for each second of the processor that one thread had. DuckDB is asked in the form that was the fastest of
those tried (whole numbers, one pass, literals, one thread): once for the sums of every line alone, once for a table of
all lines. All engines must agree on fen, lines and a digest of every line.
"""

import json
import subprocess
import sys
import time

import duckdb

METERS = 1_000_000
PRICES = [102896875, 60886875, 23676875, 5000000, 30000000, 620000, 196875]
QUANTITIES = [
    "peak",
    "total - peak - valley",
    "valley",
    "greatest(0, least(total, 60000) - 26000)",
    "greatest(0, total - 60000)",
    "total",
    "total",
]
USE = f"""
    SELECT id, total, total * (20 + v % 41) // 100 AS peak, total * (10 + v // 64 % 31) // 100 AS valley
    FROM (SELECT id, 15000 + u * 135000 // 65536 AS total, v
          FROM (SELECT range AS id, range * 2654435761 % 4294967296 // 65536 AS u,
                       (range + 1) * 2246822519 % 4294967296 // 65536 AS v FROM range({METERS})))
"""


def best(work, runs=5):
    fastest = None
    for _ in range(runs):
        began = time.process_time()
        found = work()
        took = time.process_time() - began
        fastest = took if fastest is None else min(fastest, took)
    return METERS / fastest, found


def duck():
    base = duckdb.connect()
    base.execute("SET threads = 1")
    base.execute(f"CREATE TABLE usage AS {USE}")
    quantities = ", ".join(f"{q} AS q{n}" for n, q in enumerate(QUANTITIES))
    amounts = ", ".join(f"(q{n} * {price} + 50000000) // 100000000 AS a{n}" for n, price in enumerate(PRICES))
    lines = f"SELECT *, {amounts} FROM (SELECT id, {quantities} FROM usage)"
    numbers = range(len(PRICES))
    sums = ", ".join(f"sum(q{n}), sum(a{n})" for n in numbers)
    total = " + ".join(f"a{n}" for n in numbers)
    summed, found = best(lambda: base.execute(f"SELECT {sums}, sum({total}) FROM ({lines})").fetchall())
    stored, _ = best(lambda: base.execute(f"CREATE OR REPLACE TABLE bills AS SELECT *, {total} AS total FROM ({lines})"))
    mixed = " + ".join(f"(a{n} * 31 + q{n}) * {2 * n + 3} % 1000003" for n in numbers)
    printed = " + ".join(f"(q{n} > 0)::INT" for n in numbers)
    same = base.execute(f"SELECT sum({total}), sum({printed}), sum(({mixed}) * (id % 9973 + 1)) FROM ({lines})").fetchone()
    if int(found[0][-1]) != int(same[0]):
        raise SystemExit("engines: DuckDB adds up to two totals")
    return summed, stored, tuple(int(number) for number in same)


def main():
    meterd, loop, reader = sys.argv[1:4]
    as_json = "--json" in sys.argv
    missed = 0

    def show(figure):
        nonlocal missed
        missed += figure["met"] is False
        if as_json:
            print(json.dumps(figure, separators=(",", ":")), flush=True)
            return
        verdict = "" if figure["met"] is None else "  met" if figure["met"] else "  NOT MET"
        goal = f", goal {figure['goal']}" if figure["goal"] else ""
        print(f"  {figure['name']}  {figure['value']} {figure['unit']}  against {figure['against']}{goal}{verdict}", flush=True)

    def compare(name, ours, theirs, against, goal=None):
        ratio = ours / theirs
        show(dict(name=name, value=f"{ratio:.3f}", unit="ratio", against=f"{against}: {theirs:.0f} bills/s",
                  goal=f">={goal}" if goal else "", met=None if goal is None else ratio >= goal))

    # The others first, so that they have the machine as it was before ours warmed it up.
    summed, stored, theirs = duck()
    c_rate, *c_same = (int(word) for word in subprocess.run([loop], capture_output=True, check=True, text=True).stdout.split())
    found = {}
    run = subprocess.Popen([meterd, "bench", "rating", "--json"], stdout=subprocess.PIPE, text=True)
    for line in run.stdout:
        figure = json.loads(line)
        found[figure["name"]] = figure
        show(figure)
    if run.wait() not in (0, 65):
        raise SystemExit(f"engines: meterd ended with {run.returncode}")
    ours = int(found["rating.memory"]["value"])
    version = duckdb.__version__
    compare("rating.memory.duckdb", ours, summed, f"DuckDB {version}, one thread, the sums of the same lines alone, no line kept")
    compare("rating.memory.duckdb.table", ours, stored, f"DuckDB {version}, one thread, a table of the same lines", 1.2)
    compare("rating.memory.c", ours, c_rate, "a plain C loop, gcc -O2, the schedule compiled in")
    ours_read, theirs_read, same_read = (
        int(word) for word in subprocess.run([reader], capture_output=True, check=True, text=True).stdout.split())
    show(dict(name="rating.filter.reader.decoder", value=f"{ours_read / theirs_read:.3f}", unit="ratio",
              against=f"JSONDecoder: {theirs_read} records/s read, ours {ours_read}", goal=">=3",
              met=same_read == 1 and ours_read >= 3 * theirs_read))
    agree = tuple(c_same) == theirs and str(theirs[2]) == found["rating.memory.same"]["value"]
    agree = agree and f"{theirs[1]} lines, {theirs[0]} fen" in found["rating.memory.same"]["against"]
    show(dict(name="rating.memory.same.engines", value=str(theirs[2]), unit="digest of all lines",
              against=f"meterd's {found['rating.memory.same']['value']}, C's {c_same[2]}", goal="the same", met=agree))
    return 65 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
