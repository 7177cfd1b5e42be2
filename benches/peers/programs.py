"""Programs for netCDF files, which are HDF5 files."""

from __future__ import annotations

import os
import subprocess
import tempfile

from base import Data, Peer, Skip, Way


class Program(Peer):
    """A program for netCDF files, started for each run."""

    modules = ("h5py",)

    def __init__(self, threads: int):
        super().__init__(threads)
        self.folder = tempfile.TemporaryDirectory(prefix="peer-")

    def close(self):
        self.folder.cleanup()

    def beside(self, name: str) -> str:
        return os.path.join(self.folder.name, name)

    def called(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Skip(" ".join(done.stderr.split())[-200:] or f"{command[0]} failed")
        return done.stdout


class Cdo(Program):
    name = "cdo"
    programs = ("cdo",)
    note = "a process for each run; sums in float64"

    def version(self) -> str:
        done = subprocess.run(["cdo", "--version"], capture_output=True, text=True)
        lines = (done.stdout + done.stderr).splitlines()
        found = {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        netcdf = found.get("NetCDF library version", "unknown").split()[0]
        words = lines[0].split()
        return f"{words[words.index('version') + 1]} (netCDF {netcdf})"

    def field(self, d: Data, *operators: str):
        """It opens no groups, so a file beside links to the datasets."""
        import h5py

        path = self.beside("linked.nc")
        with h5py.File(path, "w") as file:
            for name in ("x", "y") if "y" in operators[-1] else ("x",):
                target = d.stored(name)
                file[name] = h5py.ExternalLink(os.path.abspath(target.file.filename), target.name)
        command = ("cdo", "-s", "-P", str(self.n), "outputf,%.9g,1", *operators, path)
        return Way(lambda: float(self.called(*command)), self.note)

    def mean(self, d: Data):
        return self.field(d, "-fldmean")

    def std(self, d: Data):
        return self.field(d, "-fldstd")

    def expr(self, d: Data):
        return self.field(d, "-expr,s=fldsum(sqrt(x*x+y*y)*2-1)")

    def expr1(self, d: Data):
        return self.field(d, "-expr,s=fldsum(sqrt(x*x+1))")


class Nco(Program):
    name = "nco"
    programs = ("ncwa",)

    def version(self) -> str:
        done = subprocess.run(["ncks", "--version"], capture_output=True, text=True)
        lines = (done.stdout + done.stderr).splitlines()
        return next(line.split()[-1] for line in lines if line.startswith("ncks version"))

    def mean(self, d: Data):
        import h5py

        out = self.beside("mean.nc")
        source = os.path.join(d.folder, d.stored_file)
        command = ("ncwa", "-t", str(self.n), "-O", "-y", "avg", "-g", d.storage, "-v", "x")

        def run():
            self.called(*command, source, out)
            with h5py.File(out, "r") as file:
                return file[f"{d.storage}/x"][()]

        return Way(run, "a process for each run; the answer in float32")
