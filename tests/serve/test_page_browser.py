"""The page in real Chromium: by mouse, by keyboard, by roles and names, and what can go wrong."""

import asyncio
import json
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_service import FakeService
from live_server import live_server

from secondpass.serve.metrics import Metrics
from secondpass.serve.observing import observing_routes
from secondpass.serve.pages import PAGE
from secondpass.types import RetrievedDocument

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
BROWSER = os.environ.get("SECONDPASS_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
if BROWSER is None:
    pytest.skip("needs Chromium: apt-get install chromium", allow_module_level=True)

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
EXAMPLE = json.loads((PAGE / "example.json").read_text("utf-8"))
PASTED = "Cows give milk.\n\nSheep give\nwool.\n\n\n\nHens lay eggs."


@pytest.fixture(scope="module")
def chromium():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


class Shown:
    """An open page, and what its console complained of."""

    def __init__(self, chromium, address, **context):
        self.context = chromium.new_context(base_url="http://{}:{}".format(*address), **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints = []
        self.asked = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )

    def open(self):
        self.page.goto("/")
        return self.page

    def order(self):
        """Where each passage was, in the new order."""
        rows = self.page.locator("#after tbody tr")
        return [int(one.get_attribute("data-was")) for one in rows.all()]


@pytest.fixture
def shown(chromium):
    """Open a page of a server with these options."""
    with ExitStack() as stack:

        def make(service=None, context=None, **server):
            address = stack.enter_context(live_server(service, **server))
            one = Shown(chromium, address, **(context or {}))
            stack.callback(one.context.close)
            return one

        yield make


def ready(page):
    sync_api.expect(page.locator("#summary")).not_to_be_empty()
    sync_api.expect(page.locator("#orders")).not_to_have_attribute("aria-busy", "true")


def paste(page, query, text):
    ready(page)
    page.get_by_label("My own").check()
    page.get_by_label("Query").fill(query)
    page.get_by_label("Passages in the first stage").fill(text)
    page.get_by_role("button", name="Rerank").click()


def test_the_example_is_there_at_once_and_each_passage_has_its_line(shown):
    one = shown()
    page = one.open()
    ready(page)
    count = len(EXAMPLE["passages"])
    assert page.get_by_label("Query").input_value() == EXAMPLE["query"]
    for table in ("First stage", "Second pass"):
        assert page.get_by_role("table", name=table).locator("tbody tr").count() == count
    assert sorted(one.order()) == list(range(1, count + 1))
    assert page.locator("#lines path").count() == count
    assert one.complaints == []


def test_a_line_joins_the_two_places_of_a_passage(shown):
    one = shown()
    page = one.open()
    paste(page, "wool sheep", PASTED)
    sync_api.expect(page.locator("#after tbody tr").first).to_have_attribute("data-was", "2")
    ends = page.evaluate(
        """() => {
          const box = document.getElementById("lines").getBoundingClientRect();
          const middle = (table, was) => {
            const row = document.querySelector(`#${table} tr[data-was="${was}"]`);
            const { top, height } = row.getBoundingClientRect();
            return top + height / 2 - box.top;
          };
          const chosen = document.querySelector("#lines path.chosen").getAttribute("d");
          const numbers = chosen.match(/-?[\\d.]+/g).map(Number);
          return [numbers[1], middle("before", 2), numbers.at(-1), middle("after", 2)];
        }"""
    )
    assert ends[0] == pytest.approx(ends[1], abs=1)
    assert ends[2] == pytest.approx(ends[3], abs=1)
    assert ends[0] != pytest.approx(ends[2], abs=1)


def test_paragraphs_are_passages_and_the_move_is_said_in_words(shown):
    one = shown()
    page = one.open()
    paste(page, "wool sheep", PASTED)
    first = page.get_by_role("table", name="Second pass").locator("tbody tr").first
    sync_api.expect(first).to_contain_text("Sheep give wool.")
    assert "up 1" in first.text_content()
    assert one.order() == [2, 1, 3]
    assert "3 of 3 passages scored" in page.locator("#summary").text_content()


def test_what_was_cut_is_said(shown):
    page = shown().open()
    paste(page, "wool", "one two three four five six seven eight nine ten\n\nwool")
    sync_api.expect(page.locator("#after .cut")).to_have_count(1)
    assert "1 passage was cut" in page.locator("#summary").text_content()
    page.get_by_role("button", name="one two").click()
    sync_api.expect(page.locator("#passage")).to_contain_text("cut: 2 of 10 tokens were not scored")


def test_the_winning_window_is_marked_by_characters_and_not_by_units(shown):
    page = shown(FakeService(window=2)).open()
    paste(page, "wool", "🐑🐑 wool is warm\n\nmilk")
    sync_api.expect(page.locator("#passage mark")).to_have_text("🐑🐑 wool")
    assert page.locator("#passage .text").text_content() == "🐑🐑 wool is warm"


def test_what_was_picked_stays_while_sliders_move_and_goes_with_another_query(shown):
    page = shown().open()
    paste(page, "wool sheep", PASTED)
    heading = page.locator("#passage h3")
    sync_api.expect(heading).to_have_text("Sheep give wool.")
    page.get_by_role("button", name="Hens").click()
    page.get_by_label("Depth").press("ArrowLeft")
    sync_api.expect(page.locator("#after .why")).to_be_visible()
    sync_api.expect(heading).to_have_text("Hens lay eggs.")
    page.get_by_label("Query").fill("milk cows")
    sync_api.expect(heading).to_have_text("Cows give milk.")


def test_sliders_rerank_as_they_move_by_keyboard(shown):
    service = FakeService()
    one = shown(service)
    page = one.open()
    paste(page, "wool sheep", PASTED)
    sync_api.expect(page.locator("#depth-said")).to_have_text("3 of 3")
    page.get_by_label("Depth").focus()
    page.keyboard.press("ArrowLeft")
    sync_api.expect(page.locator("#after .why")).to_have_text("beyond depth")
    assert len(service.jobs[-1].texts) == 2
    assert page.get_by_label("Depth").get_attribute("aria-valuetext") == "2 of 3"
    page.get_by_label("Budget").focus()
    page.keyboard.press("Home")
    sync_api.expect(page.locator("#after .why").first).to_have_text("no time")
    assert service.jobs[-1].budget_ms == 1
    page.get_by_label("Effort").focus()
    page.keyboard.press("Home")
    sync_api.expect(page.locator("#effort-said")).to_have_text("instant")
    page.wait_for_function("() => !document.querySelector('#orders[aria-busy]')")
    for _ in range(100):
        if service.jobs[-1].effort == "instant":
            break
        page.wait_for_timeout(50)
    assert service.jobs[-1].effort == "instant"


def test_many_moves_ask_once_and_the_last_answer_wins(shown):
    service = FakeService()
    one = shown(service)
    page = one.open()
    ready(page)
    before = len(service.jobs)
    page.get_by_label("Depth").focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    count = len(EXAMPLE["passages"]) - 8
    sync_api.expect(page.locator("#summary")).to_contain_text(f"{count} of")
    assert len(service.jobs) - before < 8
    assert len(service.jobs[-1].texts) == count


def test_a_slow_answer_does_not_replace_a_later_one(shown):
    calls = 0

    async def first_is_slow():
        nonlocal calls
        calls += 1
        if calls == 1:
            await asyncio.sleep(1.5)

    one = shown(FakeService(delay=first_is_slow))
    page = one.open()
    page.wait_for_function("() => document.getElementById('query').value !== ''")
    last = EXAMPLE["passages"][-1]
    page.get_by_label("Query").fill(" ".join(last["text"].split()[:8]))
    ready(page)
    page.wait_for_timeout(2000)
    assert one.order()[0] == len(EXAMPLE["passages"])
    assert calls == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("busy", "come again"),
        ("failed", "nan for text 0"),
        ("input", "600 tokens"),
        ("bug", "RuntimeError"),
        ("", "query is empty"),
    ],
)
def test_an_error_is_said_in_words_and_goes_with_the_next_answer(shown, query, said):
    one = shown()
    page = one.open()
    paste(page, query, PASTED)
    alert = page.get_by_role("alert").filter(has_text=said)
    sync_api.expect(alert).to_be_visible()
    assert "secret" not in alert.text_content()
    page.get_by_label("Query").fill("wool")
    sync_api.expect(alert).to_be_hidden()


def test_no_passages_and_a_server_that_is_gone_are_said(shown):
    one = shown()
    page = one.open()
    paste(page, "wool", "  \n\n ")
    sync_api.expect(page.get_by_role("alert").filter(has_text="no passages")).to_be_visible()
    one.context.set_offline(True)
    page.get_by_label("Passages in the first stage").fill("wool")
    sync_api.expect(page.get_by_role("alert").filter(has_text="cannot be reached")).to_be_visible()


def test_markup_in_a_passage_stays_text(shown):
    one = shown()
    page = one.open()
    paste(page, "wool", "<img src=x onerror=alert(1)> <b>wool</b>\n\n<script>alert(1)</script>")
    sync_api.expect(page.locator("#passage")).to_contain_text("<b>wool</b>")
    assert page.locator("main img, main b, main script").count() == 0
    assert one.complaints == []


def test_a_key_is_asked_for_and_kept_in_memory_alone(shown):
    one = shown(keys=["right"])
    page = one.open()
    dialog = page.get_by_role("dialog")
    sync_api.expect(dialog).to_be_visible()
    page.get_by_label("Key", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    sync_api.expect(dialog).to_contain_text("not one of this server's")
    page.get_by_label("Key", exact=True).fill("right")
    page.keyboard.press("Enter")
    sync_api.expect(dialog).to_be_hidden()
    ready(page)
    kept = page.evaluate("() => [localStorage.length, sessionStorage.length, document.cookie]")
    assert kept == [0, 0, ""]
    assert all("right" not in url for url in one.asked)


def test_without_its_key_the_page_says_so(shown):
    page = shown(keys=["right"]).open()
    sync_api.expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    sync_api.expect(page.locator("#problem")).to_contain_text("only with a key")


class FakeIndex:
    def __len__(self):
        return 2

    def search(self, query, limit=10):
        place = {"page": 3, "heading": "Farm > Milk"}
        return [RetrievedDocument(f"doc of {query}", "Cows give milk.", place, 0.5)]


def test_the_index_is_offered_where_there_is_one(shown):
    page = shown(index=FakeIndex()).open()
    ready(page)
    page.get_by_label("The index").check()
    page.get_by_label("Query").fill("milk")
    sync_api.expect(page.get_by_role("button", name="doc of milk")).to_be_visible()
    sync_api.expect(page.locator("#stages")).to_contain_text("retrieve")
    page.get_by_role("button", name="doc of milk").click()
    sync_api.expect(page.locator("#passage")).to_contain_text("page 3, Farm > Milk")


def test_without_an_index_it_is_not(shown):
    page = shown().open()
    ready(page)
    sync_api.expect(page.get_by_label("The index")).to_be_hidden()


def test_the_second_tab_shows_the_percentiles_by_keyboard(shown):
    metrics = Metrics()
    one = shown(routes=observing_routes(metrics))
    page = one.open()
    ready(page)
    page.get_by_role("tab", name="Playground").focus()
    page.keyboard.press("ArrowRight")
    sync_api.expect(page.get_by_role("tab", name="Live times")).to_be_focused()
    live = page.get_by_role("table", name="Live times by stage")
    sync_api.expect(page.locator("#live-problem")).to_contain_text("No request")
    metrics.recent.add({"queue": 0.5, "infer": 12.25, "total": 123.4})
    row = live.get_by_role("row", name="infer")
    sync_api.expect(row).to_contain_text("12.3", timeout=10_000)
    sync_api.expect(live.get_by_role("row", name="total")).to_contain_text("123")
    sync_api.expect(page.locator("#view-try")).to_be_hidden()
    assert one.complaints == []


@pytest.mark.parametrize("width", [320, 390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_screen(shown, width, scheme):
    one = shown(context={"viewport": {"width": width, "height": 800}, "color_scheme": scheme})
    page = one.open()
    ready(page)
    wide = page.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    assert page.locator("#lines path").count() == len(EXAMPLE["passages"])
    assert one.complaints == []


def test_the_lines_follow_a_change_of_width_and_leave_the_rows_as_they_are(shown):
    page = shown().open()
    ready(page)
    heights = (
        "() => [...document.querySelectorAll('#after tbody tr')].map((one) => one.clientHeight)"
    )
    before = page.evaluate(heights)
    for width in (700, 1300, 900, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
    assert page.evaluate(heights) == before
    (left, right), (start, end) = page.evaluate(
        """() => {
          const box = document.getElementById("lines").getBoundingClientRect();
          const line = document.querySelector("#lines path").getBoundingClientRect();
          return [[box.left, box.right], [line.left, line.right]];
        }"""
    )
    assert (start, end) == pytest.approx((left, right), abs=1)


CONTRAST = Path(__file__).with_name("contrast.js")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_the_contrast_of_wcag_aa(shown, scheme):
    page = shown(context={"color_scheme": scheme}).open()
    ready(page)
    assert page.evaluate(CONTRAST.read_text()) == []


def test_every_control_can_be_reached_by_tab_and_has_a_name_and_visible_focus(shown):
    page = shown().open()
    ready(page)
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        found = page.evaluate(
            """() => {
              const one = document.activeElement;
              if (one === document.body) return null;
              const named = one.getAttribute("aria-label") || one.textContent.trim()
                || [...(one.labels ?? [])].map((label) => label.textContent).join(" ").trim();
              const style = getComputedStyle(one);
              return [one.id || one.textContent.trim(), named, style.outlineStyle];
            }"""
        )
        if found is None:
            break
        seen.append(found)
    reached = {one[0] for one in seen}
    assert {"tab-try", "query", "depth", "budget", "effort"} <= reached
    assert len([one for one in seen if one[0] in {p["name"] for p in EXAMPLE["passages"]}]) == len(
        EXAMPLE["passages"]
    )
    assert all(named for _, named, _ in seen)
    assert all(outline != "none" for *_, outline in seen)
