// Word maps as the server packs them (radui/render/evidence.py) and their colours on a small canvas.
(() => {
  const radui = (window.radui = window.radui || {});
  const UPSAMPLING = 24; // canvas pixels a cell when bilinear; the screen does the rest
  const EDGE = 0.05; // share of the range over which a smooth map fades in at its threshold

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

  const span = (choice, count) => (choice === "mean" ? [0, count] : [Number(choice), Number(choice) + 1]);

  // A grid of values over one picture: rows, columns, box in original pixels, NaN where not seen.
  class Grid {
    constructor(values, rows, columns, box) {
      Object.assign(this, { values, rows, columns, box });
    }
    at(row, column) {
      return this.values[row * this.columns + column];
    }
    cellAt(x, y) {
      const [x0, y0, x1, y1] = this.box;
      const column = Math.floor(((x - x0) / (x1 - x0)) * this.columns);
      const row = Math.floor(((y - y0) / (y1 - y0)) * this.rows);
      const inside = row >= 0 && column >= 0 && row < this.rows && column < this.columns;
      return inside ? { row, column, value: this.at(row, column) } : null;
    }
    cellBox(row, column) {
      const [x0, y0, x1, y1] = this.box;
      const width = (x1 - x0) / this.columns;
      const height = (y1 - y0) / this.rows;
      return [x0 + column * width, y0 + row * height, width, height];
    }
    // Bilinear between cell centres; NaN when the nearest cell is NaN, else NaN neighbours are left out.
    sample(row, column) {
      const r = Math.min(Math.max(row, 0), this.rows - 1);
      const c = Math.min(Math.max(column, 0), this.columns - 1);
      if (Number.isNaN(this.at(Math.round(r), Math.round(c)))) return NaN;
      let sum = 0;
      let weights = 0;
      for (const i of [Math.floor(r), Math.ceil(r)]) {
        for (const j of [Math.floor(c), Math.ceil(c)]) {
          const weight = Math.max(1e-9, (1 - Math.abs(r - i)) * (1 - Math.abs(c - j)));
          const value = this.at(i, j);
          if (!Number.isNaN(value)) {
            sum += weight * value;
            weights += weight;
          }
        }
      }
      return sum / weights;
    }
  }

  class WordMaps {
    constructor(payload) {
      [this.tokens, this.layers, this.heads, this.views, this.rows, this.columns] = payload.shape;
      this.values = decodeHalves(payload.data);
      this.frames = payload.frames;
      this.averaged = payload.averaged;
    }
    // The mean over the chosen layers and heads ("mean" or an index), one Grid a view.
    grids(token, layer, head) {
      const cells = this.rows * this.columns;
      const [layer0, layer1] = span(layer, this.layers);
      const [head0, head1] = span(head, this.heads);
      const count = (layer1 - layer0) * (head1 - head0);
      return this.frames.map((frame, view) => {
        const sum = new Float32Array(cells);
        for (let l = layer0; l < layer1; l++) {
          for (let h = head0; h < head1; h++) {
            const start = (((token * this.layers + l) * this.heads + h) * this.views + view) * cells;
            for (let i = 0; i < cells; i++) sum[i] += this.values[start + i] / count;
          }
        }
        return new Grid(sum, this.rows, this.columns, frame.box);
      });
    }
    // The highest value that any word of the report reaches, for one scale over the whole report.
    highest(layer, head) {
      let highest = 0;
      for (let token = 0; token < this.tokens; token++) {
        highest = Math.max(highest, radui.range(this.grids(token, layer, head))[1]);
      }
      return highest;
    }
  }

  radui.range = (grids) => {
    let low = Infinity;
    let high = -Infinity;
    for (const grid of grids) {
      for (const value of grid.values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return [low, high];
  };

  // Colours of a grid; cells below the threshold (a share of the range) and unseen ones are clear.
  radui.colourise = (grid, { table, range, threshold, smooth }) => {
    const step = smooth ? UPSAMPLING : 1;
    const canvas = document.createElement("canvas");
    canvas.width = grid.columns * step;
    canvas.height = grid.rows * step;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const width = range[1] - range[0] || 1;
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        const value = smooth ? grid.sample((y + 0.5) / step - 0.5, (x + 0.5) / step - 0.5) : grid.at(y, x);
        const share = (value - range[0]) / width;
        if (Number.isNaN(share) || share < threshold) continue;
        const alpha = smooth && threshold > 0 ? Math.min(1, (share - threshold) / EDGE) : 1;
        const colour = table[Math.min(255, Math.max(0, Math.round(share * 255)))];
        image.data.set([colour[0], colour[1], colour[2], 255 * alpha], 4 * (y * canvas.width + x));
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  };

  radui.WordMaps = WordMaps;
})();
