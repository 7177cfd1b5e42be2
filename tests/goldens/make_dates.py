"""Writes dates.json: cftime's parts of dates, of times in each calendar.

    python3 make_dates.py > dates.json
"""
import json
import sys

import cftime
import numpy as np

rng = np.random.default_rng(8)
out = []
for calendar in ["standard", "proleptic_gregorian", "noleap", "all_leap", "360_day"]:
    for units, each in [
        ("days since 2001-01-01", 1),
        ("hours since 1900-01-01 06:30:00", 24),
        ("seconds since 1970-01-01T00:00:00Z", 86400),
        ("minutes since 2000-02-28 12:00", 1440),
        ("days since 1850-1-1", 1),
    ]:
        first = 0 if calendar == "standard" else -20000
        few = [rng.integers(first, 200000, 25), np.arange(55, 62), [364, 365, 366, 730], rng.integers(0, 10**6, 5) / 1000]
        times = np.concatenate(few) * each
        dates = cftime.num2date(times, units.replace("T", " ").replace("Z", ""), calendar)
        parts = {"year": "year", "month": "month", "day": "day", "hour": "hour", "dayofyear": "dayofyr"}
        out.append(
            {"calendar": calendar, "units": units, "times": times.tolist()}
            | {name: [getattr(d, attribute) for d in dates] for name, attribute in parts.items()}
        )
json.dump(out, sys.stdout, separators=(",", ":"))
print()
