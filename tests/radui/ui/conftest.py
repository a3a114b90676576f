"""A running page on an engine without models, and a real browser to use it with."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from radui.ui.launch import prepare_environment

# Before any test imports Gradio, which reads some of it at its import.
prepare_environment()

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 90_000  # milliseconds; only a broken page is slower, on a busy machine too
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The least that app.py needs to be told, and no user in the environment."""
    monkeypatch.delenv("RADUI_AUTH", raising=False)
    return ["--checkpoints", str(tmp_path)]


@pytest.fixture(scope="session")
def fake_engine() -> Any:
    """The module beside this one; tests are no package, so it is loaded by its path."""
    path = Path(__file__).with_name("fake_engine.py")
    spec = importlib.util.spec_from_file_location("fake_engine", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def serve(engine: Any, store: Any = None) -> Iterator[SimpleNamespace]:
    """Run the page on a free port; yields url, engine, page and the folder of uploads."""
    from radui.ui.page import build_page, launch_settings

    page = build_page(engine, store)
    _, url, _ = page.launch(**launch_settings(), prevent_thread_lock=True, quiet=True)
    try:
        yield SimpleNamespace(url=url, engine=engine, page=page, uploads=Path(os.environ["GRADIO_TEMP_DIR"]))
    finally:
        page.close(verbose=False)


@pytest.fixture(scope="session")
def serve_page() -> Any:
    """The context manager that runs the page: serve_page(engine, store)."""
    return serve


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"the browser tests need {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


def accept_notice(tab: Any) -> None:
    """Get past the notice that each browser tab shows first."""
    tab.click("#rd-accept button")
    tab.wait_for_selector("#rd-accept", state="hidden")


class Visit:
    """One browser tab on the page, with all that it asked for and complained of."""

    def __init__(self, browser: Any, url: str, accept: bool = True) -> None:
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.context.set_default_timeout(PATIENCE)
        self.tab = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.tab.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.goto(url)
        # Attached, not visible: a link may open another tab than Compare.
        self.tab.wait_for_selector(".rd-viewer", state="attached")
        self.tab.wait_for_selector("#run", state="attached")
        if accept:
            accept_notice(self.tab)

    def load(self, *paths: Path) -> None:
        """Choose files and wait until the viewer shows them."""
        before = self.study()
        self.tab.set_input_files('.rd-files input[type="file"]', [str(path) for path in paths])
        self.wait_for_study(before)

    def load_example(self, index: int = 0) -> None:
        before = self.study()
        self.tab.click(f".rd-examples button >> nth={index}")
        self.wait_for_study(before)

    def study(self) -> str:
        return self.tab.get_attribute(".rd-viewer", "data-study") or ""

    def wait_for_study(self, before: str) -> None:
        self.tab.wait_for_function(
            "before => { const now = document.querySelector('.rd-viewer').dataset.study;"
            " return now && now !== before; }",
            arg=before,
        )

    def wait_for_phase(self, system: str, phase: str) -> None:
        self.tab.wait_for_selector(f"#card-{system} [data-phase={phase}]")

    def report(self, system: str) -> str:
        return self.tab.inner_text(f"#card-{system} .rd-report").strip()

    def pixels(self, pane: int = 0) -> str:
        """The canvas as a data URL, to see whether it changed."""
        return self.tab.evaluate(
            "pane => document.querySelectorAll('.rd-pane canvas')[pane].toDataURL()", pane
        )

    def settle(self) -> None:
        """Wait for the next two frames."""
        self.tab.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )


@pytest.fixture
def visit(chromium: Any) -> Iterator[Any]:
    """Open pages: visit(url); each has to end without a console error or a request to another host."""
    visits: list[Visit] = []

    def open_page(url: str, accept: bool = True) -> Visit:
        visits.append(Visit(chromium, url, accept))
        return visits[-1]

    yield open_page
    for one in visits:
        outside = [url for url in one.requests if not url.startswith(("http://127.0.0.1", "data:", "blob:"))]
        one.context.close()
        assert not one.errors
        assert not outside


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: Any) -> dict[str, Path]:
    """Files as users have them: a PNG, a DICOM file without an extension, a white page, a broken one."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(1)
    smooth = cv2.GaussianBlur(rng.uniform(0, 255, (240, 200)).astype(np.float32), (0, 0), 12)
    grey = cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    paths = {name: folder / name for name in ("film.png", "IM0001", "page.png", "broken.png")}
    cv2.imwrite(str(paths["film.png"]), grey)
    cv2.imwrite(str(paths["page.png"]), np.pad(np.full((90, 90), 255, np.uint8), 3, constant_values=180))
    paths["broken.png"].write_bytes(paths["film.png"].read_bytes()[:200])
    write_dicom(paths["IM0001"], grey.astype(np.uint16) * 16)
    return paths


@pytest.fixture(scope="session")
def dicom_writer() -> Any:
    """The function that writes a DICOM file: dicom_writer(path, pixels, view)."""
    return write_dicom


def write_dicom(path: Path, pixels: np.ndarray, view: str = "LL") -> None:
    """Write a 12-bit radiograph of a named patient."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    file.file_meta.MediaStorageSOPInstanceUID = file.SOPInstanceUID = generate_uid()
    file.PatientName, file.Modality, file.ViewPosition = "Secret^Name", "DX", view
    file.Rows, file.Columns = pixels.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, "MONOCHROME2", 0
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 12, 11
    file.PixelData = pixels.tobytes()
    file.save_as(path, enforce_file_format=True)
