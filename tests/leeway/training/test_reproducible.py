import os
import subprocess
import sys

import leeway.model.bundle
from leeway.core.files import discard
from leeway.dataset import snapshots
from leeway.lifecycle import registry
from leeway.training import fit

AGAIN = """
import sys
from datetime import datetime
import leeway.model.bundle
from leeway.dataset import snapshots
from leeway.definition import catalog
from leeway.training import fit

classifier, as_of = catalog.load("toy"), datetime.fromisoformat(sys.argv[1])
taken = snapshots.take(classifier, as_of)
folder = fit.folder_of("toy", fit.fit(classifier, taken.hash, as_of))
print(taken.hash, leeway.model.bundle.checksum(folder))
"""


def test_training_again_as_of_the_same_time_gives_the_same_snapshot_and_the_same_bundle(world):
    world.fill()
    key, _ = world.train(20)
    as_of, folder = world.day(20).start, fit.folder_of(world.name, key)
    first = (registry.made(world.name, key).card.snapshot, leeway.model.bundle.checksum(folder))
    discard(folder)
    snapshots.path_of(world.name, first[0]).unlink()
    command = [sys.executable, "-c", AGAIN, as_of.isoformat()]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OPENBLAS_NUM_THREADS": "2"}  # here it is 1
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert tuple(done.stdout.split()) == first
