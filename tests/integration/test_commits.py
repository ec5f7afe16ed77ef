"""Twenty-five years of real observations through the running system: stream, batch and both agree."""

import json
from threading import Event, Thread

import pytest

from batch_layer import report
from batch_layer.run import run
from deploy.demo.accuracy import measure
from tests.integration.system import COMMIT_RULES, COMMITS, commit_events, simulate

RULES = COMMIT_RULES

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow,
    pytest.mark.skipif(not COMMITS.exists(), reason=f"needs {COMMITS}"),
]


class Poller(Thread):
    """Asks for the same identifiers again and again, and notes every answer that is not the first one."""

    def __init__(self, view, identifiers):
        super().__init__(daemon=True)
        self.view = view
        self.questions = [tuple(identifier) for identifier in identifiers]
        self.expected = self.ask()
        self.wrong = []
        self.rounds = 0
        self.generations = set()
        self.stop = Event()

    def ask(self):
        return [found.customer and found.customer.id for found in self.view.lookup(self.questions).found]

    def run(self):
        while not self.stop.is_set():
            answer = self.view.lookup(self.questions)
            self.generations.add(answer.freshness.generation)
            found = [found.customer and found.customer.id for found in answer.found]
            if found != self.expected:
                self.wrong.append(
                    [pair for pair in zip(self.expected, found, strict=True) if pair[0] != pair[1]]
                )
            self.rounds += 1

    def end(self):
        self.stop.set()
        self.join(30)


@pytest.fixture(scope="module")
def observed():
    return list(commit_events())


def hand_over(system, job, number):
    """Run a batch while somebody keeps asking; nobody's id may change and nobody may go missing."""
    before = system.export()
    asked = [next(iter(sorted(members))) for members in list(before.values())[:500]]
    poller = Poller(system.view, asked)
    assert None not in poller.expected
    poller.start()
    run(job)
    parity = report.load(job.generations, number).parity
    assert (parity.why, parity.differing) == (None, 0)
    assert parity.compared > len(before)
    system.await_generation(number)
    known = poller.rounds
    # The old generation's answers alone would prove nothing.
    while poller.is_alive() and poller.rounds < known + 3:
        poller.join(0.01)
    poller.end()
    assert poller.wrong == []
    assert {number - 1, number} <= poller.generations
    assert system.export() == before


def test_stream_and_batch_give_what_simulate_gives(system, job, observed, tmp_path, record_property):
    lines = [line for line, _ in observed]
    half = len(lines) // 2
    system.start_worker()

    system.send(lines[:half])
    system.await_applied()
    hand_over(system, job, 1)
    assert set(system.export().values()) == simulate(RULES, lines[:half], tmp_path)

    system.send(lines[half:])
    system.await_applied()
    expected = simulate(RULES, lines, tmp_path)
    assert set(system.export().values()) == expected

    hand_over(system, job, 2)
    assert set(system.export().values()) == expected

    people = {}
    for line, person in observed:
        for entry in json.loads(line)["identifiers"].items():
            people.setdefault(entry, set()).add(person)
    truth = {entry: owners.pop() for entry, owners in people.items() if len(owners) == 1}
    accuracy = measure(system.export().values(), truth)
    record_property("recall", accuracy.recall)
    record_property("precision", accuracy.precision)
    print(f"recall {accuracy.recall:.4f}, precision {accuracy.precision:.4f} against the hand-kept aliases")
    assert 0.5 < accuracy.recall <= 1
