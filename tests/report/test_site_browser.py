"""The report in a real browser, headless: it loads nothing from outside, filters, fits a phone."""

import gzip
from pathlib import Path

import pytest
from browser import CHROMIUM, Browser
from site_project import HOSTILE, make_project

REGISTRY = Path(__file__).resolve().parents[2] / "weights.yaml"
PAGES = ("index.html", *(f"site/{name}.html" for name in ("detect.d", "rejected", "results")))

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here: apt-get install chromium"
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser")
    make_project(root, rejected=20_000, registry=REGISTRY)
    return root / "reports"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def visit(reports, browser):
    """Open a page, evaluate a script; returns its value and what failed or was said."""

    def visited(name, script="null", width=1280, more="", scheme="light"):
        page = reports / name
        if not more:
            return browser.visit(page.as_uri(), script, width, scheme)
        probe = page.with_name(f"probe-{page.name}")
        probe.write_text(page.read_text().replace("</body>", f"{more}</body>"))
        try:
            return browser.visit(probe.as_uri(), script, width, scheme)
        finally:
            probe.unlink()

    return visited


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_silent_asks_nobody_and_fits_a_phone(visit, name):
    script = "[document.documentElement.scrollWidth, innerWidth]"
    (content, window), console = visit(name, script, width=375)
    assert window == 375
    assert content <= window
    assert console == []


AXE = Path(__file__).with_name("axe.min.js.gz")
"""axe-core 4.14.1 as npm has it, under the Mozilla Public License 2.0."""
FAULTS = """axe.run({ resultTypes: ["violations"] }).then(({ violations }) =>
    violations.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map((each) => each.html)]))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_in_any_page(reports, visit, scheme):
    pages = sorted(path.relative_to(reports).as_posix() for path in reports.rglob("*.html"))
    assert set(pages) > set(PAGES)
    (reports / "axe.js").write_bytes(gzip.decompress(AXE.read_bytes()))
    # The colours stand in one file: in the dark, a page of each kind is enough.
    for name in pages if scheme == "light" else PAGES:
        more = f'<script src="{"../" if "/" in name else ""}axe.js"></script>'
        script = f"""matchMedia("(prefers-color-scheme: {scheme})").matches && {FAULTS}"""
        assert visit(name, script, more=more, scheme=scheme)[0] == [], name
    (reports / "axe.js").unlink()


def test_who_asked_somebody_would_not_be_silent(visit):
    """No name but the computer's own leads anywhere: a request fails."""
    outside = '<img src="http://example.org/x.png" alt="">'
    assert visit("index.html", more=outside)[1] == ["http://example.org/x.png"]


def test_a_page_that_fails_or_speaks_would_not_be_silent(visit):
    said = visit("index.html", more="<script>console.log('seen'); nothing.at.all</script>")[1]
    assert said[0] == "['seen']"
    assert said[1].startswith("ReferenceError: nothing is not defined")


def test_filters_leave_what_is_asked_for(visit):
    script = """(() => {
        const seen = () => [...document.querySelectorAll('.cards > li:not([hidden])')];
        const pick = (name, value) => {
            const box = document.querySelector(`select[name=${name}]`);
            box.value = value;
            box.dispatchEvent(new Event('change', { bubbles: true }));
            return seen().map((card) => [card.dataset.band, card.dataset.yaw, card.dataset.reason]);
        };
        return [seen().length, pick('band', 'NIR'), pick('yaw', '20-40'), pick('band', ''),
            document.querySelector('output').textContent];
    })()"""
    (before, nir, both, turned, words), console = visit("site/detect.d.html", script)
    assert before == 8 + 6
    assert {band for band, _, _ in nir} == {"NIR"}
    assert both == [["NIR", "20-40", "accepted"]] * 2
    assert sorted(band for band, _, _ in turned) == ["NIR", "NIR", "VIS", "VIS"]
    assert words == "4 shown"
    assert console == []


def test_none_is_a_choice_of_its_own(visit):
    script = """(() => {
        const box = document.querySelector('select[name=yaw]');
        box.selectedIndex = [...box.options].findIndex((option) => option.text === 'none');
        box.dispatchEvent(new Event('change', { bubbles: true }));
        return [...document.querySelectorAll('.cards > li:not([hidden])')]
            .map((card) => card.dataset.reason);
    })()"""
    reasons, _ = visit("site/detect.d.html", script)
    assert len(reasons) == 6
    assert "accepted" not in reasons


def test_a_sample_opens_with_a_slider_and_its_numbers_and_steps_by_keys(visit):
    script = """(() => {
        const dialog = document.querySelector('dialog');
        const key = (name) =>
            dialog.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
        document.querySelectorAll('.cards button')[0].click();
        const first = dialog.querySelector('h2').textContent;
        const slider = dialog.querySelector('input[type=range]');
        slider.value = 20;
        slider.dispatchEvent(new Event('input'));
        const cut = dialog.querySelector('.wipe').style.getPropertyValue('--cut');
        const facts = dialog.querySelector('dl').textContent;
        key('ArrowRight');
        const second = dialog.querySelector('h2').textContent;
        key('ArrowLeft');
        key('ArrowLeft');
        return [dialog.open, first, cut, facts, second, dialog.querySelector('h2').textContent];
    })()"""
    found, console = visit("site/detect.d.html", script)
    is_open, first, cut, facts, second, last = found
    assert is_open
    assert first == "a/30.NIR"
    assert cut == "20%"
    assert "bandNIR" in facts
    assert second == "a/30.VIS"
    assert last == "a/5.VIS#r00000"  # the one before the first is the last
    assert console == []


def test_twenty_thousand_rejected_samples_are_listed_in_pages(visit):
    script = """(() => {
        const rows = () => [...document.querySelectorAll('#list tbody tr')];
        const words = () => document.querySelector('.pages output').textContent;
        const seen = [rows().length, words()];
        document.querySelector('[data-page="1"]').click();
        seen.push(words());
        const box = document.querySelector('[data-filters=list] [name="4"]');
        box.value = 'too_dark';
        box.dispatchEvent(new Event('input', { bubbles: true }));
        const cells = [...rows()[0].cells].map((cell) => cell.textContent);
        return [...seen, rows().length, cells[2], cells[5], document.images.length];
    })()"""
    found, console = visit("site/rejected.html", script)
    count, words, later, chosen, subject, detail, images = found
    assert count == 100
    assert words == "1–100 of 20000"
    assert later == "101–200 of 20000"
    assert chosen == 1
    assert subject == HOSTILE
    assert detail == "</script><script>alert(2)</script>"
    assert images == 6
    assert console == []


def test_times_are_filled_in_from_the_run(visit):
    script = "document.querySelector('[data-seconds=\"align@d\"]').textContent"
    assert visit("index.html", script)[0] == "2.1 min"
