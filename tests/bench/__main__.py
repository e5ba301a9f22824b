"""`make bench`: measures the studio on this machine and prints what it found as a table."""

from tests.bench.songs import bench_songs

if __name__ == "__main__":  # the composer's processes import this file too
    bench_songs()
