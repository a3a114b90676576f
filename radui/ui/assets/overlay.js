// What lies over a picture: a map with its hatching and patch lines, boxes that moved, the reader's own box.
// The context is scaled to original pixels; `zoom` is canvas pixels per original pixel.
(() => {
  const radui = (window.radui = window.radui || {});
  const LABELLED = 3; // boxes with the highest values carry their number

  function hatching() {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const context = tile.getContext("2d");
    context.strokeStyle = "rgba(190, 205, 220, 0.55)";
    for (const shift of [-8, 0, 8]) {
      context.moveTo(shift, 8);
      context.lineTo(shift + 8, 0);
    }
    context.stroke();
    return tile;
  }
  let tile = null;

  function hatch(context, zoom) {
    tile = tile || hatching();
    const pattern = context.createPattern(tile, "repeat");
    pattern.setTransform(new DOMMatrix().scale(1 / zoom));
    return pattern;
  }

  function eachCell(grid, visit) {
    for (let row = 0; row < grid.rows; row++) {
      for (let column = 0; column < grid.columns; column++) visit(row, column);
    }
  }

  // What the model did not see: the picture outside the grid's box, and cells without a value.
  function hatchUnseen(context, grid, picture, zoom) {
    const [x0, y0, x1, y1] = grid.box;
    context.beginPath();
    context.rect(0, 0, picture.width, picture.height);
    context.rect(x0, y0, x1 - x0, y1 - y0);
    context.fillStyle = hatch(context, zoom);
    context.fill("evenodd");
    eachCell(grid, (row, column) => {
      if (Number.isNaN(grid.at(row, column))) context.fillRect(...grid.cellBox(row, column));
    });
  }

  radui.drawMap = (context, { grid, canvas, opacity, lines }, picture, hover, zoom) => {
    const [x0, y0, x1, y1] = grid.box;
    context.save();
    context.beginPath();
    context.rect(0, 0, picture.width, picture.height);
    context.clip();
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = canvas.width > grid.columns;
    context.drawImage(canvas, x0, y0, x1 - x0, y1 - y0);
    context.globalAlpha = 1;
    hatchUnseen(context, grid, picture, zoom);
    context.lineWidth = 1 / zoom;
    context.strokeStyle = "rgba(230, 240, 250, 0.35)";
    if (lines) eachCell(grid, (row, column) => context.strokeRect(...grid.cellBox(row, column)));
    if (hover && hover.row !== undefined) {
      context.lineWidth = 2 / zoom;
      context.strokeStyle = "#ffffff";
      context.strokeRect(...grid.cellBox(hover.row, hover.column));
    }
    context.restore();
  };

  const centre = ([x0, y0, x1, y1]) => [(x0 + x1) / 2, (y0 + y1) / 2];

  function arrow(context, from, to, zoom) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    if (length * zoom < 3) return;
    const head = Math.min(7 / zoom, length / 2);
    const angle = Math.atan2(dy, dx);
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    for (const turn of [-0.5, 0.5]) {
      context.moveTo(...to);
      context.lineTo(to[0] - head * Math.cos(angle + turn), to[1] - head * Math.sin(angle + turn));
    }
    // On a dark edge, since the arrow has the colour of its patch.
    const { strokeStyle, lineWidth } = context;
    context.strokeStyle = "rgba(0, 0, 0, 0.75)";
    context.lineWidth = 2.5 * lineWidth;
    context.stroke();
    Object.assign(context, { strokeStyle, lineWidth });
    context.stroke();
  }

  // boxes: [{box, start, value}]; each is coloured by its value, its arrow runs from the fixed cell's centre.
  radui.drawBoxes = (context, { boxes, look, opacity, lines }, hover, zoom) => {
    context.save();
    const ordered = [...boxes].sort((a, b) => a.value - b.value);
    for (const one of ordered) {
      const shown = radui.colourAt(one.value, look);
      const [x0, y0, x1, y1] = one.box;
      if (!shown && !lines && one !== hover) continue;
      context.strokeStyle = shown ? `rgb(${shown.colour})` : "rgba(230, 240, 250, 0.35)";
      context.lineWidth = (one === hover ? 3 : shown ? 1.8 : 1) / zoom;
      if (shown) {
        context.globalAlpha = 0.45 * opacity;
        context.fillStyle = `rgb(${shown.colour})`;
        context.fillRect(x0, y0, x1 - x0, y1 - y0);
        context.globalAlpha = 1;
      }
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
      if (one.start && (shown || lines)) arrow(context, one.start, centre(one.box), zoom);
    }
    context.restore();
  };

  // [point, text] of the boxes that carry a label; the pane sets them unmirrored, in screen pixels.
  radui.boxLabels = ({ boxes, look }) =>
    [...boxes]
      .sort((a, b) => b.value - a.value)
      .slice(0, LABELLED)
      .filter((one) => radui.colourAt(one.value, look))
      .map((one) => [[one.box[0], one.box[1]], one.label || radui.digits(one.value)]);

  radui.drawOwnBox = (context, box, zoom) => outline(context, box, zoom, [6, 4]);
  radui.drawPicked = (context, box, zoom) => outline(context, box, zoom, []);

  // White on black, seen on every ground.
  function outline(context, [x0, y0, x1, y1], zoom, dashes) {
    context.save();
    for (const [colour, width, dash] of [["rgba(0, 0, 0, 0.8)", 4, []], ["#ffffff", 2, dashes]]) {
      context.strokeStyle = colour;
      context.lineWidth = width / zoom;
      context.setLineDash(dash.map((length) => length / zoom));
      context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    }
    context.restore();
  }
})();
