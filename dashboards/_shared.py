"""What all pages share: how text, tables and links are shown, how what is chosen gets into the address, and what refuses."""

import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import wraps

import streamlit as st

from leeway.core.errors import LeewayError
from leeway.views import access, links, pages, roster
from leeway.views.roster import RosterEntry

#: Okabe and Ito's colours, which most colour-blind people tell apart; a sign or a word stands beside each all the same.
COLOURS = {
    "done": "#009E73",
    "alarm": "#F0E442",
    "late": "#E69F00",
    "failed": "#D55E00",
    "quarantined": "#E8B9D2",
    "stale": "#56B4E9",
    "none": "#BDBDBD",
}
ONE, TWO, THIRD = "#0072B2", "#E69F00", "#009E73"

SHORT, LONG = 22, 120  # letters

STYLE = """<style>
.stMainBlockContainer{padding-top:4.5rem;padding-bottom:3rem}
.lw{width:100%;border-collapse:collapse;font-size:.92rem}
.lw th{text-align:left;font-weight:600;opacity:.7;padding:.35rem .6rem;vertical-align:bottom}
.lw thead tr{border-bottom:1px solid rgba(128,128,128,.4)}
.lw td{padding:.45rem .6rem;vertical-align:top;overflow-wrap:break-word}
.lw tbody tr{border-bottom:1px solid rgba(128,128,128,.2)}
.lw td.n,.lw th.n{text-align:right;font-variant-numeric:tabular-nums}
.lw a{white-space:nowrap}
.lw-ways{overflow-wrap:anywhere}
.lw td.w{white-space:nowrap}
.lw-scroll{overflow-x:auto}
.lw-act{color:#D55E00;font-weight:600}
.lw-dim{opacity:.7}
.lw-cal{border-collapse:separate;border-spacing:3px;font-size:.8rem}
.lw-cal td.day{border:1px solid rgba(128,128,128,.25);border-radius:6px;padding:3px 4px;min-width:4.9em}
.lw-cal td.on{border:2px solid #0072B2}
.lw-cal .key{display:block;opacity:.75;white-space:nowrap;color:inherit!important;text-decoration:none}
.lw-cal a.cell,.lw-legend b{display:inline-block;width:1.5em;height:1.5em;line-height:1.5em;text-align:center;
 border-radius:4px;margin-right:2px;color:#000!important;text-decoration:none;font-weight:700}
.lw-legend span{display:inline-block;margin:0 1rem .2rem 0}
@media (max-width:640px){
 .lw.cards thead{display:none}
 .lw.cards tbody tr{display:block;border:1px solid rgba(128,128,128,.35);border-radius:8px;margin-bottom:.7rem}
 .lw.cards td.w{white-space:normal}
 .lw.cards td,.lw.cards td.n{display:flex;justify-content:space-between;gap:1rem;text-align:right;padding:.25rem .6rem}
 .lw.cards td::before{content:attr(data-label);opacity:.65;text-align:left;flex:0 0 34%}
 .lw.cards td.l{display:block;text-align:left}
 .lw.cards td.l::before{display:block}
 .lw.cards td>span.v{min-width:0;overflow-wrap:anywhere}
 .lw:not(.cards) td{overflow-wrap:anywhere;padding:.45rem .3rem}
 .lw-cal td.day{min-width:2.7em;padding:2px}
 .lw-cal a.cell{width:1.15em;height:1.4em;line-height:1.4em;font-size:.75em;margin-right:1px}
}
</style>"""


@dataclass(frozen=True)
class Markup:
    """HTML that was made here of text that was escaped."""

    text: str


Cell = str | Markup
Page = Callable[[], None]


def guarded(body: Page) -> Page:
    """A page under its title in the list of pages, of which what refuses is shown as the plain message that it is."""
    title = pages.named(body.__module__.rpartition(".")[2]).title

    @wraps(body)
    def page() -> None:
        st.html(STYLE)
        st.title(title, anchor=False)
        try:
            body()
        except LeewayError as error:
            say(error)

    return page


def say(error: LeewayError) -> None:
    """An error: what was being done, what is wrong, and what can be done now."""
    found = "" if error.found is None else f" (found: {error.found})"
    st.error(plain(f"{error.action}: {error.problem}{found}."), icon=":material/error:")
    st.info(plain(f"What to do: {error.hint}"), icon=":material/help:")


def plain(text: object) -> str:
    """Text that Markdown leaves as it is."""
    shown = " ".join(str(text).split())
    for sign in "\\`*_{}[]()<>#+|~$:!-":
        shown = shown.replace(sign, f"\\{sign}")
    return shown


def link(text: str, page: str, **shown: str) -> Markup:
    """A link to another page, with what it shows."""
    return outside(text, links.relative(page, **shown))


def outside(text: str, address: str) -> Markup:
    """A link to an address of our own making."""
    return Markup(f'<a href="{html.escape(address)}" target="_self">{html.escape(text)}</a>')


def bold(text: str) -> Markup:
    """A word that matters."""
    return Markup(f"<strong>{html.escape(text)}</strong>")


def dim(text: str) -> Markup:
    """A word that matters less."""
    return Markup(f'<span class="lw-dim">{html.escape(text)}</span>')


def act(text: str) -> Markup:
    """What a person must do."""
    return Markup(f'<span class="lw-act">{html.escape(text)}</span>')


def lines(cells: Iterable[Cell]) -> Markup:
    """Cells below each other in one."""
    return Markup("<br>".join(_html(cell) for cell in cells))


def folded(summary: str, cells: Iterable[Cell]) -> Markup:
    """Cells below each other that a click on their summary shows."""
    return Markup(f"<details><summary>{html.escape(summary)}</summary>{lines(cells).text}</details>")


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, numbers: Sequence[str] = (), cards: bool = True
) -> None:
    """A table whose text is text; on a phone each row is a card.

    Args:
        numbers: the heads of columns that are aligned to the right.
    """
    classes = ["n" if head in numbers else "" for head in heads]
    head = "".join(f'<th class="{kind}">{html.escape(name)}</th>' for name, kind in zip(heads, classes, strict=True))
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{kind}{_length(cell)}" data-label="{html.escape(name)}"><span class="v">{_html(cell)}</span></td>'
            for name, kind, cell in zip(heads, classes, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    st.html(
        f'<div class="lw-scroll"><table class="lw{" cards" if cards else ""}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def choose(label: str, options: Sequence[str], name: str, default: str | None = None) -> str:
    """One of some options, kept in the address under a name; what the address asks for and is not there is told."""
    asked = st.query_params.get(name)
    start = next((one for one in (asked, default) if one is not None and one in options), options[0])
    if asked is not None and asked not in options:
        st.warning(plain(f"{label} {asked} is not here; this is {start}."), icon=":material/info:")
    value = str(st.selectbox(label, options, index=list(options).index(start), key=f"choose {name} {len(options)}"))
    st.query_params[name] = value
    return value


def classifier() -> RosterEntry | None:
    """The classifier that a page is about; None, and a word of what to do, where there is none."""
    found = roster.everyone()
    if not found:
        nothing(
            "There is no classifier yet.",
            "Declare one: `leeway new NAME TABLE --label COLUMN` writes it from a table; `leeway demo` shows a whole life.",
        )
        return None
    name = choose("Classifier", [item.name for item in found], "classifier")
    known = next(item for item in found if item.name == name)
    if known.definition is None:
        st.warning(plain(f"{known.name}: {known.why}"), icon=":material/info:")
    return known


def nothing(what: str, to_do: str) -> None:
    """That there is nothing to show, and what to do next."""
    st.info(f"**{what}** {to_do}", icon=":material/info:")


def may_act() -> bool:
    """Whether this visitor may change something: asks for the password where one is set."""
    if not access.asks() or st.session_state.get("opened"):
        return True
    with st.form("password", border=True):
        given = st.text_input(
            "Password", type="password", help="LEEWAY_DASHBOARDS_PASSWORD, as the platform was started with"
        )
        pressed = st.form_submit_button("Unlock the buttons")
    if pressed and given and access.opens(given):
        st.session_state["opened"] = True
        st.rerun()
    if pressed:
        st.error("That is not the password.")
    return False


def actor() -> str:
    """Who presses the buttons, for the history."""
    given = st.text_input("Your name, for the history", key="actor", max_chars=60)
    return " ".join((given or "").split()) or "someone at the dashboards"


def _length(cell: Cell) -> str:
    """Short words, such as dates, stay on one line; of what is long, a phone makes a paragraph."""
    if isinstance(cell, str) and len(cell) <= SHORT:
        return " w"
    return " l" if len(_html(cell)) > LONG else ""


def _html(cell: Cell) -> str:
    return cell.text if isinstance(cell, Markup) else html.escape(cell)
