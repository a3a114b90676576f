// The link that restores settings. What may stand in it is listed here: no picture, no name, no text.
// Python restores systems and labels from the same address (radui/ui/share.py).
(() => {
  const radui = (window.radui = window.radui || {});
  const VIEWERS = ["compare", "explain"];
  const CHOICES = { scale: ["word", "report", "all"], smooth: ["0", "1"], lines: ["0", "1"], source: ["word_maps", "transport", "patches", "pooling"] };
  const wanted = new URLSearchParams(location.search);

  const within = (low, high) => (text) => text !== "" && Number(text) >= low && Number(text) <= high;
  const index = (text) => text === "mean" || /^\d{1,2}$/.test(text);
  const valid = { opacity: within(0, 1), threshold: within(0, 1), layer: index, head: index };

  function asked(name) {
    const text = wanted.get(name);
    if (text === null) return null;
    const fits = CHOICES[name] ? CHOICES[name].includes(text) : !valid[name] || valid[name](text);
    return fits ? text : null;
  }

  function askedWindow() {
    const [width, level] = (wanted.get("window") || "").split(",").map(Number);
    return width >= 2 && width <= 510 && level >= 0 && level <= 255 ? [width, level] : null;
  }

  // Called once by each viewer when it is there; before any picture.
  radui.restoreViewer = (viewer) => {
    if (!VIEWERS.includes(viewer.name)) return;
    viewer.firstWindow = askedWindow();
    for (const name of ["smooth", "lines"]) if (asked(name)) viewer.toggles[name] = asked(name) === "1";
    viewer.bar.restore(Object.fromEntries(["opacity", "threshold", "layer", "head", "scale", "colours", "source"].map((name) => [name, asked(name)])));
    viewer.redraw();
  };

  const text = (element) => element.textContent.trim().toLowerCase();
  const tabs = () => [...document.querySelectorAll('#tabs button[role="tab"]')];
  const ticked = (id) => [...document.querySelectorAll(`#${id} input:checked`)].map((input) => input.name).join();
  const current = () => text(tabs().find((tab) => tab.getAttribute("aria-selected") === "true") || document.body);

  function settings() {
    const tab = current();
    const viewer = radui.viewers.get(tab) || radui.viewers.get("compare");
    const { opacity, threshold, layer, head, scale, colours, source } = viewer.bar.settings;
    const { width, level } = viewer.active().window;
    const marks = document.querySelector("[data-marks]");
    return {
      tab, systems: ticked("systems"), labels: ticked("labels"), window: `${width},${level}`,
      opacity, threshold: viewer.bar.touched ? threshold : "", layer, head, scale, colours, source,
      smooth: Number(viewer.toggles.smooth), lines: Number(viewer.toggles.lines), marks: marks && marks.value === "unique" ? "unique" : "",
    };
  }

  radui.shareAddress = () => {
    const filled = Object.entries(settings()).filter(([, value]) => value !== "");
    return `${location.origin}${location.pathname}?${new URLSearchParams(filled)}`;
  };

  async function share(button) {
    const address = radui.shareAddress();
    history.replaceState(null, "", address);
    let copied = true;
    await navigator.clipboard.writeText(address).catch(() => (copied = false)); // not over plain http
    const said = button.querySelector("[role=status]");
    said.textContent = copied ? "Copied" : "In the address bar";
    setTimeout(() => (said.textContent = ""), 3000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("#rd-share");
    if (button) share(button);
  });

  // Gradio builds the tabs after the page has loaded.
  radui.openTab = (name, tries = 100) => {
    const found = tabs().find((tab) => text(tab) === name);
    if (found) found.click();
    else if (tries) setTimeout(radui.openTab, 100, name, tries - 1);
  };
  if (wanted.get("tab")) radui.openTab(wanted.get("tab"));
  if (wanted.get("marks") === "unique") radui.firstMarks = "unique";
})();
