"""The local page and its API, over HTTP, with a reader that needs no network."""

import asyncio
import base64
import io
import itertools
import re
import socket
import tempfile
import threading
import time
import zipfile

import numpy as np
import pytest
import schemathesis
import wfdb
from conftest import ROOT, run_python
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance
from serve_pages import DARK, FakeReader, pdf, picture
from starlette.testclient import TestClient

from giraffe.classes import CLASSES
from giraffe.reading.read import Label
from giraffe.reading.serve.app import create_app
from giraffe.reading.serve.guard import hosts_of
from giraffe.reading.serve.refusals import NOTICE
from giraffe.reading.serve.turns import FullError, GoneError, Turns
from giraffe.reading.serve.view import record_name
from giraffe.reading.serve.words import PLAINLY, sentence

STATIC = ROOT / "giraffe" / "reading" / "serve" / "static"
schemathesis.openapi.format("binary", st.sampled_from([picture(), picture("JPEG", DARK), b"text"]))


@pytest.fixture
def reader() -> FakeReader:
    return FakeReader()


@pytest.fixture
def client(reader):
    app = create_app(reader, 2.0, hosts_of("127.0.0.1"))
    with TestClient(app, base_url="http://127.0.0.1:8765") as client:
        yield client


def send(client, content: bytes, name: str = "page.png", **query):
    return client.post("/read", params=query, files={"picture": (name, content)})


def test_a_picture_gives_what_was_read_of_it(client):
    answer = send(client, picture(), "photo of aunt.png")
    assert answer.status_code == 200
    said = answer.json()
    assert said["notice"] == NOTICE
    (reading,) = said["readings"]
    assert reading["picture"] == "photo of aunt.png"
    assert reading["labels"] == ["PVC", "Old MI"]
    assert set(reading["probabilities"]) == set(CLASSES)
    assert reading["measurements"]["rate"] == 71.6


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_usual_kinds_of_pictures_are_read_whatever_they_are_called(client, kind):
    assert send(client, picture(kind), "no-suffix").status_code == 200


def test_every_page_of_a_pdf_is_read_and_one_without_a_chart_among_them_is_no_error(client):
    readings = send(client, pdf([240, DARK, 230]), "scan.pdf").json()["readings"]
    assert [one["picture"] for one in readings] == ["scan.pdf#1", "scan.pdf#2", "scan.pdf#3"]
    assert [one["kind"] for one in readings] == ["chart", "none", "chart"]


def test_signals_come_as_a_record_that_wfdb_reads(client, tmp_path):
    answer = send(client, picture(), "aunt's photo.png", format="wfdb")
    assert 'filename="aunt_s_photo.zip"' in answer.headers["content-disposition"]
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(tmp_path)
    record = wfdb.rdrecord(str(tmp_path / "aunt_s_photo"))
    assert record.fs == 500 and "II" in record.sig_name and record.units[0] == "mV"
    assert record.comments == ["Image: aunt's photo.png"]
    signal = record.p_signal[:, record.sig_name.index("II")]
    assert np.isnan(signal[:50]).all() and np.isfinite(signal[50:]).any()


def test_signals_come_as_csv_and_are_those_of_the_record(client):
    table = send(client, pdf([240, DARK, 230]), "scan.pdf", format="csv", page=3)
    lines = table.text.splitlines()
    assert lines[0].startswith("time_s,I_mV,II_mV")
    assert lines[1].startswith("0.0000,,")
    assert table.headers["content-disposition"].endswith('"scan-3.csv"')


def test_the_page_gets_everything_it_shows(client):
    (view,) = send(client, picture(), format="page").json()["readings"]
    shown = Image.open(io.BytesIO(base64.b64decode(view["picture"].partition(",")[2])))
    assert shown.size == (view["width"], view["height"]) == (400, 300)
    assert [label["name"] for label in view["labels"]][:2] == ["PVC", "Old MI"]
    assert set(view["heat"]) == set(CLASSES)
    assert len(view["traces"]) == len(view["chart"]["rows"]) == 4
    assert {"I", "V6"} <= {name["text"] for name in view["chart"]["names"]}
    assert set(view["files"]) == {"csv", "wfdb"}


@pytest.mark.parametrize(
    ("content", "query", "status", "error"),
    [
        (b"Dear Sir or Madam", {}, 415, "not_a_picture"),
        (b"%PDF-1.7 and then nothing", {}, 415, "not_a_picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", {}, 415, "not_a_picture"),
        (picture()[:200], {}, 415, "not_a_picture"),
        (b"", {}, 400, "no_picture"),
        (picture(grey=DARK), {}, 422, "no_chart"),
        (pdf([200] * 13), {}, 413, "too_large"),
        (pdf([200, 210]), {"format": "csv", "page": 3}, 422, "no_page"),
        (picture(grey=DARK), {"format": "wfdb", "whole": "true"}, 422, "no_signals"),
        (picture(), {"format": "xml"}, 400, "wrong_query"),
        (picture(), {"page": "0"}, 400, "wrong_query"),
        (picture(), {"whole": "perhaps"}, 400, "wrong_query"),
        (picture(), {"colour": "red"}, 400, "wrong_query"),
        (picture(), {"ticket": "a b"}, 400, "wrong_query"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_reason(client, content, query, status, error):
    answer = send(client, content, **query)
    said = answer.json()
    assert (answer.status_code, said["error"], said["notice"]) == (status, error, NOTICE)
    assert said["message"].endswith(".")
    assert "Error" not in said["message"] and "0x" not in said["message"]


def test_more_bytes_than_allowed_are_refused_whether_announced_or_not(client):
    assert send(client, b"x" * 2_100_000).status_code == 413
    kind = {"content-type": "multipart/form-data; boundary=b"}
    head = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
    taken = []

    def body():
        yield head
        for k in range(100):
            taken.append(k)
            yield b"x" * 100_000

    assert client.post("/read", content=body(), headers=kind).status_code == 413


def test_a_small_file_of_too_many_pixels_is_refused(client):
    made = io.BytesIO()
    Image.new("1", (14000, 14000)).save(made, "PNG")
    assert send(client, made.getvalue()).json()["error"] == "too_large"


def test_what_is_no_form_or_has_no_picture_is_refused(client):
    assert client.post("/read", content=picture()).json()["error"] == "no_form"
    assert client.post("/read", data={"picture": "x"}, files={"a": b"b"}).status_code == 400
    broken = {"content-type": "multipart/form-data"}
    assert client.post("/read", content=b"--b", headers=broken).json()["error"] == "no_picture"


def test_a_picture_without_a_chart_is_labelled_if_asked(client):
    (reading,) = send(client, picture(grey=DARK), whole="true").json()["readings"]
    assert reading["labels"] == ["PVC", "Old MI"] and reading["chart"] is None


def test_nothing_that_is_sent_reaches_the_disk(client, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", refuse)
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", refuse)
    large = np.random.default_rng(1).integers(180, 255, (700, 800, 3), np.uint8)
    made = io.BytesIO()
    Image.fromarray(large).save(made, "PNG")
    assert len(made.getvalue()) > 1_000_000
    for kind in ("json", "csv", "wfdb", "page"):
        assert send(client, made.getvalue(), format=kind).status_code == 200


def test_one_picture_is_read_at_a_time_and_the_others_are_told(client, reader):
    reader.open.clear()
    answers = {}

    def ask(ticket):
        answers[ticket] = send(client, picture(), ticket=ticket)

    threads = [threading.Thread(target=ask, args=(f"t{k}",)) for k in range(3)]
    for k, thread in enumerate(threads):
        thread.start()
        until(lambda k=k: client.get(f"/turn/t{k}").json()["ahead"] == k)
    assert client.get("/turn/t2").json() == {"ahead": 2, "in_line": 3}
    assert client.get("/turn/nobody").json() == {"ahead": None, "in_line": 3}
    reader.open.set()
    for thread in threads:
        thread.join()
    assert [answers[f"t{k}"].status_code for k in range(3)] == [200] * 3
    assert reader.most_at_work == 1


def test_when_too_many_wait_the_next_is_asked_to_come_later(client, reader):
    reader.open.clear()
    threads = [threading.Thread(target=send, args=(client, picture())) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: client.get("/turn/x").json()["in_line"] == 8)
    answer = send(client, picture())
    reader.open.set()
    for thread in threads:
        thread.join()
    assert (answer.status_code, answer.json()["error"]) == (503, "busy")
    assert answer.headers["retry-after"] == "10"
    assert send(client, picture()).status_code == 200


def until(true, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def test_who_goes_away_gives_up_the_place_in_line():
    async def scene():
        turns, left = Turns(2), asyncio.Event()

        async def stays():
            return False

        async def leaves():
            return left.is_set()

        async def wait(gone):
            async with turns.turn("same", gone):
                raise AssertionError("it was somebody else's turn")

        async with turns.turn("same", stays):
            waiting = asyncio.create_task(wait(leaves))
            await asyncio.sleep(0)
            with pytest.raises(FullError):
                await wait(stays)
            left.set()
            with pytest.raises(GoneError):
                await waiting
            assert len(turns) == 1
        assert len(turns) == 0

    asyncio.run(scene())


def test_a_failing_reading_leaves_the_line_and_says_that_it_failed(reader):
    reader._page = lambda *args: 1 / 0
    app = create_app(reader, 2.0)
    with TestClient(app, raise_server_exceptions=False) as client:
        for _ in range(2):
            answer = send(client, picture())
            assert (answer.status_code, answer.json()["error"]) == (500, "failed")
        assert "division" not in answer.text
        assert client.get("/turn/x").json()["in_line"] == 0


def test_other_sites_are_turned_away(client):
    foreign = {"origin": "https://example.org"}
    answer = client.post("/read", files={"picture": picture()}, headers=foreign)
    assert (answer.status_code, answer.json()["error"]) == (403, "wrong_origin")
    assert client.get("/", headers={"host": "example.org:8765"}).status_code == 403
    assert client.get("/", headers={"host": "[broken"}).status_code == 403
    assert client.get("/", headers={"host": "localhost:8765"}).status_code == 200
    own = {"origin": "http://127.0.0.1:8765"}
    assert client.post("/read", files={"picture": picture()}, headers=own).status_code == 200


def test_every_answer_forbids_the_browser_to_load_from_elsewhere_or_to_keep_it(client):
    for answer in (client.get("/"), client.get("/nowhere"), send(client, picture())):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"


def test_every_view_says_that_it_is_no_medical_device(client):
    for path in ("/", "/api"):
        assert "not a medical device" in client.get(path).text.lower()
    for path in ("/nowhere", "/read", "/openapi.json"):
        assert NOTICE in client.get(path).text


def test_nothing_of_the_page_names_another_server(client):
    texts = [path.read_text() for path in STATIC.iterdir()] + [client.get("/api").text]
    named = {name for text in texts for name in re.findall(r"https?://([^/\s\"'`)<]+)", text)}
    assert named <= {"www.w3.org", "127.0.0.1:8765"}


def test_every_class_is_explained_in_one_sentence():
    assert set(PLAINLY) == set(CLASSES)
    decided = ((0.9, True), (0.42, True), (0.39, True), (0.39, False), (0.0, False))
    for name, (probability, yes) in itertools.product(CLASSES, decided):
        said = sentence(Label(name, "", probability, 0.4, yes))
        assert said.endswith(".") and said.count(". ") == 0


@pytest.mark.parametrize(
    ("name", "record"),
    [("a b.JPG", "a_b"), ("scan.pdf#2", "scan-2"), ("é.png", "picture"), ("../x.y.png", "x_y")],
)
def test_records_have_names_that_wfdb_allows(name, record):
    assert record_name(name) == record


@pytest.mark.parametrize("path", ["/read", "/turn/{ticket}"])
def test_the_api_keeps_to_its_description_whatever_it_is_asked(path):
    api = schemathesis.openapi.from_asgi("/openapi.json", create_app(FakeReader(), 2.0))
    (method,) = api[path]

    @given(case=api[path][method].as_strategy())
    @settings(max_examples=40)
    def check(case):
        # A description cannot say what a picture is: other bytes may be refused.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    check()


def test_the_command_says_when_its_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        said = run_python("-m", "giraffe", "serve", "--port", port, check=False)
    assert said.returncode == 1
    assert "--port 0 takes a free one" in said.stderr and "Traceback" not in said.stderr
