// The viewer that all tabs share: its pictures, tools, keys and read-out; the bar of the map is in evidence_bar.js.
// Other components speak to it by document events, each with the viewer's name:
//   radui:show {card, title, selection}  the map of what was chosen in a report
//   radui:clear                          take the map away
//   radui:sources {card, title, sources} what a card can show, [] when it is empty
// It says radui:cleared, and radui:boxed {view, box} when a patch is clicked or a box drawn.
(() => {
  const radui = (window.radui = window.radui || {});
  const PRESETS = { 1: [255, 127.5], 2: [150, 85], 3: [140, 180], 4: [110, 127.5] };
  const KEYS = {
    w: (v) => v.setTool("window"),
    z: (v) => v.setTool("zoom"),
    p: (v) => v.setTool("pan"),
    d: (v) => v.setTool("box"),
    i: (v) => v.active().invert(),
    x: (v) => v.active().flip(),
    r: (v) => v.active().reset(),
    f: (v) => v.active().fit(),
    g: (v) => v.toggle("lines"),
    b: (v) => v.toggle("smooth"),
    m: (v) => v.toggle("overlay"),
    s: (v) => radui.savePicture(v),
    "+": (v) => v.active().zoom(1.2),
    "-": (v) => v.active().zoom(1 / 1.2),
    "[": (v) => v.bar.nudge("opacity", -0.1),
    "]": (v) => v.bar.nudge("opacity", 0.1),
    h: (v) => v.root.querySelector("dialog").showModal(),
    "?": (v) => v.root.querySelector("dialog").showModal(),
    Escape: (v) => v.clearMap(),
    Enter: (v) => v.pressedOn(v.active(), null),
  };
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const ACTIONS = { invert: KEYS.i, flip: KEYS.x, fit: KEYS.f, reset: KEYS.r, save: KEYS.s, help: KEYS.h, clear: KEYS.Escape };

  radui.digits = (value) => (value === 0 ? "0" : Math.abs(value) < 1e-4 ? value.toExponential(1) : value.toPrecision(3));
  radui.viewers = new Map();

  class Viewer {
    // tell: reports a drawn box to Python, {view, box, map}, in original pixels; box null when it was taken away.
    constructor(root, name, tables, tell) {
      Object.assign(this, { root, name, tell, study: null, map: null, cards: new Map() });
      this.toggles = { lines: false, smooth: true, overlay: true };
      this.currentTool = "window";
      this.bar = new radui.EvidenceBar(this, tables);
      this.panes = [...root.querySelectorAll(".rd-pane")].map((pane) => new radui.Pane(pane, this));
      this.shown = this.panes.slice(0, 1);
      this.listen();
      this.redraw();
    }

    // What a pane asks of its viewer.
    tool() {
      return this.currentTool;
    }
    changed(pane) {
      const { width, level } = pane.window;
      const marks = [pane.inverted && "inverted"].filter(Boolean).map((mark) => ` · ${mark}`);
      pane.root.querySelector(".rd-state-line").textContent =
        `W ${Math.round(width)} L ${Math.round(level)} · ${Math.round(pane.scale * 100)} %${marks.join("")}`;
      pane.root.querySelector(".rd-flipped").hidden = !pane.flipped;
      pane.root.querySelector(".rd-synthetic").hidden = !pane.synthetic;
    }
    hovered(pane, point) {
      if (point) this.activate(pane);
      this.root.querySelector(".rd-hover").textContent = point ? this.describe(pane, point) : "";
    }
    boxed(pane) {
      for (const other of this.panes) {
        if (other !== pane && other.box) other.setBox(null);
        if (other.picked) other.setPicked(null);
      }
      this.bar.update();
      this.tellRegion();
      this.say("radui:boxed", { view: this.panes.indexOf(pane), box: pane.box });
    }
    // Python hears of the drawn box together with the map on which it lies, and again when that changes.
    tellRegion() {
      const view = this.panes.findIndex((pane) => pane.box);
      const region = { view, box: view < 0 ? null : this.panes[view].box, map: this.bar.chosen() };
      const text = JSON.stringify(region);
      if (text !== this.told) this.tell(region);
      this.told = text;
    }
    // A click on a patch asks what looked there; point null takes the patch that the keyboard chose.
    pressedOn(pane, point) {
      const patch = point ? pane.patchAt(point) : pane.hover;
      if (!patch) return;
      const [x, y, width, height] = patch.box ? [] : pane.overlay.grid.cellBox(patch.row, patch.column);
      const box = patch.box || [x, y, x + width, y + height];
      for (const each of this.panes) if (each === pane || each.picked) each.setPicked(each === pane ? box : null);
      this.say("radui:boxed", { view: this.panes.indexOf(pane), box, patch });
    }

    describe(pane, [x, y]) {
      if (!pane.picture.contains(x, y)) return "";
      const parts = [`x ${Math.floor(x)}  y ${Math.floor(y)}`, `grey ${pane.picture.greyAt(x, y)}`];
      const patch = pane.hover;
      if (patch) {
        parts.push(patch.box ? "patch" : `patch ${patch.row + 1},${patch.column + 1}`);
        parts.push(Number.isNaN(patch.value) ? "not seen" : `${this.map.source.unit} ${radui.digits(patch.value)}`);
      } else if (pane.overlay) parts.push(pane.overlay.grid ? "not seen" : "no patch");
      return parts.join("   ");
    }

    active() {
      return this.shown.includes(this.activePane) ? this.activePane : this.shown[0];
    }
    activate(pane) {
      this.activePane = pane;
      for (const other of this.panes) other.root.classList.toggle("rd-active", other === pane && this.shown.length > 1);
    }

    async showStudy(study) {
      const id = study ? study.id : null;
      if (id === (this.study && this.study.id)) return this.grow(study);
      this.study = study;
      this.clearMap();
      const views = study ? study.views : [];
      this.root.querySelector(".rd-nothing").hidden = views.length > 0;
      this.shown = this.panes.slice(0, Math.max(1, views.length));
      this.panes.forEach((pane, index) => {
        pane.root.hidden = index >= views.length;
        pane.clear();
      });
      await Promise.all(views.map((view, index) => this.panes[index].show(view)));
      if (this.firstWindow) this.shown.forEach((pane) => pane.setWindow(...this.firstWindow));
      // It may have grown meanwhile, or given way to another.
      const still = id === (this.study && this.study.id);
      if (still) this.showCaptions(id, views.map((view) => view.caption), study && study.warning);
      this.root.dataset.study = id || "";
      if (still) this.showOwnMap(study && study.map);
    }

    // The same study with more of its pictures drawn: `grown` counts up. Window, zoom and pan stay.
    grow(study) {
      if (!study || study.grown === undefined || study.grown === this.study.grown) return;
      this.study = study;
      study.views.forEach((view, index) => this.panes[index].replace(view));
    }

    // A map that comes with the study itself and belongs to no report: {title, label, evidence}.
    showOwnMap(map) {
      this.ownCard = this.ownCard || {};
      const { title = "", label = "", evidence = [] } = map || {};
      this.sourcesChanged({ card: this.ownCard, title, sources: radui.sourcesOf(evidence) });
      if (map) this.showMap({ card: this.ownCard, title, selection: { label, tokens: [], observations: [] } });
    }

    // warning: what the gate has against the pictures; it is burnt into each PNG of them.
    showCaptions(id, captions, warning) {
      if (!this.study || id !== this.study.id) return;
      if (warning) this.warning = { id, text: warning };
      this.panes.forEach((pane, index) => {
        const caption = captions[index] || "";
        pane.root.querySelector(".rd-caption").textContent = caption;
        pane.canvas.setAttribute("aria-label", caption || `View ${index + 1}`);
      });
    }

    // request: {card, title, selection: {label, tokens, observations}}
    showMap(request) {
      this.map = { ...request, source: null };
      this.toggles.overlay = true;
      this.redraw();
    }

    clearMap() {
      const had = this.map;
      this.map = null;
      this.redraw();
      if (had) this.say("radui:cleared", {});
    }

    sourcesChanged({ card, title, sources }) {
      if (sources.length) this.cards.set(card, { title, sources });
      else this.cards.delete(card);
      if (this.map && this.map.card === card) this.redraw();
    }

    redraw() {
      this.syncButtons();
      const shown = this.bar.update();
      this.shown.forEach((pane, index) => {
        if (!shown || !this.toggles.overlay) return pane.setOverlay(null);
        const { look, opacity, grids, boxes } = shown;
        const grid = grids[index];
        if (!grid && !boxes[index]) return pane.setOverlay(null);
        const canvas = grid && radui.colourise(grid, { ...look, smooth: this.toggles.smooth });
        pane.setOverlay({ grid, canvas, boxes: boxes[index], look, opacity, lines: this.toggles.lines });
      });
      this.root.dataset.map = String(Boolean(shown));
      if (this.panes.some((pane) => pane.box)) this.tellRegion();
    }

    syncButtons() {
      for (const button of this.root.querySelectorAll("[data-tool]")) {
        button.setAttribute("aria-pressed", button.dataset.tool === this.currentTool);
      }
      for (const button of this.root.querySelectorAll("[data-toggle]")) {
        button.setAttribute("aria-pressed", this.toggles[button.dataset.toggle]);
      }
      this.root.querySelector(".rd-panes").dataset.tool = this.currentTool;
    }

    setTool(tool) {
      this.currentTool = tool;
      this.syncButtons();
    }
    toggle(name) {
      this.toggles[name] = !this.toggles[name];
      this.redraw();
    }
    say(name, detail) {
      document.dispatchEvent(new CustomEvent(name, { detail: { viewer: this.name, ...detail } }));
    }

    listen() {
      const { root } = this;
      root.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        const { tool, action, toggle } = button.dataset;
        if (tool) this.setTool(tool);
        if (action) ACTIONS[action](this);
        if (toggle) this.toggle(toggle);
      });
      root.querySelector("[data-preset]").addEventListener("change", (event) => {
        this.active().setWindow(...PRESETS[event.target.value]);
        event.target.value = "";
      });
      root.addEventListener("focusin", (event) => {
        const pane = this.panes.find((one) => one.root.contains(event.target));
        if (pane) this.activate(pane);
      });
      document.addEventListener("keydown", (event) => this.pressed(event));
      const mine = (act) => (event) => event.detail.viewer === this.name && act(event.detail);
      document.addEventListener("radui:show", mine((detail) => this.showMap(detail)));
      document.addEventListener("radui:clear", mine(() => this.clearMap()));
      document.addEventListener("radui:sources", mine((detail) => this.sourcesChanged(detail)));
    }

    // Single keys count only over the viewer or with the focus in it (WCAG 2.1.4).
    pressed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.study) return;
      if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
      if (!this.root.matches(":hover") && !this.root.contains(document.activeElement)) return;
      const act = this.meaning(event);
      if (!act) return;
      event.preventDefault();
      act(this);
    }

    meaning({ key, shiftKey, target }) {
      const move = MOVES[key];
      const onCanvas = target.tagName === "CANVAS";
      if ((move || key === "Enter") && !onCanvas) return null;
      if (move && shiftKey) return (viewer) => viewer.active().step(move[1], move[0]);
      if (move) return (viewer) => viewer.active().pan(-40 * move[0], -40 * move[1]);
      return PRESETS[key] ? (viewer) => viewer.active().setWindow(...PRESETS[key]) : KEYS[key];
    }
  }

  radui.mountViewer = (element, props, watch, tell) => {
    const viewer = new Viewer(element.querySelector(".rd-viewer"), props.viewer, props.tables, tell);
    radui.viewers.set(props.viewer, viewer);
    radui.restoreViewer(viewer);
    const update = () => viewer.showStudy(props.value);
    const captions = () => viewer.showCaptions(props.captions.id, props.captions.texts, props.captions.warning);
    watch("value", update);
    watch("captions", captions);
    update();
    captions();
  };
})();
