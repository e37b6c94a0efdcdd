"""The local page in a real browser: what a person does with it, and what it does to a person."""

import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import psutil
import pytest
import uvicorn
from conftest import ROOT
from playwright.sync_api import Page, expect, sync_playwright
from serve_pages import DARK, FakeReader, pdf, picture

from giraffe.reading.serve.app import create_app
from giraffe.reading.serve.guard import hosts_of
from giraffe.reading.serve.turns import Turns

NAMES = "chromium", "chromium-browser", "google-chrome"
CONTRAST = 4.5  # of text against what lies behind it, by WCAG 2.2 AA
TEXTS = (
    ".notice", "#give-how", "#choose", ".summary", ".hint", ".caption", ".given .label-name",
    ".sentence", ".measurements dt", ".doubts li", ".saves button", "footer a",
)  # fmt: skip
expect.set_options(timeout=30_000)  # ms: machines are shared and noisy
CONTRASTS = """(selectors) => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  return selectors.map((selector) => {
    const text = document.querySelector(selector);
    let behind = text;
    const paper = (e) => rgb(getComputedStyle(e).backgroundColor);
    while (behind.parentElement && paper(behind)[3] === 0) behind = behind.parentElement;
    const [low, high] = [luminance(rgb(getComputedStyle(text).color)), luminance(paper(behind))]
      .sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  });
}"""
GIVE = """([kind, base64]) => {
  const content = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([content], "given.png", { type: "image/png" }));
  document.body.dispatchEvent(kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
}"""


@pytest.fixture(scope="module")
def browser():
    """Chromium; without it the test is skipped, or fails where CI demands it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = "no Chromium is installed (Debian: apt-get install chromium)"
        if os.environ.get("GIRAFFE_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture
def reader():
    reader = FakeReader()
    yield reader
    reader.open.set()


@pytest.fixture
def address(reader):
    """Of a page that is served with a reader that needs no network."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        app = create_app(reader, 2.0, hosts_of("127.0.0.1"))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
        server.should_exit = reader.open.set() or True
        thread.join(10)


@pytest.fixture
def open_page(browser, address):
    """Opens the page; at the end nothing was asked of another machine, and nothing went wrong."""
    asked, wrong, contexts = [], [], []

    def opened(to: str = address, **options) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(to)
        return page

    yield opened
    for context in contexts:
        context.close()
    addresses = [urlsplit(url) for url in asked if not url.startswith(("data:", "blob:"))]
    assert addresses and {one.hostname for one in addresses} == {"127.0.0.1"}
    assert not wrong


def choose(page: Page, content: bytes, name: str = "page.png") -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.get_by_label("Choose a picture").set_input_files(file)


def labels(page: Page):
    return page.get_by_role("region", name="Findings").get_by_role("button")


def test_a_picture_is_shown_with_its_chart_its_traces_its_labels_and_its_doubts(open_page):
    page = open_page()
    choose(page, picture(), "aunt.png")
    expect(page.get_by_role("heading", name="aunt.png")).to_be_visible()
    summary = "Findings: premature ventricular complex, old myocardial infarction."
    expect(page.get_by_text(summary)).to_be_visible()
    expect(page.get_by_role("img", name="The picture, with its chart: 3x4+1")).to_be_visible()
    assert page.locator("path.outline").count() == 1
    assert page.locator("path.trace").count() == page.locator("path.row").count() == 4
    assert labels(page).count() == 11
    first = labels(page).first
    expect(first).to_contain_text("PVC: premature ventricular complex")
    expect(first).to_contain_text("given, because 0.80 is well above 0.40.")
    bar, mark = first.locator(".bar i"), first.locator(".bar b")
    assert bar.evaluate("e => e.style.width") == "80%"
    assert mark.evaluate("e => e.style.left") == "40%"
    expect(page.get_by_role("region", name="Measurements")).to_contain_text("72 /min")
    expect(page.get_by_text("The limb leads do not agree")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("Not a medical device")


def test_heat_follows_pointer_focus_and_choice(open_page):
    page = open_page()
    choose(page, picture())
    heat, caption = page.locator("img.heat"), page.locator(".caption")
    labels(page).nth(1).hover()
    expect(heat).to_be_visible()
    expect(caption).to_contain_text("what speaks for Old MI")
    page.get_by_role("heading", name="page.png").hover()
    expect(heat).to_be_hidden()
    labels(page).first.focus()
    expect(caption).to_contain_text("what speaks for PVC")
    page.keyboard.press("Tab")
    expect(caption).to_contain_text("what speaks for Old MI")
    page.keyboard.press("Enter")
    expect(labels(page).nth(1)).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Traces").focus()
    expect(caption).to_contain_text("what speaks for Old MI")
    labels(page).nth(1).press("Space")
    page.get_by_label("Traces").focus()
    expect(heat).to_be_hidden()


def test_everything_is_reached_with_the_keyboard_alone(open_page):
    page = open_page()
    asked = []
    page.on("filechooser", lambda chooser: asked.append(chooser))
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Choose a picture")).to_be_focused()
    page.keyboard.press("Enter")
    while not asked:
        page.wait_for_timeout(20)
    asked[0].set_files({"name": "a.png", "mimeType": "image/png", "buffer": picture()})
    expect(page.locator("article")).to_be_focused()
    visited = []
    for _ in range(22):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.className"))
    for name in ("show-chart", "show-traces", "smaller", "larger", "viewer"):
        assert name in visited
    assert page.evaluate("document.activeElement.textContent") != ""


def test_layers_are_switched_off_and_the_picture_is_enlarged(open_page):
    page = open_page()
    choose(page, picture())
    page.get_by_label("Traces").uncheck()
    expect(page.locator("path.trace").first).to_be_hidden()
    expect(page.locator("path.outline")).to_be_visible()
    page.get_by_label("Chart", exact=True).uncheck()
    expect(page.locator("path.outline")).to_be_hidden()
    shown = page.locator("img.picture")
    before = shown.bounding_box()["width"]
    page.get_by_role("button", name="Larger").click()
    assert shown.bounding_box()["width"] == pytest.approx(1.5 * before, rel=0.05)
    page.get_by_role("button", name="Smaller").click()
    expect(page.get_by_text("fits")).to_be_visible()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_taken_when_it_is_dropped_or_pasted(open_page, kind):

    page = open_page()
    page.evaluate(GIVE, [kind, base64.b64encode(picture()).decode()])
    expect(page.get_by_role("heading", name="given.png")).to_be_visible()


@pytest.mark.parametrize(
    ("content", "title", "reason"),
    [
        (b"Dear Sir or Madam", "This is no picture", "letter.png is not a picture"),
        (picture(grey=DARK), "No chart found", "Take it from above"),
        (b"x" * 2_200_000, "This is too large", "more than the 2 MB"),
        (b"", "Nothing to read", "The file is empty"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so_and_the_next_is_read(
    open_page, content, title, reason
):
    page = open_page()
    choose(page, content, "letter.png")
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading", name=title)).to_be_visible()
    expect(alert).to_contain_text(reason)
    choose(page, picture())
    expect(page.get_by_role("article")).to_be_visible()
    expect(alert).to_be_hidden()


def test_a_picture_without_a_chart_is_shown_and_labelled_all_the_same_if_asked(open_page):
    page = open_page()
    choose(page, picture(grey=DARK))
    expect(page.get_by_role("img", name="The picture that was given")).to_be_visible()
    page.get_by_role("button", name="Label it all the same").click()
    expect(page.get_by_role("img", name="The picture, without a chart")).to_be_visible()
    assert labels(page).count() == 11
    expect(page.get_by_label("Traces")).to_be_hidden()


def test_of_two_at_once_the_second_waits_is_told_so_and_may_go(open_page, reader):
    reader.open.clear()
    pages = [open_page() for _ in range(3)]
    for k, page in enumerate(pages):
        choose(page, picture(), f"{k}.png")
        said = "Reading 0.png" if k == 0 else f"Waiting: {k} picture"
        expect(page.get_by_role("status")).to_contain_text(said)
    pages[1].get_by_role("button", name="Cancel").click()
    expect(pages[1].get_by_role("status")).to_be_hidden()
    expect(pages[2].get_by_role("status")).to_contain_text("Waiting: 1 picture is read before")
    reader.open.set()
    expect(pages[0].get_by_role("article")).to_be_visible()
    expect(pages[2].get_by_role("article")).to_be_visible()
    assert reader.most_at_work == 1


def test_a_server_that_is_gone_is_said_to_be_so_and_asked_again(open_page):
    page = open_page()
    page.route("**/read*", lambda route: route.abort())
    choose(page, picture(), "aunt.png")
    expect(page.get_by_role("alert")).to_contain_text("Is giraffe serve running?")
    page.unroute("**/read*")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="aunt.png")).to_be_visible()


def test_where_the_line_is_full_the_picture_can_be_given_again(open_page, reader, monkeypatch):
    monkeypatch.setattr(Turns, "__len__", lambda line: line.most)
    page = open_page()
    choose(page, picture())
    expect(page.get_by_role("alert")).to_contain_text("8 pictures are in line already")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    monkeypatch.undo()
    again.click()
    expect(page.get_by_role("article")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_a_long_name_leaves_room_for_what_is_said_of_it(open_page, reader, width):
    reader.open.clear()
    page = open_page(viewport={"width": width, "height": 640})
    choose(page, picture(), "IMG_20260103_142233_ward-3_bed-12_right_side_second_try.png")
    expect(page.get_by_role("status")).to_have_text("Reading IMG_20260103_142…_second_try.png …")
    beat = page.locator(".beat").evaluate("e => [e.offsetWidth, e.offsetHeight]")
    assert beat[0] == beat[1] > 16
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    reader.open.set()
    expect(page.get_by_role("article")).to_be_visible()


def test_readings_and_signals_are_saved(open_page):
    page = open_page()
    choose(page, picture(), "aunt.x.png")
    saved = {}
    for button in ("Reading (JSON)", "Signals (CSV)", "Signals (WFDB)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        saved[download.value.suggested_filename] = download.value.path().read_bytes()
    assert list(saved) == ["aunt.x.json", "aunt_x.csv", "aunt_x.zip"]
    assert json.loads(saved["aunt.x.json"])["labels"] == ["PVC", "Old MI"]
    assert saved["aunt_x.csv"].startswith(b"time_s,I_mV,")
    assert saved["aunt_x.zip"].startswith(b"PK")


def test_every_page_of_a_pdf_is_shown(open_page):
    page = open_page()
    choose(page, pdf([240, 230]), "scan.pdf")
    expect(page.get_by_role("article")).to_have_count(2)
    expect(page.get_by_role("heading", name="scan.pdf#2")).to_be_visible()


def test_on_a_phone_nothing_is_wider_than_the_screen_and_a_photograph_can_be_taken(open_page):
    size = {"width": 320, "height": 640}
    page = open_page(viewport=size, has_touch=True, is_mobile=True)
    expect(page.get_by_text("Take a photograph")).to_be_visible()
    assert page.locator("#photograph").get_attribute("capture") == "environment"
    page.locator("#photograph").set_input_files(
        {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": picture("JPEG")}
    )
    expect(page.get_by_role("article")).to_be_visible()
    labels(page).first.tap()
    expect(page.locator("img.heat")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    small = page.evaluate(
        "[...document.querySelectorAll('main button:not(.small), main .button')]"
        ".filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 24).length"
    )
    assert small == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_their_ground(open_page, scheme):
    page = open_page(color_scheme=scheme)
    choose(page, picture())
    expect(page.get_by_role("article")).to_be_visible()
    found = dict(zip(TEXTS, page.evaluate(CONTRASTS, list(TEXTS)), strict=True))
    assert min(found.values()) >= CONTRAST, found
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", paper)[0]) < 100) == (scheme == "dark")


def test_the_api_is_described_on_a_page_of_our_own(open_page, address):
    page = open_page(f"{address}api")
    expect(page.get_by_role("heading", name="POST /read")).to_be_visible()
    expect(page.get_by_role("note")).to_contain_text("Not a medical device")


def test_the_command_reads_a_printed_page_and_speaks_to_this_machine_alone(open_page, tmp_path):
    from giraffe.ecg.simulate import write_record
    from giraffe.printout.kit import KitOptions
    from giraffe.printout.printing import PrintJob, print_folder

    write_record(tmp_path, 5, 0, ("NORM",))
    print_folder(tmp_path, tmp_path, PrintJob(options=KitOptions(resolution=100)), verbose=False)
    command = [sys.executable, "-m", "giraffe", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            told = process.stdout.readline()
            page = open_page(re.search(r"http://[\d.:]+/", told)[0])
            choose(page, next(tmp_path.glob("*.png")).read_bytes())
            expect(page.get_by_role("article")).to_be_visible(timeout=200_000)
            assert page.locator("path.trace").count() == 4
            assert labels(page).count() == 11
            labels(page).first.hover()
            expect(page.locator("img.heat")).to_be_visible()
            open_now = psutil.Process(process.pid).net_connections()
            assert {one.raddr.ip for one in open_now if one.raddr} <= {"127.0.0.1"}
        finally:
            process.terminate()
