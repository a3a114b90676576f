// What the viewer shows as one PNG: the panes side by side at the screen's resolution, captions and scale burnt in.
(() => {
  const radui = (window.radui = window.radui || {});
  const FOOT = 34;

  function write(context, text, x, y, colour = "#e8eef4", align = "left") {
    Object.assign(context, { fillStyle: colour, textAlign: align, font: "13px sans-serif" });
    context.fillText(text, x, y);
  }

  function paintPane(context, pane, left) {
    const { width, height } = pane.size();
    context.drawImage(pane.canvas, left, 0, width, height);
    const flipped = pane.flipped ? "  FLIPPED" : "";
    write(context, pane.root.querySelector(".rd-caption").textContent + flipped, left + 10, 20);
    // Burnt in at any zoom: the mark in the picture's own pixels may be outside the pane.
    if (pane.synthetic) write(context, "SYNTHETIC", left + width - 10, 20, "#f2bd66", "right");
    write(context, pane.root.querySelector(".rd-state-line").textContent, left + 10, height - 10, "#a2b1c0");
    return left + width + 1;
  }

  function paintFoot(context, viewer, width, top) {
    const shown = viewer.root.dataset.map === "true" && viewer.toggles.overlay;
    const text = shown ? viewer.root.querySelector(".rd-subject-text").textContent : "";
    write(context, text, 10, top + 22);
    write(context, "Research use only, not for diagnosis", width - 10, top + 22, "#f2bd66", "right");
  }

  // Across the head of the pictures, where no crop of the foot takes it away.
  function paintWarning(context, viewer, width) {
    const { warning, study } = viewer;
    if (!warning || !study || warning.id !== study.id) return;
    context.fillStyle = "#2d1513";
    context.fillRect(0, 30, width, 24);
    write(context, `WARNING: ${warning.text}`, 10, 47, "#ff9c93");
  }

  radui.picture = (viewer) => {
    const ratio = window.devicePixelRatio || 1;
    const sizes = viewer.shown.map((pane) => pane.size());
    const width = sizes.reduce((sum, size) => sum + size.width + 1, -1);
    const { height } = sizes[0];
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round((height + FOOT) * ratio) });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.fillStyle = "#05080b";
    context.fillRect(0, 0, width, height + FOOT);
    viewer.shown.reduce((left, pane) => paintPane(context, pane, left), 0);
    paintWarning(context, viewer, width);
    paintFoot(context, viewer, width, height);
    return canvas;
  };

  radui.savePicture = (viewer) => {
    if (!viewer.study) return;
    const synthetic = viewer.shown.some((pane) => pane.synthetic);
    radui.picture(viewer).toBlob(async (blob) => {
      if (!synthetic) return radui.download(blob, "radui-picture.png");
      radui.download(await radui.stamp(blob, "Title", "SYNTHETIC radiograph, of no patient"), "radui-synthetic.png");
    });
  };

  radui.download = (blob, name) => {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
})();
