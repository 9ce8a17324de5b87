"""Each page by Streamlit's own harness, over a classifier that has lived."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

import dashboards
from dashboards.versions import _gates
from leeway.alerts import muting
from leeway.core.errors import NotFound
from leeway.core.settings import settings
from leeway.evaluation import card_store
from leeway.lifecycle import registry, retraining
from leeway.store import storage
from leeway.store.database import database
from leeway.store.tables import partition as ledger
from leeway.views import links, pages
from tests.dashboards.conftest import EVIL, REQUEST, tell, visible, words

pytestmark = pytest.mark.xdist_group("dashboards")
PAGES = tuple(page.name for page in pages.PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(lived, page):
    shown = lived.open(page)
    assert not shown.exception
    assert not shown.error
    assert shown.title[0].value


def test_every_module_with_a_page_is_in_the_list_and_shows_its_title(lived):
    modules = Path(dashboards.__file__).parent.glob("*.py")
    assert {path.stem for path in modules if "@shared.guarded" in path.read_text()} == set(PAGES)
    for page in pages.PAGES:
        assert lived.open(page.name).title[0].value == page.title


def test_a_link_to_a_page_that_is_not_in_the_list_is_refused_with_those_that_there_are():
    with pytest.raises(NotFound, match=r"there is no such page \(found: calendar\).*there are overview, on_call"):
        links.relative("calendar")


@pytest.mark.parametrize("page", [page for page in PAGES if page != "runbook"])
def test_an_empty_database_says_what_to_do_next(project, page):
    shown = _alone(page)
    assert not shown.exception
    assert "leeway new NAME" in words(shown)


def _alone(page, **address):
    from tests.dashboards.conftest import Lived

    return Lived.open(type("Nobody", (), {"name": address.pop("classifier", "toy")})(), page, **address)


def test_the_overview_is_red_only_where_a_person_must_act(lived):
    said = visible(lived.open("overview"))
    assert "1 of 1" in said
    assert f"approve or reject the retrain {REQUEST}" in said
    assert "the delivery of 2026-03-26 was rejected" in said
    retraining.settle(REQUEST, False, "ann")
    assert f"approve or reject the retrain {REQUEST}" not in visible(lived.open("overview"))
    lived.hold()


def test_the_owner_sees_what_decisions_were_worth(lived):
    shown = lived.open("owner")
    figures = {item.label: item.value for item in shown.metric}
    assert figures["Saved, against no model"].endswith(" €")
    assert figures["Saved, against the champion before"].endswith(" €")
    assert figures["Decisions a day"] == "40"
    assert len(shown.get("vega_lite_chart")) == 4


def test_a_night_that_is_no_date_leaves_the_rest_of_the_page(lived):
    said = visible(lived.open("on_call", night="zzz"))
    assert "it is not a date" in said.replace("\\", "")
    assert "2026-03-26 ingest: failed" in said
    assert "Runs that failed" in said


def test_the_ledger_shows_each_stage_and_a_night_has_an_address(lived):
    shown = lived.open("on_call", night="2026-03-26")
    said = visible(shown)
    assert "on_call?classifier=toy&amp;night=2026-03-25" in said
    assert "2026-03-26 ingest: failed" in said
    assert "2026-03-25 monitor: done" in said
    assert "the batch as it came" in said
    assert "runbook?subject=delivery-rejected" in said


def test_a_silence_is_said_where_somebody_would_wonder(lived):
    now = settings().pages_at
    muting.mute(None, now, timedelta(hours=1), reason="moving *the* source", actor="ann")
    said = visible(lived.open("on_call"))
    assert "Nobody is told: muted by ann until 2026-03-27 07:00 UTC: moving *the* source. `leeway unmute --all`" in said
    assert muting.unmute(None, now) == 1
    assert "muted" not in visible(lived.open("on_call"))


def test_a_request_is_approved_by_a_button_under_the_name_that_was_given(lived):
    lived.hold()
    shown = lived.open("on_call")
    shown.text_input(key="actor").set_value("ann").run()
    shown.button(key=f"approve {REQUEST}").click().run()
    found = retraining.get(REQUEST)
    assert (found.state, found.history[-1]["why"]) == ("requested", "approved by ann")
    assert "the next night trains the challenger" in visible(shown)
    assert not [item for item in lived.open("on_call").button if REQUEST in (item.key or "")]
    lived.hold()
    lived.open("on_call").button(key=f"reject {REQUEST}").click().run()
    assert retraining.get(REQUEST).state == "rejected"
    lived.hold()


def test_with_a_password_nobody_presses_a_button_who_does_not_know_it(lived, monkeypatch):
    monkeypatch.setenv("LEEWAY_DASHBOARDS_PASSWORD", "open sesame")
    settings.cache_clear()
    shown = lived.open("on_call")
    assert shown.button(key=f"approve {REQUEST}").disabled
    shown.text_input[0].set_value("guess")
    shown.button[0].click().run()
    assert "not the password" in words(shown)
    assert shown.button(key=f"approve {REQUEST}").disabled
    assert not [item for item in lived.open("versions").button if item.label.startswith("Bring back")]
    shown.text_input[0].set_value("open sesame")
    shown.button[0].click().run()
    assert not shown.button(key=f"approve {REQUEST}").disabled
    monkeypatch.undo()
    settings.cache_clear()


def test_a_roll_back_brings_back_the_champion_before(lived):
    shown = lived.open("versions")
    assert [item.label for item in shown.button] == ["Bring back version 1"]
    assert shown.button[0].disabled
    shown.text_input(key="reason").set_value("complaints")
    shown.checkbox[0].check().run()
    shown.button[0].click().run()
    last = registry.history(lived.name)[0]
    assert (last.version, last.outcome, last.reason) == (1, "rolled_back", "complaints")
    registry.promote(lived.name, 2, reason="back again", actor="test")


def test_versions_say_what_differs(lived):
    said = visible(lived.open("versions", one="1", two="2"))
    assert "holdout: roc_auc" in said
    assert "trained until" in said


def test_gates_that_passed_are_folded_and_one_that_failed_is_not():
    outcomes = {"floors": "fail", "leakage": "pass", "fairness": "not applicable"}
    shown = _gates([{"gate": gate, "outcome": outcome, "why": f"of {gate}"} for gate, outcome in outcomes.items()]).text
    assert shown.index("✕ floors: of floors") < shown.index("<summary>1 more passed, 1 not applicable</summary>")
    assert shown.index("<summary>") < shown.index("✓ leakage: of leakage") < shown.index("– fairness: of fairness")


def test_the_whole_card_is_a_link(lived, monkeypatch):
    monkeypatch.setenv("LEEWAY_REPORTS_URL", "https://reports.example.com")
    settings.cache_clear()
    with storage.replacing(card_store.path_of(lived.name, 1), "writing a card") as beside:
        beside.write_text("a card")
    said = words(lived.open("versions", card="1"))
    assert '<a href="https://reports.example.com/cards/toy/1"' in said
    assert "Markup" not in said


def test_a_report_opens_in_a_frame_of_its_own_and_can_be_downloaded(lived):
    shown = lived.open("reports", night="2026-03-24")
    frame = shown.get("iframe")[0].proto.srcdoc
    assert 'sandbox="allow-scripts"' in frame
    assert "What to do" in frame
    assert "allow-same-origin" not in frame
    assert shown.get("download_button")


def test_a_report_that_is_gone_is_a_plain_message(lived):
    path = storage.place("reports", lived.name, "2026-03-23.html")
    content = path.read_bytes()
    path.unlink()
    said = visible(lived.open("reports", night="2026-03-23"))
    assert "its report is no longer kept" in said
    assert "leeway nightly toy --partition 2026-03-23" in said
    path.write_bytes(content)


def test_a_night_that_no_database_can_hold_is_not_here(lived):
    shown = lived.open("reports", night="\0")
    assert not shown.exception
    assert "is not here" in visible(shown)


@pytest.mark.parametrize("night", ["../../secret", "..%2f..%2fsecret", "/etc/passwd"])
def test_a_path_that_climbs_out_of_the_reports_is_refused(lived, night):
    secret = lived.project.home / "secret.html"
    secret.write_text("the secret")
    assert "the secret" not in words(lived.open("reports", night=night))
    tell(lived.name, night)  # though someone had stored such a name
    shown = lived.open("reports", night=night)
    assert "the secret" not in words(shown) + str(shown.get("iframe"))
    if ".." in night and "/" in night:
        assert "outside the reports" in visible(shown)
    with database().transaction() as connection:
        connection.execute(sa.text("DELETE FROM leeway.monitoring WHERE partition = :night"), {"night": night})


def test_a_classifier_that_is_no_longer_declared_still_shows_its_past(lived):
    model = lived.project.root / "models" / "toy.py"
    text = model.read_text()
    model.unlink()
    try:
        for page in PAGES[:-1]:
            shown = lived.open(page)
            assert not shown.exception, page
            assert not shown.error, page
        assert "its definition is no longer in models" in visible(lived.open("on_call"))
        assert "2026-03-25" in words(lived.open("reports"))
    finally:
        lived.project.write("models/toy.py", text)


def test_an_address_of_a_classifier_that_never_was_says_so(lived):
    assert "Classifier nobody is not here; this is toy" in visible(lived.open("owner", classifier="nobody"))


def test_names_and_reasons_are_text_whatever_they_hold(lived):
    with database().transaction() as connection:
        row = {"classifier": EVIL, "partition": "2026-03-01", "stage": "ingest", "status": "done"}
        connection.execute(sa.insert(ledger).values(**row, input={}, output={"rows": 1, "quarantined": 0}))
    tell(EVIL, "2026-03-01", why=EVIL)
    try:
        for page in ("overview", "reports", "on_call", "versions", "owner", "debug"):
            shown = lived.open(page, classifier=EVIL)
            assert not shown.exception, page
            assert "<img" not in "".join(str(item.proto.body) for item in shown.get("html")), page
            assert "<img" not in "".join(str(item.value) for item in shown.markdown).replace(r"\<", ""), page
        assert "&lt;img src=x" in words(lived.open("overview"))
    finally:
        with database().transaction() as connection:
            for name in ("partition", "monitoring"):
                connection.execute(sa.text(f"DELETE FROM leeway.{name} WHERE classifier = :name"), {"name": EVIL})


def test_a_database_that_goes_away_while_a_page_is_open_is_a_plain_message(lived):
    shown = lived.open("overview")
    opened = database()
    engine, opened.engine = opened.engine, sa.create_engine("postgresql+psycopg2://nobody@127.0.0.1:1/none")
    try:
        shown.run()
        assert not shown.exception
        assert "PostgreSQL is not reachable" in visible(shown)
        assert "What to do: check that it runs" in visible(shown)
    finally:
        opened.engine = engine
    shown.run()
    assert not shown.error


def test_two_windows_are_compared_by_their_address(lived):
    shown = lived.open("debug", version="1", a="2026-03-21", b="2026-03-21", c="2026-03-22", d="2026-03-23")
    said = visible(shown)
    assert "First window: 1 night. Second window: 2 nights." in said
    assert "amount" in said
    assert "secret" not in said  # what the sensitive column holds
    assert "version 1 scored none of these nights" in visible(
        lived.open("debug", version="1", a="2026-03-22", b="2026-03-21")
    )


def test_a_runbook_has_an_address(lived):
    assert "# A breach" in words(lived.open("runbook", subject="breach"))
