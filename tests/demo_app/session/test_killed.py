"""kill -9 while the app teaches, trains and saves: nothing acknowledged is lost."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from headfit import SoftmaxHead
from headfit_demo.session import Session

ROOT = Path(__file__).parents[3]

# Teaches and trains without end, each photo followed by a training that saves the head; prints
# how many photos are acknowledged. The engine runs inside, so that the signal meets everything.
TEACHER = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from headfit_demo.session import Session
from tests.support.photos import THINGS, frames

session = Session(Path(sys.argv[1]), isolate=False)
cards = session.projects()
session.open_project(cards[0].key) if cards else session.create_project("Toys")
project = session.project
seed = project.view().n_photos
pictures = {thing: frames(thing, 4, seed) for thing in THINGS}
print("ready", flush=True)
while True:
    for thing in THINGS:
        if thing not in project.class_names:
            project.add_class(thing)
        project.add_photos(thing, [pictures[thing][seed % 4]])
        seed += 1
        print(project.view().n_photos, flush=True)
        project.settle()
"""


def test_nothing_taught_is_lost_by_kills(tmp_path: Path) -> None:
    """Five kills at random moments; the store is whole, the head is old or new, never half."""
    rng, acknowledged = random.Random(3), 0
    for _ in range(5):
        command = [sys.executable, "-c", TEACHER, str(tmp_path / "data"), str(ROOT)]
        teacher = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert teacher.stdout is not None
        assert teacher.stdout.readline().strip() == "ready"
        time.sleep(rng.uniform(0.2, 1.5))
        teacher.send_signal(signal.SIGKILL)
        said = [int(line) for line in teacher.stdout.read().split("\n") if line.isdigit()]
        teacher.wait()
        teacher.stdout.close()
        acknowledged = max([acknowledged, *said])

        session = Session(tmp_path / "data", isolate=False)
        (card,) = session.projects()
        head_path = tmp_path / "data" / "projects" / card.key / "trained.head"
        if head_path.exists():
            SoftmaxHead.load(head_path)  # raises if it is half
        session.open_project(card.key)
        view = session.project.view()
        assert view.n_photos >= acknowledged
        assert view.name == "Toys"
        session.close()
    assert acknowledged > 0
