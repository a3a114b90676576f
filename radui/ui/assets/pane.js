// One picture on a canvas: window and level, zoom, pan, flip, and what lies over it.
// Everything is placed in original pixels; the picture itself may have been reduced for the browser.
(() => {
  const radui = (window.radui = window.radui || {});
  const FULL = { width: 255, level: 127.5 };

  class Pane {
    // host: the viewer that this pane stands in: tool(), changed(pane), hovered(pane, point), boxed(pane).
    constructor(root, host) {
      Object.assign(this, { root, host, canvas: root.querySelector("canvas") });
      this.picture = this.overlay = this.hover = this.box = this.picked = null;
      this.clearView();
      radui.listenToGestures(this);
      new ResizeObserver(() => this.resized()).observe(root);
    }

    clearView() {
      this.window = { ...FULL };
      this.inverted = this.flipped = false;
      this.fitted = true;
    }

    async show(payload) {
      if (!(await this.take(payload))) return;
      this.overlay = this.box = this.picked = null;
      this.reset();
    }

    // The same picture with more of it drawn: what the reader set stays.
    async replace(payload) {
      const first = !this.picture;
      if (!(await this.take(payload))) return;
      if (first) this.reset();
      else this.setWindow(this.window.width, this.window.level);
    }

    async take(payload) {
      const image = new Image();
      image.src = payload.src;
      this.wanted = payload;
      await image.decode();
      if (this.wanted !== payload) return false; // another picture came while this one was decoded
      this.picture = new radui.Picture(image, payload.width, payload.height);
      this.synthetic = Boolean(payload.synthetic);
      return true;
    }

    clear() {
      this.picture = this.overlay = this.wanted = this.box = this.picked = null;
      this.synthetic = false;
      this.draw();
    }

    reset() {
      this.clearView();
      this.setWindow(FULL.width, FULL.level);
      this.fit();
    }

    fit() {
      const { width, height } = this.size();
      this.fitted = true;
      if (!this.picture || !width) return;
      this.scale = Math.min(width / this.picture.width, height / this.picture.height);
      this.left = (width - this.picture.width * this.scale) / 2;
      this.top = (height - this.picture.height * this.scale) / 2;
      this.draw();
    }

    size() {
      return { width: this.root.clientWidth, height: this.root.clientHeight };
    }

    resized() {
      const { width, height } = this.size();
      const ratio = window.devicePixelRatio || 1;
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
      if (this.fitted) this.fit();
      else this.draw();
    }

    setWindow(width, level) {
      this.window = { width: Math.max(2, Math.min(510, width)), level: Math.max(0, Math.min(255, level)) };
      if (this.picture) this.picture.apply(this.window, this.inverted);
      this.draw();
    }

    invert() {
      this.inverted = !this.inverted;
      this.setWindow(this.window.width, this.window.level);
    }

    flip() {
      this.flipped = !this.flipped;
      this.draw();
    }

    zoom(factor, x = this.size().width / 2, y = this.size().height / 2) {
      if (!this.picture) return;
      const scale = Math.max(0.02, Math.min(40, this.scale * factor));
      this.left = x - ((x - this.left) * scale) / this.scale;
      this.top = y - ((y - this.top) * scale) / this.scale;
      this.scale = scale;
      this.fitted = false;
      this.draw();
    }

    pan(dx, dy) {
      this.left += dx;
      this.top += dy;
      this.fitted = false;
      this.draw();
    }

    // overlay: {grid, canvas, boxes, look, opacity, lines} or null; grid or boxes may be missing.
    setOverlay(overlay) {
      this.overlay = overlay;
      this.hover = null;
      this.draw();
    }

    // The reader's own box in whole original pixels, inside the picture; null takes it away.
    setBox(box) {
      const clip = (value, limit) => Math.min(limit, Math.max(0, Math.round(value)));
      const { width, height } = this.picture || {};
      this.box = box && [clip(box[0], width), clip(box[1], height), clip(box[2], width), clip(box[3], height)];
      this.draw();
    }

    // The patch whose words are shown, as a box in original pixels; null for none.
    setPicked(box) {
      this.picked = box;
      this.draw();
    }

    draw() {
      const ratio = window.devicePixelRatio || 1;
      const context = this.canvas.getContext("2d");
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      if (!this.picture || this.scale === undefined) return;
      const zoom = this.scale * ratio;
      const mirror = this.flipped ? -1 : 1;
      const start = this.left + (this.flipped ? this.picture.width * this.scale : 0);
      context.setTransform(mirror * zoom, 0, 0, zoom, start * ratio, this.top * ratio);
      context.imageSmoothingQuality = "high";
      context.drawImage(this.picture.canvas, 0, 0, this.picture.width, this.picture.height);
      if (this.overlay && this.overlay.grid) radui.drawMap(context, this.overlay, this.picture, this.hover, zoom);
      if (this.overlay && this.overlay.boxes) radui.drawBoxes(context, this.overlay, this.hover, zoom);
      if (this.picked && this.overlay) radui.drawPicked(context, this.picked, zoom);
      if (this.box) radui.drawOwnBox(context, this.box, zoom);
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      if (this.overlay && this.overlay.boxes) this.writeLabels(context, radui.boxLabels(this.overlay));
      this.host.changed(this);
    }

    writeLabels(context, labels) {
      context.font = "600 12px sans-serif";
      for (const [point, text] of labels) {
        const [x, y] = this.toScreen(point);
        const width = context.measureText(text).width;
        context.fillStyle = "rgba(0, 0, 0, 0.75)";
        context.fillRect(x, y - 16, width + 8, 16);
        context.fillStyle = "#ffffff";
        context.fillText(text, x + 4, y - 4);
      }
    }

    toScreen([x, y]) {
      const across = this.flipped ? this.picture.width - x : x;
      return [this.left + across * this.scale, this.top + y * this.scale];
    }

    toPicture(event) {
      const bounds = this.canvas.getBoundingClientRect();
      const x = (event.clientX - bounds.left - this.left) / this.scale;
      return [this.flipped ? this.picture.width - x : x, (event.clientY - bounds.top - this.top) / this.scale];
    }

    // The patch under a point: a cell of the grid, or the smallest box.
    patchAt([x, y]) {
      if (!this.overlay) return null;
      if (this.overlay.grid) return this.overlay.grid.cellAt(x, y);
      const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
      const hit = this.overlay.boxes.filter(({ box }) => x >= box[0] && y >= box[1] && x < box[2] && y < box[3]);
      return hit.sort((a, b) => area(a) - area(b))[0] || null;
    }

    hoverAt(event) {
      const point = event && this.picture ? this.toPicture(event) : null;
      const patch = point && this.patchAt(point);
      const changed = JSON.stringify(patch) !== JSON.stringify(this.hover);
      this.hover = patch;
      if (changed) this.draw();
      this.host.hovered(this, point);
    }

    // The next patch in a direction, for the keyboard; the middle one at first.
    step(rows, columns) {
      const grid = this.overlay && this.overlay.grid;
      if (!grid) return;
      const { row = grid.rows >> 1, column = grid.columns >> 1 } = this.hover || {};
      const start = this.hover ? [row + rows, column + columns] : [row, column];
      this.hover = grid.cell(...start) || this.hover;
      this.draw();
      const [x, y, width, height] = grid.cellBox(this.hover.row, this.hover.column);
      this.host.hovered(this, [x + width / 2, y + height / 2]);
    }
  }

  radui.Pane = Pane;
})();
