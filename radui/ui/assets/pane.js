// One picture on a canvas: window and level, zoom, pan, and the overlay of a grid of values.
// Everything is placed in original pixels; the picture itself may have been reduced for the browser.
(() => {
  const radui = (window.radui = window.radui || {});
  const FULL = { width: 255, level: 127.5 };

  function hatching() {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.strokeStyle = "rgba(190, 205, 220, 0.55)";
    context.lineWidth = 1;
    for (const shift of [-8, 0, 8]) {
      context.moveTo(shift, 8);
      context.lineTo(shift + 8, 0);
    }
    context.stroke();
    return tile;
  }

  function greys(image) {
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const rgba = context.getImageData(0, 0, canvas.width, canvas.height);
    return { canvas, context, rgba, grey: Uint8Array.from({ length: rgba.data.length / 4 }, (_, i) => rgba.data[4 * i]) };
  }

  class Pane {
    // host: {tool(), changed(pane), hovered(pane, x, y)}, the viewer that this pane stands in.
    constructor(root, host) {
      this.root = root;
      this.host = host;
      this.canvas = root.querySelector("canvas");
      this.pattern = hatching();
      this.picture = null;
      this.overlay = null;
      this.hover = null;
      this.clearView();
      this.listen();
      new ResizeObserver(() => this.resized()).observe(root);
    }

    clearView() {
      this.window = { ...FULL };
      this.inverted = false;
      this.fitted = true;
    }

    async show(payload) {
      const image = new Image();
      image.src = payload.src;
      this.wanted = payload;
      await image.decode();
      if (this.wanted !== payload) return; // another study came while this one was decoded
      this.picture = { ...greys(image), width: payload.width, height: payload.height };
      this.overlay = null;
      this.reset();
    }

    clear() {
      this.picture = this.overlay = this.wanted = null;
      this.draw();
    }

    reset() {
      this.clearView();
      this.applyWindow();
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
      this.applyWindow();
      this.draw();
    }

    invert() {
      this.inverted = !this.inverted;
      this.applyWindow();
      this.draw();
    }

    applyWindow() {
      if (!this.picture) return;
      const { rgba, grey, context } = this.picture;
      const low = this.window.level - this.window.width / 2;
      const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => {
        const shown = ((value - low) / this.window.width) * 255;
        return this.inverted ? 255 - shown : shown;
      });
      for (let i = 0; i < grey.length; i++) {
        rgba.data[4 * i] = rgba.data[4 * i + 1] = rgba.data[4 * i + 2] = table[grey[i]];
      }
      context.putImageData(rgba, 0, 0);
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

    // overlay: {grid, canvas, opacity, lines} or null.
    setOverlay(overlay) {
      this.overlay = overlay;
      this.draw();
    }

    draw() {
      const context = this.canvas.getContext("2d");
      const ratio = window.devicePixelRatio || 1;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      if (!this.picture || this.scale === undefined) return;
      const zoom = this.scale * ratio;
      context.setTransform(zoom, 0, 0, zoom, this.left * ratio, this.top * ratio);
      context.imageSmoothingQuality = "high";
      context.drawImage(this.picture.canvas, 0, 0, this.picture.width, this.picture.height);
      if (this.overlay) this.drawOverlay(context, zoom);
      this.host.changed(this);
    }

    drawOverlay(context, zoom) {
      const { grid, canvas, opacity, lines } = this.overlay;
      const [x0, y0, x1, y1] = grid.box;
      context.save();
      context.beginPath();
      context.rect(0, 0, this.picture.width, this.picture.height);
      context.clip();
      context.globalAlpha = opacity;
      context.imageSmoothingEnabled = canvas.width > grid.columns;
      context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
      context.globalAlpha = 1;
      this.hatchUnseen(context, grid, zoom);
      context.lineWidth = 1 / zoom;
      context.strokeStyle = "rgba(230, 240, 250, 0.35)";
      if (lines) this.eachCell(grid, (row, column) => context.strokeRect(...grid.cellBox(row, column)));
      if (this.hover) {
        context.lineWidth = 2 / zoom;
        context.strokeStyle = "#ffffff";
        context.strokeRect(...grid.cellBox(this.hover.row, this.hover.column));
      }
      context.restore();
    }

    // What the model did not see: the picture outside the grid's box, and cells without a value.
    hatchUnseen(context, grid, zoom) {
      const [x0, y0, x1, y1] = grid.box;
      const pattern = context.createPattern(this.pattern, "repeat");
      pattern.setTransform(new DOMMatrix().scale(1 / zoom));
      context.beginPath();
      context.rect(0, 0, this.picture.width, this.picture.height);
      context.rect(x0, y0, x1 - x0, y1 - y0);
      context.fillStyle = pattern;
      context.fill("evenodd");
      this.eachCell(grid, (row, column) => {
        if (Number.isNaN(grid.at(row, column))) context.fillRect(...grid.cellBox(row, column));
      });
    }

    eachCell(grid, visit) {
      for (let row = 0; row < grid.rows; row++) {
        for (let column = 0; column < grid.columns; column++) visit(row, column);
      }
    }

    toPicture(event) {
      const box = this.canvas.getBoundingClientRect();
      return [(event.clientX - box.left - this.left) / this.scale, (event.clientY - box.top - this.top) / this.scale];
    }

    greyAt(x, y) {
      const { canvas, grey, width, height } = this.picture;
      const column = Math.floor((x / width) * canvas.width);
      const row = Math.floor((y / height) * canvas.height);
      return grey[row * canvas.width + column];
    }

    listen() {
      const { canvas } = this;
      canvas.addEventListener("contextmenu", (event) => event.preventDefault());
      canvas.addEventListener("dblclick", () => this.fit());
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        canvas.focus({ preventScroll: true });
        this.drag = { tool: ["", "pan", "zoom"][event.button] || this.host.tool(), x: event.clientX, y: event.clientY };
      });
      canvas.addEventListener("pointerup", () => (this.drag = null));
      canvas.addEventListener("pointercancel", () => (this.drag = null));
      canvas.addEventListener("pointermove", (event) => this.moved(event));
      canvas.addEventListener("pointerleave", () => this.hoverAt(null));
      canvas.addEventListener(
        "wheel",
        (event) => {
          event.preventDefault();
          const box = canvas.getBoundingClientRect();
          this.zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - box.left, event.clientY - box.top);
        },
        { passive: false },
      );
    }

    moved(event) {
      if (!this.picture) return;
      if (!this.drag) return this.hoverAt(event);
      const dx = event.clientX - this.drag.x;
      const dy = event.clientY - this.drag.y;
      Object.assign(this.drag, { x: event.clientX, y: event.clientY });
      if (this.drag.tool === "pan") this.pan(dx, dy);
      else if (this.drag.tool === "zoom") this.zoom(Math.exp(-dy * 0.01));
      else this.setWindow(this.window.width + dx, this.window.level + dy * 0.5);
    }

    hoverAt(event) {
      const point = event && this.picture ? this.toPicture(event) : null;
      const cell = point && this.overlay ? this.overlay.grid.cellAt(...point) : null;
      const changed = JSON.stringify(cell) !== JSON.stringify(this.hover);
      this.hover = cell;
      if (changed) this.draw();
      this.host.hovered(this, point, cell);
    }
  }

  radui.Pane = Pane;
})();
