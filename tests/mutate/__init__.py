"""Faults made on purpose, one at a time, each of which a test has to notice: `make mutate`."""

from tests.mutate import access, ledger, operations, output, web
from tests.mutate.faults import Fault

FAULTS: list[Fault] = [*web.FAULTS, *output.FAULTS, *access.FAULTS, *ledger.FAULTS, *operations.FAULTS]
