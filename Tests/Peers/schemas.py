"""Golden records and bills against the schemas that meterd prints, by PyPI's jsonschema.

    schemas.py FOLDER GOLDEN METERD TARIFFS

FOLDER holds usage.schema.json and bill.schema.json. Each golden record is also damaged in one place at a time: what the
schema refuses then must be refused by meterd too, under the record's own tariff.
"""

import copy
import glob
import json
import os
import subprocess
import sys

from jsonschema import Draft202012Validator


def validator(path):
    schema = json.load(open(path, encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def damaged(record):
    """The record with one key too many, one of another kind, or one missing, everywhere."""

    def places(value, path=()):
        if isinstance(value, dict):
            yield path
            for key, item in value.items():
                yield from places(item, path + (key,))
        elif isinstance(value, list) and len(value) < 50:
            for index, item in enumerate(value):
                yield from places(item, path + (index,))

    for path in places(record):
        at = record
        for key in path:
            at = at[key]
        changes = [("a key that nobody knows", "x")] + [(key, 1.5) for key in at] + [(key, None) for key in at]
        changes += [(key, ...) for key in at]
        for key, value in changes:
            made = copy.deepcopy(record)
            place = made
            for step in path:
                place = place[step]
            if value is ...:
                del place[key]
            else:
                place[key] = value
            yield made


def main():
    folder, golden, meterd, tariffs = sys.argv[1:]
    usage, bill = (validator(f"{folder}/{name}.schema.json") for name in ("usage", "bill"))
    records, bills, failures = {}, 0, []
    for path in sorted(glob.glob(f"{golden}/*.ndjson")):
        judge = usage if path.endswith(".usage.ndjson") else bill
        for number, line in enumerate(open(path, encoding="utf-8"), 1):
            document = json.loads(line)
            failures += [f"{path}:{number}: {error.json_path}: {error.message}" for error in judge.iter_errors(document)]
            if judge is usage:
                records.setdefault(os.path.basename(path).removesuffix(".usage.ndjson"), []).append(document)
            else:
                bills += 1
    judged = 0
    for name, own in records.items():
        refused = [made for record in own for made in damaged(record) if not usage.is_valid(made)]
        text = "".join(json.dumps(made) + "\n" for made in refused)
        command = [meterd, "rate", "--tariff", f"{tariffs}/{name}.toml"]
        seen = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        named = {int(line.split("line ")[1].split(":")[0]) for line in seen.stderr.splitlines() if line.startswith("meterd: line ")}
        failures += [f"{name}: meterd bills what the schema refuses: {json.dumps(made)}"[:300]
                     for number, made in enumerate(refused, 1) if number not in named]
        judged += len(refused)
    for failure in failures[:20]:
        print(failure, file=sys.stderr)
    print(f"schemas: {sum(len(own) for own in records.values())} records and {bills} bills are what their schemas say; "
          f"{judged} damaged records are refused by schema and program; {len(failures)} failures")
    return 1 if failures or not records or not bills or not judged else 0


if __name__ == "__main__":
    sys.exit(main())
