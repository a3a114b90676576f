// The bar under the pictures: which map of a report is shown, how it is coloured, and its numbers.
(() => {
  const radui = (window.radui = window.radui || {});
  const IDLE = "Click a word or a sentence's number to see where the system looked.";

  class EvidenceBar {
    constructor(viewer, tables) {
      Object.assign(this, { viewer, tables, root: viewer.root.querySelector(".rd-evidence"), filled: null });
      this.settings = { opacity: 0.55, threshold: 0.2, source: "", layer: "mean", head: "mean", scale: "word", colours: "viridis" };
      this.options("colours", Object.keys(tables).map((name) => [name, name]));
      this.root.addEventListener("input", (event) => this.changed(event.target));
    }

    changed(input) {
      const { setting } = input.dataset;
      if (!setting) return;
      if (setting === "threshold") this.touched = true;
      this.settings[setting] = input.type === "range" ? Number(input.value) : input.value;
      this.viewer.redraw();
    }

    // What a link asked for, null where it asked for nothing; a layer or head that a map has not is the mean.
    restore(wanted) {
      for (const [setting, text] of Object.entries(wanted)) {
        if (text === null || (setting === "colours" && !this.tables[text])) continue;
        const input = this.input(setting);
        this.settings[setting] = input.type === "range" ? Number(text) : text;
        input.value = text;
        if (setting === "threshold") this.touched = true;
      }
    }

    nudge(setting, step) {
      const input = this.input(setting);
      input.value = Number(input.value) + step;
      this.changed(input);
    }

    input(setting) {
      return this.root.querySelector(`[data-setting="${setting}"]`);
    }

    options(setting, choices) {
      const select = this.input(setting);
      select.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
      const values = choices.map(([value]) => String(value));
      if (!values.includes(String(this.settings[setting]))) this.settings[setting] = values[0] || "";
      select.value = this.settings[setting];
      select.disabled = choices.length < 2;
    }

    // Fill in the bar for the chosen map and return what the panes draw: {grids, boxes, look, opacity}, or null.
    update() {
      const { map } = this.viewer;
      const known = map && this.viewer.cards.get(map.card);
      const source = known ? this.choose(known.sources) : null;
      const items = source ? source.items(map.selection) : [];
      this.root.dataset.shown = String(items.length > 0);
      if (!items.length) {
        if (map) map.source = null;
        this.say(map ? map.selection.label : "", source ? `${source.title} has nothing for this` : map ? "has no map" : IDLE);
        return null;
      }
      Object.assign(map, { source, items });
      const { layer, head, opacity, threshold, colours } = this.settings;
      const shown = source.shown(items, layer, head);
      const seen = source.range(items, layer, head);
      const range = this.range(source, seen);
      this.describe(source, shown, seen, range);
      return { ...shown, opacity, look: { table: this.tables[colours], range, threshold } };
    }

    choose(sources) {
      if (this.filled !== sources) {
        this.filled = sources;
        this.options("source", sources.map(({ key, title }) => [key, title]));
      }
      const source = this.preferred(sources);
      if (!this.touched) this.settings.threshold = this.input("threshold").value = source.threshold;
      const numbered = (count) => [["mean", "mean"], ...(count > 1 ? Array.from({ length: count }, (_, i) => [i, i + 1]) : [])];
      this.options("layer", numbered(source.layers));
      this.options("head", numbered(source.heads));
      return source;
    }

    // Which map is shown, in the words of radui/explain/chosen.py; null without one.
    chosen() {
      const { map } = this.viewer;
      if (!map || !map.source) return null;
      const index = (choice, count) => (choice === "mean" || Number(choice) >= count ? null : Number(choice));
      const { key, layers, heads } = map.source;
      const { layer, head } = this.settings;
      return { key, items: map.items, layer: index(layer, layers), head: index(head, heads), ...map.selection };
    }

    preferred(sources) {
      return sources.find(({ key }) => key === this.settings.source) || sources[0];
    }

    // One colour scale for the map alone, for its report, or for all reports that are shown with the same kind of map.
    range(source, seen) {
      const { scale, layer, head } = this.settings;
      if (scale === "word") return seen;
      if (scale === "report") return [0, source.highest(layer, head)];
      const alike = [...radui.viewers.values()].flatMap((viewer) =>
        [...viewer.cards.values()].flatMap(({ sources }) => sources.filter(({ unit }) => unit === source.unit)),
      );
      return [0, Math.max(...alike.map((one) => one.highest(layer, head)))];
    }

    say(strong, text) {
      const subject = this.root.querySelector(".rd-subject-text");
      subject.replaceChildren(Object.assign(document.createElement("b"), { textContent: strong }));
      subject.append(` ${text}`);
    }

    describe(source, { grids }, [low, high], range) {
      const { selection, title } = this.viewer.map;
      const boxed = this.viewer.shown.findIndex((pane) => pane.box);
      const share = boxed >= 0 && grids[boxed] ? ` · ${radui.digits(grids[boxed].inside(this.viewer.shown[boxed].box))} in the box` : "";
      const averaged = source.averaged.length ? `, ${source.averaged.join(" and ")} averaged` : "";
      this.say(selection.label, `${title} · ${source.unit} ${radui.digits(low)} to ${radui.digits(high)}${averaged}${share}`);
      this.root.querySelector(".rd-low").textContent = radui.digits(range[0]);
      this.root.querySelector(".rd-high").textContent = radui.digits(range[1]);
      this.paintScale();
    }

    paintScale() {
      const context = this.root.querySelector(".rd-colours").getContext("2d");
      context.clearRect(0, 0, 256, 1);
      this.tables[this.settings.colours].forEach((colour, i) => {
        context.fillStyle = `rgba(${colour}, ${i / 255 < this.settings.threshold ? 0.25 : 1})`;
        context.fillRect(i, 0, 1, 1);
      });
    }
  }

  radui.EvidenceBar = EvidenceBar;
})();
