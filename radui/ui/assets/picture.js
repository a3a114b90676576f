// The grey values of one picture and the look-up table that shows them.
(() => {
  const radui = (window.radui = window.radui || {});

  class Picture {
    constructor(image, width, height) {
      Object.assign(this, { width, height, canvas: document.createElement("canvas") });
      this.canvas.width = image.naturalWidth;
      this.canvas.height = image.naturalHeight;
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      this.context.drawImage(image, 0, 0);
      this.rgba = this.context.getImageData(0, 0, this.canvas.width, this.canvas.height);
      this.grey = Uint8Array.from({ length: this.rgba.data.length / 4 }, (_, i) => this.rgba.data[4 * i]);
    }

    apply({ width, level }, inverted) {
      const low = level - width / 2;
      const table = Uint8ClampedArray.from({ length: 256 }, (_, value) => {
        const shown = ((value - low) / width) * 255;
        return inverted ? 255 - shown : shown;
      });
      const { data } = this.rgba;
      for (let i = 0; i < this.grey.length; i++) data[4 * i] = data[4 * i + 1] = data[4 * i + 2] = table[this.grey[i]];
      this.context.putImageData(this.rgba, 0, 0);
    }

    contains(x, y) {
      return x >= 0 && y >= 0 && x < this.width && y < this.height;
    }

    greyAt(x, y) {
      const column = Math.floor((x / this.width) * this.canvas.width);
      const row = Math.floor((y / this.height) * this.canvas.height);
      return this.grey[row * this.canvas.width + column];
    }
  }

  radui.Picture = Picture;
})();
