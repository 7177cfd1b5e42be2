"""Those that reduce by group: pandas, polars, flox."""

from __future__ import annotations

from base import Data, Peer, Way
from works import GROUPS


class Pandas(Peer):
    name = "pandas"
    modules = ("numpy", "h5py", "pandas")

    def version(self) -> str:
        import pandas as pd

        return pd.__version__

    def group_sum(self, d: Data):
        import pandas as pd

        a, g = d.columns("a", "g")
        df = pd.DataFrame({"a": a, "g": g})
        note = "compensated sums in float64, rounded to float32, one thread"
        return Way(lambda: df.groupby("g", sort=True)["a"].sum().to_numpy(), note)


class Polars(Peer):
    name = "polars"
    modules = ("numpy", "h5py", "polars")

    def version(self) -> str:
        import polars as pl

        return pl.__version__

    def group_sum(self, d: Data):
        import polars as pl

        a, g = d.columns("a", "g")
        frame = pl.DataFrame({"a": a, "g": g})

        def run():
            sums = frame.group_by("g").agg(pl.col("a").sum())
            return sums.sort("g")["a"].to_numpy()

        return Way(run, "group_by, sums in float32")


class Flox(Peer):
    name = "flox"
    modules = ("numpy", "h5py", "flox", "numbagg")

    def version(self) -> str:
        import flox
        import numbagg

        return f"{flox.__version__} (numbagg {numbagg.__version__})"

    def group_sum(self, d: Data):
        import flox
        import numpy as np

        a, g = d.columns("a", "g")
        labels = np.arange(GROUPS, dtype=g.dtype)

        def with_engine(engine: str, **how):
            def run():
                return flox.groupby_reduce(
                    a, g, func="sum", expected_groups=labels, engine=engine, **how
                )[0]

            return Way(run, f"engine {engine}")

        # numbagg takes no dtype and adds in the values' own.
        return [with_engine("numbagg"), with_engine("flox", dtype="f8")]
