#!/usr/bin/env python3
"""chunkwise beside its peers: the same works on the same data, in turns, answers compared before times.

    python3 benches/peers/run.py [--install] [--quick] [--rounds 5] [--threads N] [--data FOLDER]
                                 [--only KEY] [--html FILE] [--json FILE] [--markdown FILE]

`--install` brings the peers into virtual environments under the user's cache folder; without it those that are
there already are used, and the others named. benches/peers/README.md says what is fair and what is not.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environments
from base import available_memory
from peers import PEERS
from process import Process

ROOT = Path(__file__).resolve().parents[2]
SETTLE = 0.1
"""Seconds between two runs: threads that wait for more work go to sleep."""
LONG = 10.0
"""A work of ours that takes so many seconds is not timed more often than `FEW`."""
FEW = 3


def told(*words: object):
    print(*words, file=sys.stderr, flush=True)


class Ours:
    """`chunkwise bench`."""

    def __init__(self, binary: Path, threads: int):
        self.command = [str(binary), "bench", "--threads", str(threads)]

    def called(self, *arguments: str) -> str:
        done = subprocess.run([*self.command, *arguments], stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"chunkwise bench {' '.join(arguments)}: ended with {done.returncode}")
        return done.stdout

    def results(self, folder: str, *arguments: str) -> dict:
        return json.loads(self.called("--data", folder, "--json", "-", *arguments))

    def row(self, folder: str, row: dict) -> dict:
        """One round of one row, whose answer was checked before."""
        device = row["device"]
        place = ("cpu",) if device == "cpu" else ("gpu", "--adapter", device)
        asked = ("--set", row["set"], "--only", row["work"], "--device", *place)
        rounds = ("--rounds", "1", "--no-limits", "--no-check")
        for found in self.results(folder, *asked, *rounds)["rows"]:
            if identity(found) == identity(row):
                return found
        sys.exit(f"chunkwise bench knows no {row['work']} of {row['set']} any more")


def identity(row: dict) -> tuple:
    return row["work"], row["set"], row["device"]


class Bench:
    """Rows, peers, and what came out."""

    def __init__(self, ours: Ours, folder: str, threads: int, rounds: int, patience: float):
        self.ours, self.folder, self.threads, self.rounds = ours, folder, threads, rounds
        manifest = json.loads((Path(folder) / "manifest.json").read_text())
        self.sets = {s["name"]: s for s in manifest["sets"]}
        self.patience = patience
        self.found, self.missing = environments.find()
        self.workers: dict[str, Process] = {}
        self.versions: dict[str, str] = {}
        self.facts: dict[tuple, dict] = {}

    def worker(self, name: str) -> Process:
        """The peer's process, started again if it ended."""
        worker = self.workers.get(name)
        if worker is not None and not worker.alive():
            worker.close()
            worker = None
        if worker is None:
            worker = Process(name, self.found[name], self.threads, self.patience)
            self.workers[name] = worker
        return worker

    def free(self):
        for worker in self.workers.values():
            if worker.alive():
                worker.ask({"free": True})

    def close(self):
        for worker in self.workers.values():
            worker.close()

    def request(self, row: dict) -> dict:
        return {
            "work": row["work"],
            "set": self.sets.get(row["set"], {}),
            "data": self.folder,
            "tasks": int(row["amount"]),
        }

    def refused(self, worker: Process, row: dict, reply: dict) -> str | None:
        """Why a reply's time is not used."""
        if "skip" in reply:
            return reply["skip"]
        return PEERS[worker.name].refused(row["work"], reply, row["answer"])

    def partners(self, row: dict) -> list[Process]:
        """Those whose answer is right."""
        right = []
        for name in self.found:
            if row["device"] != "cpu" or not PEERS[name].does(row["work"]):
                continue
            if name.endswith("threads") and self.threads == 1:
                continue
            worker = self.worker(name)
            reply = worker.ask(self.request(row))
            why = self.refused(worker, row, reply)
            if why is None:
                right.append(worker)
                self.note(row, worker, reply)
            else:
                kind = "left out" if "skip" in reply else "answers otherwise, its time is not used"
                told(f"  {worker.shown}: {kind}: {why}")
        return right

    def note(self, row: dict, worker: Process, reply: dict):
        self.versions[worker.shown] = reply["version"]
        for fact in reply["facts"]:
            self.facts[row["group"], fact["title"]] = {"group": row["group"], **fact}
        if row["work"] == "product" and reply["peak"]:
            # Where chunkwise tells its own.
            title, group = f"{worker.shown}, {row['title']}", "peak resident memory"
            fact = {"group": group, "title": title, "value": reply["peak"], "unit": "B"}
            self.facts[group, title] = fact

    def time(self, row: dict):
        """Rounds of ours and of everybody who does the same, in turns."""
        told(f"{row['set']}: {row['title']} ({row['work']})")
        if row["work"] == "product":
            self.free()
        partners = self.partners(row)
        first = row["seconds"][0] if row["seconds"] else 0.0
        row["seconds"], limit = [], []
        times = {worker.shown: {"peer": worker.shown, "seconds": []} for worker in partners}
        for _ in range(min(self.rounds, FEW) if first > LONG else self.rounds):
            time.sleep(SETTLE)
            again = self.ours.row(self.folder, row)
            row["seconds"] += again["seconds"]
            limit += (again["bound"] or {}).get("seconds", [])
            for worker in list(partners):
                time.sleep(SETTLE)
                reply = worker.ask(self.request(row))
                why = self.refused(worker, row, reply)
                if why is not None:
                    told(f"  {worker.shown}: left out after some rounds: {why}")
                    partners.remove(worker)
                    del times[worker.shown]
                    continue
                entry = times[worker.shown]
                entry["seconds"] += reply["seconds"]
                entry["note"] = reply["note"]
                entry["amount"] = row["amount"] * reply["part"] if reply["part"] != 1 else None
        if limit:
            row["bound"]["seconds"] = limit
        row["peers"] = list(times.values())
        self.say(row)
        if available_memory() < self.memory / 3:
            self.free()

    @property
    def memory(self) -> int:
        try:
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, ValueError, OSError):
            return 0

    def say(self, row: dict):
        if not row["seconds"]:
            return
        ours = statistics.median(row["seconds"])
        told(f"  ours {ours:.4g} s")
        for peer in row["peers"]:
            theirs = statistics.median(peer["seconds"])
            ratio = theirs * row["amount"] / (peer["amount"] or row["amount"]) / ours
            told(f"  {peer['peer']} {theirs:.4g} s, {ratio:.2f} of ours")

    def run(self, only: list[str]) -> dict:
        # Answers are checked, limits measured, facts found; the times are taken again, in turns.
        chosen = [word for key in only for word in ("--only", key)]
        results = self.ours.results(self.folder, "--rounds", "1", *chosen)
        last = None
        for row in results["rows"]:
            if row["set"] != last:
                self.free()
            last = row["set"]
            self.time(row)
        for limit in results["limits"]:
            renew(limit, results["rows"])
        results["settings"]["rounds"] = self.rounds
        results["facts"] += self.facts.values()
        results["peers"] = [{"name": n, "version": v} for n, v in self.versions.items()]
        return results


def renew(limit: dict, rows: list[dict]):
    """A limit that is the rate of a work of ours is that of the times taken in turns."""
    for row in rows:
        if (row["work"], row["device"]) == (limit["key"], limit["device"]) and row["seconds"]:
            limit["rate"] = row["amount"] / statistics.median(row["seconds"])
            return


def build() -> Path:
    subprocess.run(["cargo", "build", "--release"], cwd=ROOT, check=True, stdout=sys.stderr)
    target = os.environ.get("CARGO_TARGET_DIR") or ROOT / "target"
    return Path(target) / "release" / ("chunkwise.exe" if os.name == "nt" else "chunkwise")


def cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def arguments() -> argparse.Namespace:
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--install", action="store_true", help="install the peers first")
    p.add_argument("--quick", action="store_true", help="little data: only to see that it runs")
    p.add_argument("--rounds", type=int, default=5, help="how often each is timed")
    p.add_argument("--threads", type=int, default=cpus(), help="threads of everybody")
    p.add_argument(
        "--seed", type=int, help="where the values come from; another each time if not given"
    )
    p.add_argument("--product", type=int, help="edge of the matrices multiplied from files")
    p.add_argument("--data", help="a folder for the data, kept; else one that goes away again")
    p.add_argument("--only", action="append", default=[], metavar="KEY", help="this work alone")
    p.add_argument("--binary", type=Path, help="chunkwise, if it is built already")
    p.add_argument("--patience", type=float, default=900, help="seconds that one run may take")
    p.add_argument("--json", help="write everything into this file")
    p.add_argument("--html", help="write a page into this file")
    p.add_argument("--markdown", help="write tables into this file")
    return p.parse_args()


def main():
    args = arguments()
    if args.install:
        environments.install()
    ours = Ours(args.binary or build(), args.threads)
    with tempfile.TemporaryDirectory(prefix="chunkwise-") as temporary:
        folder = args.data or temporary
        size = ["--quick"] if args.quick else []
        for flag, value in (("--seed", args.seed), ("--product", args.product)):
            size += [flag, str(value)] if value is not None else []
        ours.called("--data", folder, "--make-only", *size)
        bench = Bench(ours, folder, args.threads, args.rounds, args.patience)
        for name, why in bench.missing.items():
            told(f"missing: {PEERS[name].shown(args.threads)} ({why})")
        try:
            results = bench.run(args.only)
        finally:
            bench.close()
        merged = args.json or os.path.join(temporary, "merged.json")
        Path(merged).write_text(json.dumps(results, indent=1))
        pages = [
            word
            for flag, value in (("--html", args.html), ("--markdown", args.markdown))
            if value
            for word in (flag, value)
        ]
        show = [*ours.command, "--show", merged, *pages]
        return subprocess.run(show).returncode


if __name__ == "__main__":
    sys.exit(main())
