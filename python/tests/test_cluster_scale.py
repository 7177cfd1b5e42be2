"""The client of a run on ten thousand workers over a hundred million chunks, with an executor that only pretends: its memory and
its time for each range do not grow with the number of chunks."""

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import concurrent.futures, json, struct, sys, time, zlib
    import chunkwise as cw
    from chunkwise import _worker

    chunks, workers, each = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])

    def number(data, at):
        n = shift = 0
        while True:
            byte = data[at]
            at += 1
            n |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return n, at

    def written(n):
        out = bytearray()
        while n > 127:
            out.append(n & 127 | 128)
            n >>= 7
        return bytes([*out, n])

    class Pretending:
        '''Has the first task run for once, and says that others gathered the same.'''

        _max_workers = workers

        def __init__(self):
            self.took, self.most, self.template = 0.0, 0, None

        def submit(self, function, *args):
            start = time.perf_counter()
            begin, end = args[3], args[4]
            if self.template is None:
                self.cut(function(*args[:3], 0, 1, *args[5:])[0])
            before, head, after = self.template
            body = before + written(1) + written(begin) + written(end) + head + written(end - begin) + after
            sealed = self.front + struct.pack("<Q", len(body)) + body
            future = concurrent.futures.Future()
            future.set_result((sealed + struct.pack("<I", zlib.crc32(sealed)), (end - begin) * each, f"worker {begin % workers}"))
            self.most = max(self.most, end - begin)
            self.took += time.perf_counter() - start
            return future

        def cut(self, partial):
            '''Takes a partial apart: the plan and the stage, one range, one output with one tile, and its tasks.'''
            (head,) = struct.unpack_from("<I", partial, 8)
            self.front = partial[: 12 + head]
            body = partial[12 + head + 8 : -4]
            _, at = number(body, 16)
            before = body[:at]
            for expected in (1, 0, 1):
                n, at = number(body, at)
                assert n == expected
            start = at
            for expected in (1, 1, 0):
                n, at = number(body, at)
                assert n == expected
            head = body[start:at]
            n, at = number(body, at)
            assert n == 1
            self.template = before, head, body[at:]

    x = cw.random(chunks * 131072, seed=1).max()
    executor = Pretending()
    with cw.Session(threads=1, memory="64MiB") as session:
        start = time.perf_counter()
        found = cw.compute(x, executor=executor)
        took = time.perf_counter() - start - executor.took
    ranges = session.report.ranges
    print(json.dumps({
        "ranges": ranges, "longest": executor.most, "ms": 1000 * took / ranges, "found": float(found),
        # Not ru_maxrss, which has what the parent had before the program was there.
        "mib": next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024,
    }))
"""


def client(chunks, workers, each):
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(chunks), str(workers), str(each)],
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    print(out.stdout)
    import json

    return json.loads(out.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux does")
def test_a_client_of_ten_thousand_workers_and_a_hundred_million_chunks():
    small = client(100_000, 100, 1e-3)
    large = client(100_000_000, 10_000, 1e-4)
    assert small["ranges"] > 100 and large["ranges"] > 20_000 and large["longest"] > 1000
    assert small["found"] == large["found"]
    assert large["mib"] < 200, large
    assert large["ms"] < 1, large
