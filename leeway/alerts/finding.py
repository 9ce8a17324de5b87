"""Find what people are to be told of, from what is stored: whoever looks finds the same, so nothing is lost with a run."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from leeway.alerts.happening import Happening, Name
from leeway.definition import Classifier
from leeway.definition.partitions import Partition
from leeway.lifecycle import registry, retraining
from leeway.lifecycle.retraining import Request
from leeway.views import links, on_call, roster, runs, verdicts
from leeway.views.on_call import Day
from leeway.views.verdicts import NightVerdict

LATELY = timedelta(days=7)  # what lies longer ago is history, such as that of a backfill
MANY = 2  # classifiers that are hit on one day are an incident, where they are at least half of all
VERDICTS: tuple[Name, ...] = ("breach", "alert", "data fault", "watching")
OUTCOMES: dict[str, Name] = {"promoted": "promotion", "rolled_back": "promotion", "refused": "refusal"}


def find(now: datetime) -> list[Happening]:
    """Everything of the last days, of all classifiers."""
    found: list[Happening] = []
    for known in roster.everyone():
        if known.definition is not None:
            found += of(known.definition, now)
        else:
            found += _decisions(known.name, now, LATELY)
    return [*_with_incidents(found), *_failed_runs(now)]


def of(classifier: Classifier, now: datetime, since: timedelta = LATELY) -> list[Happening]:
    """Everything of the last days about one classifier."""
    days = on_call.calendar(classifier, now)
    return [
        *_verdicts(classifier, now, since),
        *_rejected(classifier, days, now, since),
        *_missing(classifier, days),
        *_requests(classifier.name, now, since),
        *_decisions(classifier.name, now, since),
    ]


def _verdicts(classifier: Classifier, now: datetime, since: timedelta) -> Iterator[Happening]:
    """One for each episode: nights of one verdict that follow each other, or nearly."""
    grain, name = classifier.partition, classifier.name
    nights = verdicts.of(name, only=VERDICTS, most=5_000)  # of all times: an episode has the name of its first night
    recent = Partition.containing(now - since, grain).key
    for kind in VERDICTS:
        same = [night for night in reversed(nights) if night.verdict == kind]
        for episode in _episodes(same, classifier):
            if episode[-1].partition >= recent:
                incident = any(night.evidence.get("incident") for night in episode)
                yield _of_episode("incident" if incident else kind, classifier, episode)


def _episodes(nights: list[NightVerdict], classifier: Classifier) -> list[list[NightVerdict]]:
    found: list[list[NightVerdict]] = []
    for night in nights:
        start = Partition.parse(night.partition, classifier.partition)
        if found and start <= Partition.parse(found[-1][-1].partition, classifier.partition).shift(
            classifier.drift.among
        ):
            found[-1].append(night)
        else:
            found.append([night])
    return found


def _of_episode(kind: Name, classifier: Classifier, episode: list[NightVerdict]) -> Happening:
    first, last = episode[0], episode[-1]
    times = f"on {last.partition}" if len(episode) == 1 else f"in {len(episode)} partitions, last on {last.partition}"
    return Happening(
        f"{kind}:{classifier.name}:{first.partition}",
        kind,
        classifier.name,
        f"{kind} of {classifier.name} {times}",
        Partition.parse(first.partition, classifier.partition).start,
        last.why,
        links.page("reports", classifier=classifier.name, night=last.partition),
        last.rows,
    )


def _rejected(classifier: Classifier, days: list[Day], now: datetime, since: timedelta) -> Iterator[Happening]:
    recent = Partition.containing(now - since, classifier.partition).key
    for day in days:
        cell = day.cells["ingest"]
        if cell.state == "failed" and day.partition >= recent:
            yield Happening(
                f"rejected delivery:{classifier.name}:{day.partition}",
                "rejected delivery",
                classifier.name,
                f"the delivery of {classifier.name} {day.partition} was rejected",
                Partition.parse(day.partition, classifier.partition).end,
                cell.says,
                links.page("on_call", classifier=classifier.name, night=day.partition),
            )


def _missing(classifier: Classifier, days: list[Day]) -> Iterator[Happening]:
    """One, of all the nights that are late; the same until one is held, however long that takes."""
    late = on_call.late(classifier, days)
    if late:
        held = [day.partition for day in days if day.cells["monitor"].state == "done" and day.partition < late[0]]
        first = Partition.parse(late[0], classifier.partition)
        yield Happening(
            f"missing night:{classifier.name}:after {max(held, default=None) or on_call.last_held(classifier.name)}",
            "missing night",
            classifier.name,
            f"the night of {classifier.name} {first.key} is missing",
            first.end,
            f"{len(late)} {'night is' if len(late) == 1 else 'nights are'} late",
            links.page("on_call", classifier=classifier.name, night=first.key),
        )


def _requests(name: str, now: datetime, since: timedelta) -> Iterator[Happening]:
    for request in retraining.all_of(name):
        at = _since(request)
        where = links.page("on_call", classifier=name)
        if request.state == "held":
            yield Happening(
                f"held request:{request.key}",
                "held request",
                name,
                f"the retrain {request.key} waits for a person",
                at,
                request.reason,
                where,
            )
        elif request.state == "failed" and at >= now - since:
            yield Happening(
                f"failed retrain:{request.key}",
                "failed retrain",
                name,
                f"the retrain {request.key} failed",
                at,
                request.history[-1]["why"],
                where,
            )


def _decisions(name: str, now: datetime, since: timedelta) -> Iterator[Happening]:
    for item in registry.history(name):
        # Of a past that was lived through afterwards, as the demo's, the time as of which it was decided is when.
        at = item.created_at if item.created_at <= now else item.as_of
        if at < now - since:
            return
        kind = OUTCOMES[item.outcome]
        verb = {"promoted": "is champion", "rolled_back": "is champion again", "refused": "was refused"}[item.outcome]
        why = "; ".join(f"{gate['gate']}: {gate['why']}" for gate in item.evidence if gate["outcome"] == "fail")
        yield Happening(
            f"{kind}:{name}:{item.version}:{item.created_at:%Y%m%d%H%M%S%f}",
            kind,
            name,
            f"version {item.version} of {name} {verb}",
            at,
            why or item.reason,
            links.page("versions", classifier=name),
        )


def _failed_runs(now: datetime) -> Iterator[Happening]:
    """Of Prefect's server, where there is one. A delivery that was rejected is told by the ledger."""
    for run in runs.failed(now) or []:
        if run.runbook != "delivery-rejected":
            yield Happening(
                f"failed run:{run.name}",
                "failed run",
                None,
                f"the run {run.name} {run.state}",
                run.at,
                run.error,
                run.link or links.page("on_call"),
                runbook=run.runbook,
            )


def _with_incidents(found: Iterable[Happening]) -> list[Happening]:
    """The same, with an incident for every day that hit many classifiers; what belongs to it says so."""
    happenings = list(found)
    by_day: dict[str, list[Happening]] = defaultdict(list)
    for item in happenings:
        if item.kind in ("breach", "alert", "data fault", "rejected delivery", "missing night"):
            by_day[f"{item.since.astimezone(UTC):%Y-%m-%d}"].append(item)
    watched = len([known for known in roster.everyone() if known.definition is not None])
    incidents: list[Happening] = []
    for day, hit in by_day.items():
        names = sorted({item.classifier for item in hit if item.classifier is not None})
        if len(names) >= MANY and 2 * len(names) >= watched:
            incident = Happening(
                f"incident:{day}",
                "incident",
                None,
                f"{len(names)} classifiers at once on {day}: {', '.join(names)}",
                min(item.since for item in hit),
                "; ".join(item.what for item in hit),
                links.page("overview"),
            )
            incidents.append(incident)
            happenings = [replace(item, part_of=incident.key) if item in hit else item for item in happenings]
    return [*incidents, *happenings]


def _since(request: Request) -> datetime:
    return datetime.fromisoformat(request.history[-1]["at"])
