// A grid of values over one picture, and its colours on a small canvas.
(() => {
  const radui = (window.radui = window.radui || {});
  const UPSAMPLING = 24; // canvas pixels a cell when bilinear; the screen does the rest
  const LONGEST = 512; // canvas pixels a side at most: a grid as fine as its picture needs no bilinear step of ours
  const EDGE = 0.05; // share of the range over which a smooth map fades in at its threshold

  // rows, columns, box in original pixels, NaN where not seen.
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
      return this.cell(row, column);
    }
    cell(row, column) {
      const inside = row >= 0 && column >= 0 && row < this.rows && column < this.columns;
      return inside ? { row, column, value: this.at(row, column) } : null;
    }
    // [x, y, width, height] in original pixels, as canvas rectangles are given.
    cellBox(row, column) {
      const [x0, y0, x1, y1] = this.box;
      const width = (x1 - x0) / this.columns;
      const height = (y1 - y0) / this.rows;
      return [x0 + column * width, y0 + row * height, width, height];
    }
    // Sum of the values inside a box (x0, y0, x1, y1) of original pixels, cut cells in part.
    inside([x0, y0, x1, y1]) {
      let sum = 0;
      for (let row = 0; row < this.rows; row++) {
        for (let column = 0; column < this.columns; column++) {
          const [x, y, width, height] = this.cellBox(row, column);
          const wide = Math.min(x1, x + width) - Math.max(x0, x);
          const high = Math.min(y1, y + height) - Math.max(y0, y);
          const value = this.at(row, column);
          if (wide > 0 && high > 0 && !Number.isNaN(value)) sum += (value * wide * high) / (width * height);
        }
      }
      return sum;
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

  radui.range = (series) => {
    let low = Infinity;
    let high = -Infinity;
    for (const values of series) {
      for (const value of values) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
    return low > high ? [0, 0] : [low, high];
  };

  radui.colourAt = (value, { table, range, threshold }) => {
    const share = (value - range[0]) / (range[1] - range[0] || 1);
    if (Number.isNaN(share) || share < threshold) return null;
    return { share, colour: table[Math.min(255, Math.max(0, Math.round(share * 255)))] };
  };

  // Cells below the threshold (a share of the range) and unseen ones are clear.
  radui.colourise = (grid, look) => {
    const { threshold } = look;
    const room = Math.min(UPSAMPLING, Math.floor(LONGEST / Math.max(grid.rows, grid.columns)));
    const smooth = look.smooth && room > 2;
    const step = smooth ? room : 1;
    const canvas = document.createElement("canvas");
    canvas.width = grid.columns * step;
    canvas.height = grid.rows * step;
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        const value = smooth ? grid.sample((y + 0.5) / step - 0.5, (x + 0.5) / step - 0.5) : grid.at(y, x);
        const shown = radui.colourAt(value, look);
        if (!shown) continue;
        const alpha = smooth && threshold > 0 ? Math.min(1, (shown.share - threshold) / EDGE) : 1;
        image.data.set([...shown.colour, 255 * alpha], 4 * (y * canvas.width + x));
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  };

  radui.Grid = Grid;
})();
