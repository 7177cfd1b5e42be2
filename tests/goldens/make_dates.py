"""Writes dates.json: cftime's parts of dates, of times in each calendar.

    python3 make_dates.py > dates.json
"""
import datetime
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
        ("hours since 2000-01-01 00:00:00 +02:00", 24),
        ("days since 2000-03-01 12:00 -07:30", 1),
        ("hours since 1-1-1", 24),
        ("days since 1500-02-28", 1),
    ]:
        # Dates before the Gregorian calendar are not told in the mixed one.
        first = 0 if calendar == "standard" else -20000
        if calendar == "standard" and "since 1" in units and "19" not in units and "18" not in units:
            first = 80000 if "1500" in units else 600000
        elif "1-1-1" in units:
            first = 0
        few = [rng.integers(first, first + 220000, 25), first + np.arange(55, 62), first + np.array([364, 365, 366, 730]), first + rng.integers(0, 10**6, 5) / 1000]
        times = np.concatenate(few) * each
        dates = cftime.num2date(times, units.replace("T", " ").replace("Z", ""), calendar)
        # Times are rounded to milliseconds.
        dates = dates + datetime.timedelta(microseconds=500)
        parts = {"year": "year", "month": "month", "day": "day", "hour": "hour", "dayofyear": "dayofyr"}
        parts |= {"minute": "minute", "second": "second", "weekday": "dayofwk"}
        out.append(
            {"calendar": calendar, "units": units, "times": times.tolist()}
            | {name: [getattr(d, attribute) for d in dates] for name, attribute in parts.items()}
        )
json.dump(out, sys.stdout, separators=(",", ":"))
print()
