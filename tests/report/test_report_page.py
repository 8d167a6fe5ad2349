"""The page in a real browser: self-contained, deaf to hostile text, searchable, printable, readable by everyone."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from retaguarda.portal.browser import open_browser
from retaguarda.report import page as page_module
from retaguarda.report.content import EvidenceLine, RunReport
from retaguarda.report.page import MISSING, page, write_page
from retaguarda.report.pictures import choose
from tests.report.hostile import FORMULAS, MARKUP, ODD, poisoned
from tests.report.report_sample import empty_report

TEMPLATES = Path(page_module.__file__).parent / "templates"
CSP = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')


@pytest.fixture(scope="module")
def html(report: RunReport) -> str:
    return page(report)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as browser:
        yield browser


@dataclass
class Shown:
    """A page in the browser, with everything that it complained about or asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, folder: Path, text: str) -> Iterator[Shown]:
    path = folder / "log.html"
    path.write_bytes(text.encode("utf-8", "replace"))
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="pt-BR")
    shown = Shown(context.new_page())
    shown.page.on("console", lambda message: shown.complaints.append(message.text))
    shown.page.on("pageerror", lambda error: shown.complaints.append(str(error)))
    shown.page.on("dialog", lambda dialog: shown.complaints.append(dialog.message))
    shown.page.on("request", lambda request: shown.requests.append(request.url))
    shown.page.goto(path.as_uri())
    yield shown
    context.close()


class Tags(HTMLParser):
    """Every tag of the page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag in names]


def test_the_page_needs_nothing_but_itself(html: str) -> None:
    tags = Tags(html)
    addresses = {
        value or ""
        for _, attributes in tags.found
        for name, value in attributes.items()
        if name in {"href", "src", "action", "srcset", "data"}
    }
    assert {address.split(":")[0] for address in addresses if not address.startswith("#")} == {"data"}
    assert not tags.of("link", "iframe", "object", "embed", "base")
    assert "url(" not in html
    assert "@import" not in html


def test_every_link_leads_somewhere_on_the_page(html: str) -> None:
    tags = Tags(html)
    ids = [attributes["id"] for _, attributes in tags.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(attributes["href"]) for attributes in tags.of("a")]
    assert [link for link in links if link.startswith("#pictures-")]
    assert [link for link in links if link.startswith("#contracts-")]
    assert {link.removeprefix("#") for link in links} <= set(ids)


def test_no_name_of_a_template_is_left_empty(html: str) -> None:
    assert MISSING.split("%", maxsplit=1)[0] not in html
    assert MISSING.split("%", maxsplit=1)[0] not in page(empty_report())


@pytest.mark.browser
def test_it_opens_without_a_complaint_and_shows_every_picture(browser: Browser, html: str, tmp_path: Path) -> None:
    with opened(browser, tmp_path, html) as shown:
        assert shown.page.title().startswith("Fechar o mês – Exemplo Comercializadora")
        shown.page.wait_for_function("[...document.querySelectorAll('.shot img')].every(i => i.naturalWidth > 0)")
        assert shown.page.locator(".shot img").count() > 50
        assert not shown.complaints
        assert [url for url in shown.requests if not url.startswith(("file:", "data:"))] == []


# --- hostile text ------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("policy", [True, False], ids=["with-policy", "escaping-alone"])
def test_hostile_text_stays_text(browser: Browser, report: RunReport, tmp_path: Path, policy: bool) -> None:
    text = page(poisoned(report, MARKUP + FORMULAS))
    if not policy:
        text, cut = CSP.subn("", text)
        assert cut == 1
    with opened(browser, tmp_path, text) as shown:
        for row in shown.page.locator("#items tbody tr").all()[:3]:
            row.hover()
        assert shown.page.evaluate("window.pwned === undefined")
        assert shown.page.locator("script").count() == 1
        assert shown.page.locator("style").count() == 1
        assert not shown.page.evaluate(
            "[...document.querySelectorAll('*')].some(e => [...e.attributes].some(a => a.name.startsWith('on')))"
        )
        assert not shown.page.evaluate("[...document.links].some(a => !a.getAttribute('href').startsWith('#'))")
        assert MARKUP[0] in shown.page.locator("#items").inner_text()
        assert not shown.complaints


@pytest.mark.browser
def test_odd_text_does_not_spoil_the_page(browser: Browser, report: RunReport, tmp_path: Path) -> None:
    with opened(browser, tmp_path, page(poisoned(report, (*ODD[:-1], "x" * 3_000)))) as shown:
        assert shown.page.locator("#items tbody tr").count() == len(report.items)
        assert shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not shown.complaints


def test_the_policy_lets_only_this_script_and_style_work(html: str) -> None:
    policy = CSP.search(html)
    assert policy
    for name, tag in (("log.css", "style"), ("log.js", "script")):
        inline = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert inline
        assert inline[1] == (TEMPLATES / name).read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert f"&#x27;sha256-{digest}&#x27;" in policy[0] or f"'sha256-{digest}'" in policy[0]
    assert "default-src" in policy[0]
    assert "unsafe" not in policy[0]


# --- pictures ----------------------------------------------------------------------------------------------------------


def test_pictures_are_the_kept_files_byte_by_byte(html: str, report: RunReport) -> None:
    kept = {line.sha256 for line in report.evidence if line.kind == "picture"}
    carried = [base64.b64decode(found) for found in re.findall(r'src="data:image/webp;base64,([^"]+)"', html)]
    assert {hashlib.sha256(content).hexdigest() for content in carried} == kept


def test_a_small_budget_carries_failures_first_and_forms_before_receipts(report: RunReport) -> None:
    pictures = [line for line in report.evidence if line.kind == "picture"]
    failures = [line for line in pictures if line.label.startswith("failure") or line.label.endswith(": refused")]
    forms = [line for line in pictures if line.label.endswith("before the button")]
    assert 0 < len(failures) < len(forms) < len(pictures)
    budget = sum(line.size * 4 // 3 + 64 for line in (*failures, *forms[:5]))
    chosen = choose(report.evidence, budget)
    carried = [picture for picture in chosen if picture.address]
    assert {line.sha256 for line in failures} <= {picture.line.sha256 for picture in carried}
    assert 0 < len([p for p in carried if p.line in forms]) < len(forms)
    assert not [picture for picture in carried if picture.line.label.endswith(": receipt")]
    assert sum(len(picture.address) for picture in carried) <= budget
    assert len(chosen) == len(pictures), "those left out are still listed"


def test_a_picture_that_was_changed_removed_or_is_none_is_not_carried(tmp_path: Path, report: RunReport) -> None:
    original = next(line for line in report.evidence if line.kind == "picture")
    changed, script = tmp_path / "changed", tmp_path / "script"
    changed.write_bytes(original.path.read_bytes()[:-1] + b"!")
    script.write_bytes(b"<script>alert(1)</script>")
    lines = [
        replace(original, path=changed),
        replace(original, sha256="0" * 64, path=tmp_path / "gone"),
        EvidenceLine(original.at, "x", "picture", "x", hashlib.sha256(script.read_bytes()).hexdigest(), script.stat().st_size, script),
    ]
    why = [picture.why for picture in choose(lines) if not picture.address]
    assert why == ["THE FILE WAS CHANGED: its hash differs.", "The file is not there.", "The file is no picture."]
    text = page(replace(report, evidence=(lines[0],)))
    assert "O ARQUIVO FOI ALTERADO" in text


# --- use ---------------------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_items_are_found_by_outcome_and_by_words_without_accents(browser: Browser, html: str, report: RunReport, tmp_path: Path) -> None:
    with opened(browser, tmp_path, html) as shown:
        items, told = shown.page.locator("#items tbody tr:visible"), shown.page.locator("#items output")
        assert told.inner_text() == f"{len(report.items)} de {len(report.items)} linhas"
        shown.page.locator("#items").get_by_label("Resultado").select_option("Recusado pelo portal")
        expect(items).to_have_count(1)
        shown.page.locator("#items").get_by_label("Resultado").select_option("Todos")
        shown.page.locator("#items").get_by_label("Buscar").fill("LATICINIOS")
        expect(told).to_have_text(f"1 de {len(report.items)} linhas")
        expect(items).to_contain_text("Laticínios Serra Azul")


@pytest.mark.browser
def test_the_log_is_filtered_by_level(browser: Browser, html: str, report: RunReport, tmp_path: Path) -> None:
    with opened(browser, tmp_path, html) as shown:
        shown.page.locator("#log").get_by_label("Nível").select_option("Erro")
        expect(shown.page.locator("#log tbody tr:visible")).to_have_count(sum(line.level == "ERROR" for line in report.log))


@pytest.mark.browser
def test_a_picture_opens_large_and_closes_by_keyboard(browser: Browser, html: str, tmp_path: Path) -> None:
    with opened(browser, tmp_path, html) as shown:
        shown.page.locator(".shot").first.click()
        large = shown.page.locator("dialog")
        expect(large).to_be_visible()
        expect(large.locator("img")).to_have_js_property("naturalWidth", 1280)
        shown.page.keyboard.press("Escape")
        expect(large).to_be_hidden()


@pytest.mark.browser
def test_paper_has_all_rows_and_no_controls_and_only_warnings_of_the_log(
    browser: Browser, html: str, report: RunReport, tmp_path: Path
) -> None:
    with opened(browser, tmp_path, page(replace(report, evidence=report.evidence[:12]))) as shown:
        shown.page.emulate_media(media="print")
        assert not shown.page.locator(".filters:visible, nav:visible").count()
        assert shown.page.evaluate("[...document.querySelectorAll('.box')].every(b => getComputedStyle(b).overflow === 'visible')")
        severe = sum(line.level in {"WARNING", "ERROR"} for line in report.log)
        assert shown.page.locator("#log tbody tr:visible").count() == severe
        assert shown.page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


@pytest.mark.browser
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, html: str, tmp_path: Path) -> None:
    with opened(browser, tmp_path, html) as shown:
        shown.page.set_viewport_size({"width": 390, "height": 800})
        assert shown.page.evaluate("document.documentElement.scrollWidth") <= 390


# --- readable by everyone ----------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_tables_pictures_and_fields_have_names(browser: Browser, html: str, tmp_path: Path) -> None:
    tags = Tags(html)
    assert len(tags.of("h1")) == 1
    assert len(tags.of("caption")) == len(tags.of("table")) > 8
    assert all(attributes.get("alt") is not None for attributes in tags.of("img"))
    with opened(browser, tmp_path, html) as shown:
        assert shown.page.evaluate("[...document.querySelectorAll('thead th')].every(h => h.scope === 'col')")
        assert shown.page.evaluate("[...document.querySelectorAll('input, select')].every(e => e.labels.length === 1)")
        levels: list[int] = shown.page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1]))")
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def luminance(colour: str) -> float:
    """WCAG relative luminance of `#rgb` or `#rrggbb`."""
    whole = colour if len(colour) == 7 else "#" + "".join(2 * letter for letter in colour[1:])
    channels = [int(whole[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * channel for weight, channel in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAIRS = [(tone, f"{tone}-fill") for tone in ("good", "warn", "bad", "info", "idle")]
PAIRS += [("ink", "page"), ("ink", "paper"), ("soft", "page"), ("soft", "paper"), ("soft", "hover"), ("link", "paper"), ("red", "paper")]
PAIRS += [("on-brand", "brand"), ("on-brand-soft", "brand")]


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "print"])
def test_every_ink_stands_out_from_its_paper(theme: int) -> None:
    sheet = (TEMPLATES / "log.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+):(#[0-9a-f]+)", re.findall(r":root\{([^}]*)\}", sheet)[theme]))
    weak = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in PAIRS}
    assert not {pair: value for pair, value in weak.items() if value < 4.5}


# --- the whole ---------------------------------------------------------------------------------------------------------


def test_a_run_that_did_nothing_says_so() -> None:
    text = page(empty_report())
    assert text.count("Nada a mostrar") >= 9
    assert "Simulação: nenhum botão foi acionado" in text
    assert "O cofre não pode ser aberto." in text
    assert "<tbody" not in text


@pytest.mark.usefixtures("english")
def test_english_when_asked(report: RunReport) -> None:
    text = page(report)
    assert '<html lang="en">' in text
    assert "Completed with open points" in text
    assert "6,916,274.40" in text
    assert "Concluída" not in text


def test_brazilian_numbers_and_dates(html: str) -> None:
    for shown in ("6.916.274,40", "20/11/2026 09:02:14", "01/11/2026 – 10/11/2026", "0,394460", "2.188,719", "folga de 10 h 51 min"):
        assert shown in html


def test_a_long_log_keeps_its_end_and_every_warning(report: RunReport) -> None:
    quiet = next(line for line in report.log if line.level == "DEBUG")
    warning = replace(quiet, level="WARNING", text="an early warning")
    text = page(
        replace(
            report, log=(replace(quiet, text="the very first line"), warning, *(quiet,) * 6000, replace(quiet, text="the very last line"))
        )
    )
    assert "an early warning" in text
    assert "the very last line" in text
    assert "the very first line" not in text
    assert "5.001 de 6.003 linhas" in text


BARE = """
import sys, pathlib
from tests.report.report_sample import empty_report
from retaguarda.report.page import write_page
write_page(empty_report(), pathlib.Path(sys.argv[1]))
"""


def test_it_is_written_whole_and_without_settings_of_the_process(tmp_path: Path) -> None:
    """A process without Django settings writes the same page: no setting decides how a report looks."""
    subprocess.run([sys.executable, "-c", BARE, str(tmp_path / "log.html")], check=True)
    assert (tmp_path / "log.html").read_text(encoding="utf-8") == page(empty_report())
    write_page(empty_report(), tmp_path / "log.html")
    assert [entry.name for entry in tmp_path.iterdir()] == ["log.html"]


def test_nothing_of_this_machine_leaves_with_the_page(html: str, report: RunReport) -> None:
    assert str(report.evidence[0].path.parent.parent) not in html
