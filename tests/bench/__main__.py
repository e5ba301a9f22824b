"""`make bench`: measures the studio on this machine and prints what it found as tables. `make bench B=pages`: one of them."""

import sys

from tests.bench.pages import bench_pages
from tests.bench.songs import bench_songs

BENCHES = {"songs": bench_songs, "pages": bench_pages}

if __name__ == "__main__":  # the composer's processes import this file too
    for name in sys.argv[1:] or BENCHES:
        BENCHES[name]()
