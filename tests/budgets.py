"""Random expressions in the smallest budget that the program says they need: what a refusal names must work at once, with the
bits of a run that has plenty, and hold no more.

    python3 tests/budgets.py target/release/chunkwise --seconds 600

Needs NumPy and h5py.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

import differential

#: Beside the budget: the program itself, its threads' stacks and what it reads of files that are open.
SLACK = 12 << 20
PATIENCE = 60
SHAPES = [(200_000,), (1_500_000,), (700, 300), (40, 9000), (9000, 40), (60, 50, 40), (3, 400_000), (500,), (300,), ()]
#: What is computed before there is a plan says what that needs, and promises nothing of the plan.
BEFOREHAND = "this must be known before anything is planned"
NAMED = re.compile(r"the smallest budget that works is (\d+) bytes")


#: A process is charged with what the one that started it held. This one holds little.
STARTER = """
import json, os, sys, time
for line in sys.stdin:
    command, patience, err = json.loads(line)
    start = time.time()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0), (os.POSIX_SPAWN_OPEN, 2, err, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)])
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        if time.time() - start > patience:
            os.kill(pid, 9)
            _, status, usage = os.wait4(pid, 0)
            break
        time.sleep(0.002)
    print(json.dumps([os.waitstatus_to_exitcode(status), time.time() - start, usage.ru_maxrss * 1024]), flush=True)
"""
starter = subprocess.Popen([sys.executable, "-S", "-E", "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def run(command):
    """Exit code, error text, seconds, and the most memory in bytes."""
    with tempfile.NamedTemporaryFile("r") as err:
        starter.stdin.write(json.dumps([command, PATIENCE, err.name]) + "\n")
        starter.stdin.flush()
        code, took, most = json.loads(starter.stdout.readline())
        return code, open(err.name).read(), took, most


def bits(path):
    """Every dataset of a file, as bytes."""
    found = {}
    with h5py.File(path) as f:
        f.visititems(lambda n, d: found.update({n: (d.shape, d.dtype, d[()].tobytes())}) if isinstance(d, h5py.Dataset) else None)
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("program")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=None)
    asked = options.parse_args()
    seed = asked.seed if asked.seed is not None else int.from_bytes(os.urandom(4), "little")
    print(f"seed {seed}", flush=True)
    differential.SHAPES[:] = SHAPES
    folder = tempfile.mkdtemp(prefix="chunkwise-budgets-")
    out, plenty = os.path.join(folder, "out.h5"), os.path.join(folder, "plenty.h5")
    program = os.path.abspath(asked.program)
    end, tried, refused, beforehand, wrong, file = time.time() + asked.seconds, 0, 0, 0, [], 0
    most, slowest = 0, 0.0
    while time.time() < end and len(wrong) < 20:
        maker, pick = differential.Maker(seed + file), random.Random(seed + file)
        path = os.path.join(folder, "in.h5")
        maker.write(path)
        base = [program, "eval", "-i", path, "--device", "cpu", "--overwrite"]
        alone = run([program, "eval", "-i", path, "--device", "cpu", "1 + a0.ndim"])[3]
        for _ in range(25):
            if time.time() > end:
                break
            texts = [f"r{n}={maker.expression()[0]}" for n in range(pick.choice([1, 1, 1, 2, 3]))]
            threads = pick.choice(["1", "2", "4"])
            of = base + ["--threads", threads]
            code, err, took, _ = run(of + ["--memory", "1GiB", "--output", plenty, "--", *texts])
            if code != 0:
                continue
            tried += 1
            said = " ".join(f"'{t}'" for t in texts)
            code, err, _, _ = run(of + ["--memory", "1", "--output", out, "--", *texts])
            named = NAMED.search(err)
            if BEFOREHAND in err:
                beforehand += 1
                continue
            if code == 0:
                wrong.append(f"{said}\n    runs in one byte")
                continue
            if not named:
                wrong.append(f"{said}\n    names no budget: {err.strip()[:300]}")
                continue
            refused += 1
            budget = int(named[1])
            if os.path.exists(out):
                os.remove(out)
            code, err, slow, peak = run(of + ["--memory", str(budget), "--output", out, "--", *texts])
            command = f"{' '.join(of)} --memory {budget} --output {out} -- {said}"
            if code != 0:
                wrong.append(f"{command}\n    exit code {code} after {slow:.1f} s: {err.strip()[:400]}")
                continue
            if bits(out) != bits(plenty):
                wrong.append(f"{command}\n    other bits")
            over = peak - alone - budget
            most, slowest = max(most, over), max(slowest, slow / max(took, 0.2))
            if over > SLACK:
                wrong.append(f"{command}\n    held {(peak - alone) >> 10} KiB of {budget >> 10}")
            if slow > 10 + 20 * took:
                wrong.append(f"{command}\n    {slow:.1f} s, and {took:.1f} s with 1 GiB")
        file += 1
    for one in wrong:
        print(one)
    print(f"{tried} runs over {file} files, {refused} budgets that refusals named, {beforehand} of what is computed beforehand: {len(wrong)} wrong; at most {most >> 10} KiB "
          f"over the budget, and {slowest:.1f} times as slow as with 1 GiB")  # fmt: skip
    shutil.rmtree(folder)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
