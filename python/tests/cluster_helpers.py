"""What runs in the processes that the tests of clusters start, and executors that do harm."""

import concurrent.futures
import os
import signal


def die(*_):
    """Ends this process as the system does when there is no memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def half(*_):
    """Ends this process in the middle of sending a result: some bytes of it are in the pipe."""
    import inspect

    frame = inspect.currentframe()
    while "result_queue" not in frame.f_locals:
        frame = frame.f_back
    writer = frame.f_locals["result_queue"]._writer
    # The length of a message of which nothing follows.
    os.write(writer.fileno(), (1 << 20).to_bytes(4, "big"))
    die()


def fail(*_):
    raise ArithmeticError("a range that raises")


class Harmful:
    """An executor in which the range that has a certain task is replaced by something else."""

    def __init__(self, make, task, harm, times=None):
        self._make, self._task, self._harm, self._times = make, task, harm, times
        self._executor = make()
        self.made = 1

    def __call__(self):
        self._executor = self._make()
        self.made += 1
        return self

    def __getattr__(self, name):
        return getattr(self.__dict__["_executor"], name)

    def submit(self, function, *args):
        begin, end = args[3], args[4]
        if begin <= self._task < end and (self._times is None or self._times > 0):
            if self._times is not None:
                self._times -= 1
            return self._executor.submit(self._harm)
        return self._executor.submit(function, *args)

    def shutdown(self, **how):
        self._executor.shutdown(**how)


def level():
    """Has every other process use no vectors: as machines of different kinds do."""
    if os.getpid() % 2:
        os.environ["CHUNKWISE_SIMD"] = "baseline"


def mixed():
    import multiprocessing

    return concurrent.futures.ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn"), initializer=level)


def processes(workers=2):
    import multiprocessing

    return concurrent.futures.ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
