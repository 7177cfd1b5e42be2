"""All peers, by name."""

from __future__ import annotations

from arrays import Blosc2, Fsum, Numexpr, Numpy, NumpyFile
from base import Peer
from groups import Flox, Pandas, Polars
from histograms import BoostHistogram, FastHistogram, FastHistogramThreads, Yt
from lazy import Dask, Vaex
from programs import Cdo, Nco

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        Numpy,
        NumpyFile,
        Fsum,
        Numexpr,
        FastHistogram,
        FastHistogramThreads,
        BoostHistogram,
        Vaex,
        Dask,
        Blosc2,
        Yt,
        Pandas,
        Polars,
        Flox,
        Cdo,
        Nco,
    )
}
