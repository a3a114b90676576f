// What a report card can show on the pictures, as the server packs it (radui/render/evidence.py).
// A selection is {tokens, observations}; a source is over words, over observations or over the report.
(() => {
  const radui = (window.radui = window.radui || {});

  let halfTable = null;
  function halfToFloat(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
  }

  function decodeHalves(base64) {
    halfTable = halfTable || Float32Array.from({ length: 65536 }, (_, bits) => halfToFloat(bits));
    const text = atob(base64);
    const values = new Float32Array(text.length / 2);
    for (let i = 0; i < values.length; i++) {
      values[i] = halfTable[text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 8)];
    }
    return values;
  }

  radui.decodeHalves = decodeHalves;

  const span = (choice, count) => (choice === "mean" || Number(choice) >= count ? [0, count] : [Number(choice), Number(choice) + 1]);

  class Source {
    constructor(payload) {
      const { key, title, unit, over, averaged } = payload;
      Object.assign(this, { key, title, unit, over, averaged: averaged || [], values: decodeHalves(payload.data) });
      this.threshold = 0.2; // what is shown at first, as a share of the range
    }
    // The rows of the array that speak for a selection; none where it has no such row.
    items(selection) {
      if (this.over === "report") return [0];
      const wanted = this.over === "words" ? selection.tokens : selection.observations;
      return (wanted || []).filter((item) => item < this.count);
    }
    // Mean over the items, all places of one view.
    mean(starts, length) {
      const sum = new Float32Array(length);
      for (const start of starts) {
        for (let i = 0; i < length; i++) sum[i] += this.values[start + i] / starts.length;
      }
      return sum;
    }
    // The highest value that any item reaches, for one scale over the whole report.
    highest(layer, head) {
      let highest = 0;
      for (let item = 0; item < this.count; item++) highest = Math.max(highest, this.range([item], layer, head)[1]);
      return highest;
    }
    range(items, layer, head) {
      const { grids, boxes } = this.shown(items, layer, head);
      return radui.range([...grids.map((grid) => grid.values), ...boxes.map((list) => list.map((box) => box.value))]);
    }
  }

  // shape: (items, layers, heads, views, rows, columns)
  class Maps extends Source {
    constructor(payload) {
      super(payload);
      [this.count, this.layers, this.heads, this.views, this.rows, this.columns] = payload.shape;
      this.frames = payload.frames;
    }
    // Mean over items and the chosen layers and heads ("mean" or an index): one Grid a view.
    shown(items, layer, head) {
      const cells = this.rows * this.columns;
      const [layer0, layer1] = span(layer, this.layers);
      const [head0, head1] = span(head, this.heads);
      const grids = this.frames.map((frame, view) => {
        const starts = [];
        for (const item of items) {
          for (let l = layer0; l < layer1; l++) {
            for (let h = head0; h < head1; h++) {
              starts.push((((item * this.layers + l) * this.heads + h) * this.views + view) * cells);
            }
          }
        }
        return new radui.Grid(this.mean(starts, cells), this.rows, this.columns, frame.box);
      });
      return { grids, boxes: [] };
    }
    // How much of each item's weight lies in a box of one view.
    inside(view, box, layer, head) {
      return Array.from({ length: this.count }, (_, item) => this.shown([item], layer, head).grids[view].inside(box));
    }
  }

  // Patches that moved and changed their size. shape: (items, patches); boxes, centres, views: one a patch,
  // centres those of the fixed cells from which they started.
  class Patches extends Source {
    constructor(payload) {
      super(payload);
      [this.count, this.patches] = payload.shape;
      const { boxes, centres, views } = payload;
      Object.assign(this, { boxes, centres, views, layers: 1, heads: 1, threshold: 0.75 });
    }
    shown(items) {
      const values = this.mean(items.map((item) => item * this.patches), this.patches);
      const boxes = Array.from({ length: Math.max(...this.views) + 1 }, () => []);
      this.boxes.forEach((box, i) => {
        if (box[2] > box[0] && box[3] > box[1]) boxes[this.views[i]].push({ box, start: this.centres[i], value: values[i] });
      });
      return { grids: [], boxes };
    }
    // The value of the best patch whose centre lies in a box of one view.
    inside(view, [x0, y0, x1, y1]) {
      const between = (low, value, high) => low <= value && value < high;
      const hit = ({ box }) => between(x0, (box[0] + box[2]) / 2, x1) && between(y0, (box[1] + box[3]) / 2, y1);
      return Array.from({ length: this.count }, (_, item) => {
        const values = this.shown([item]).boxes[view].filter(hit).map((box) => box.value);
        return values.reduce((best, value) => Math.max(best, value || 0), 0);
      });
    }
  }

  radui.sourcesOf = (evidence) =>
    (evidence || []).map((payload) => (payload.kind === "patches" ? new Patches(payload) : new Maps(payload)));
})();
