// The viewer that all tabs share: tools, keys, the read-out, and the map of the word that was clicked.
// A tab's other components speak to it by document events: radui:map {viewer, maps, token, word, title}
// and radui:clear {viewer}.
(() => {
  const radui = (window.radui = window.radui || {});
  const PRESETS = { 1: [255, 127.5], 2: [150, 85], 3: [140, 180], 4: [110, 127.5] };
  const KEYS = {
    w: (v) => v.setTool("window"),
    z: (v) => v.setTool("zoom"),
    p: (v) => v.setTool("pan"),
    i: (v) => v.active().invert(),
    r: (v) => v.active().reset(),
    f: (v) => v.active().fit(),
    g: (v) => v.toggle("lines"),
    b: (v) => v.toggle("smooth"),
    h: (v) => v.toggle("overlay"),
    "+": (v) => v.active().zoom(1.2),
    "-": (v) => v.active().zoom(1 / 1.2),
    "[": (v) => v.nudgeOpacity(-0.1),
    "]": (v) => v.nudgeOpacity(0.1),
    "?": (v) => v.root.querySelector("dialog").showModal(),
    Escape: (v) => v.clearMap(),
    ArrowLeft: (v) => v.active().pan(40, 0),
    ArrowRight: (v) => v.active().pan(-40, 0),
    ArrowUp: (v) => v.active().pan(0, 40),
    ArrowDown: (v) => v.active().pan(0, -40),
  };

  const digits = (value) => (value === 0 ? "0" : value.toPrecision(3));

  class Viewer {
    constructor(root, name, tables) {
      Object.assign(this, { root, name, tables, map: null, study: null });
      this.settings = { opacity: 0.55, threshold: 0.2, layer: "mean", head: "mean", scale: "word", colours: "viridis" };
      this.toggles = { lines: false, smooth: true, overlay: true };
      this.currentTool = "window";
      this.panes = [...root.querySelectorAll(".rd-pane")].map((pane) => new radui.Pane(pane, this));
      this.shown = this.panes.slice(0, 1);
      this.options("colours", Object.keys(tables));
      this.listen();
    }

    // What a pane asks of its viewer.
    tool() {
      return this.currentTool;
    }
    changed(pane) {
      const percent = Math.round(pane.scale * 100);
      const { width, level } = pane.window;
      pane.root.querySelector(".rd-state-line").textContent =
        `W ${Math.round(width)} L ${Math.round(level)} · ${percent} %${pane.inverted ? " · inverted" : ""}`;
    }
    hovered(pane, point, cell) {
      if (point) this.activate(pane);
      this.root.querySelector(".rd-hover").textContent = point ? this.describe(pane, point, cell) : "";
    }

    describe(pane, [x, y], cell) {
      const { width, height } = pane.picture;
      if (x < 0 || y < 0 || x >= width || y >= height) return "";
      const parts = [`x ${Math.floor(x)}  y ${Math.floor(y)}`, `grey ${pane.greyAt(x, y)}`];
      if (cell) {
        parts.push(`patch ${cell.row + 1},${cell.column + 1}`);
        parts.push(Number.isNaN(cell.value) ? "not seen" : `attention ${digits(cell.value)}`);
      } else if (pane.overlay) parts.push("not seen");
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
      if (id === (this.study && this.study.id)) return;
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
      if (this.study === study) this.showCaptions(id, views.map((view) => view.caption));
      this.root.dataset.study = id || "";
    }

    showCaptions(id, captions) {
      if (!this.study || id !== this.study.id) return;
      this.panes.forEach((pane, index) => {
        const caption = captions[index] || "";
        pane.root.querySelector(".rd-caption").textContent = caption;
        pane.canvas.setAttribute("aria-label", caption || `View ${index + 1}`);
      });
    }

    // map: {maps: WordMaps, token, word, title}
    showMap(map) {
      if (!this.map || this.map.maps !== map.maps) {
        const numbered = (count) => ["mean", ...Array.from({ length: count }, (_, i) => i)];
        this.options("layer", numbered(map.maps.layers));
        this.options("head", numbered(map.maps.heads));
      }
      this.map = map;
      this.toggles.overlay = true;
      this.redraw();
    }

    clearMap() {
      this.map = null;
      this.redraw();
      document.dispatchEvent(new CustomEvent("radui:cleared", { detail: { viewer: this.name } }));
    }

    options(setting, values) {
      const select = this.root.querySelector(`select[data-setting="${setting}"]`);
      const label = (value) => (typeof value === "number" ? value + 1 : value);
      select.replaceChildren(...values.map((value) => new Option(label(value), value)));
      if (!values.map(String).includes(this.settings[setting])) this.settings[setting] = String(values[0]);
      select.value = this.settings[setting];
      select.disabled = values.length === 2 && setting !== "colours";
    }

    redraw() {
      this.syncButtons();
      const bar = this.root.querySelector(".rd-evidence");
      bar.dataset.shown = String(Boolean(this.map));
      if (!this.map) {
        this.root.querySelector(".rd-subject-text").textContent = "Click a word of a report to see where the system looked.";
        this.panes.forEach((pane) => pane.setOverlay(null));
        return;
      }
      const { maps, token } = this.map;
      const { layer, head, scale, opacity, threshold } = this.settings;
      const grids = maps.grids(token, layer, head);
      const seen = radui.range(grids);
      const range = scale === "report" ? [0, maps.highest(layer, head)] : seen;
      this.describeMap(seen, range);
      const table = this.tables[this.settings.colours];
      this.shown.forEach((pane, index) => {
        if (!this.toggles.overlay || !grids[index]) return pane.setOverlay(null);
        const canvas = radui.colourise(grids[index], { table, range, threshold, smooth: this.toggles.smooth });
        pane.setOverlay({ grid: grids[index], canvas, opacity, lines: this.toggles.lines });
      });
    }

    describeMap([low, high], range) {
      const { word, title, maps } = this.map;
      const averaged = maps.averaged.length ? `, ${maps.averaged.join(" and ")} averaged` : "";
      const subject = this.root.querySelector(".rd-subject-text");
      subject.replaceChildren(Object.assign(document.createElement("b"), { textContent: word }));
      subject.append(` ${title} · attention ${digits(low)} to ${digits(high)}${averaged}`);
      this.root.querySelector(".rd-low").textContent = digits(range[0]);
      this.root.querySelector(".rd-high").textContent = digits(range[1]);
      const context = this.root.querySelector(".rd-colours").getContext("2d");
      this.tables[this.settings.colours].forEach((colour, i) => {
        context.fillStyle = `rgb(${colour})`;
        context.fillRect(i, 0, 1, 1);
      });
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
    nudgeOpacity(step) {
      const input = this.root.querySelector('[data-setting="opacity"]');
      input.value = Number(input.value) + step;
      this.settings.opacity = Number(input.value);
      this.redraw();
    }

    listen() {
      const { root } = this;
      const actions = { invert: KEYS.i, fit: KEYS.f, reset: KEYS.r, help: KEYS["?"], clear: KEYS.Escape };
      root.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        const { tool, action, toggle } = button.dataset;
        if (tool) this.setTool(tool);
        if (action) actions[action](this);
        if (toggle) this.toggle(toggle);
      });
      root.addEventListener("input", (event) => {
        const { setting } = event.target.dataset;
        if (!setting) return;
        this.settings[setting] = event.target.type === "range" ? Number(event.target.value) : event.target.value;
        this.redraw();
      });
      root.addEventListener("focusin", (event) => {
        const pane = this.panes.find((one) => one.root.contains(event.target));
        if (pane) this.activate(pane);
      });
      document.addEventListener("keydown", (event) => this.pressed(event));
      document.addEventListener("radui:map", (event) => event.detail.viewer === this.name && this.showMap(event.detail));
      document.addEventListener("radui:clear", (event) => event.detail.viewer === this.name && this.clearMap());
    }

    // Single keys count only over the viewer or with the focus in it (WCAG 2.1.4).
    pressed(event) {
      if (event.ctrlKey || event.metaKey || event.altKey || !this.study) return;
      if (event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
      if (!this.root.matches(":hover") && !this.root.contains(document.activeElement)) return;
      if (event.key.startsWith("Arrow") && event.target.tagName !== "CANVAS") return;
      const preset = PRESETS[event.key];
      const act = preset ? (viewer) => viewer.active().setWindow(...preset) : KEYS[event.key];
      if (!act) return;
      event.preventDefault();
      act(this);
    }
  }

  radui.mountViewer = (element, props, watch) => {
    const viewer = new Viewer(element.querySelector(".rd-viewer"), props.viewer, props.tables);
    const update = () => viewer.showStudy(props.value);
    const captions = () => viewer.showCaptions(props.captions.id, props.captions.texts);
    watch("value", update);
    watch("captions", captions);
    update();
    captions();
  };
})();
