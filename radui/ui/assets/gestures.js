// The mouse on a pane: a drag with the chosen tool, the middle button pans, the right one zooms, the wheel zooms.
(() => {
  const radui = (window.radui = window.radui || {});
  const CLICK = 4; // a press that moves less, in screen pixels, is a click

  function began(pane, event) {
    const { canvas } = pane;
    if (!pane.picture) return;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    const tool = ["", "pan", "zoom"][event.button] || pane.host.tool();
    pane.drag = { tool, x: event.clientX, y: event.clientY, start: pane.toPicture(event), moved: 0 };
  }

  function moved(pane, event) {
    if (!pane.picture) return;
    const { drag } = pane;
    if (!drag) return pane.hoverAt(event);
    const dx = event.clientX - drag.x;
    const dy = event.clientY - drag.y;
    Object.assign(drag, { x: event.clientX, y: event.clientY, moved: drag.moved + Math.abs(dx) + Math.abs(dy) });
    if (drag.tool === "pan") pane.pan(dx, dy);
    else if (drag.tool === "zoom") pane.zoom(Math.exp(-dy * 0.01));
    else if (drag.tool === "box") pane.setBox(corners(drag.start, pane.toPicture(event)));
    else pane.setWindow(pane.window.width + dx, pane.window.level + dy * 0.5);
  }

  function ended(pane, event) {
    const { drag } = pane;
    pane.drag = null;
    if (!drag || !pane.picture) return;
    if (drag.tool === "box") {
      const [x0, y0, x1, y1] = pane.box || [0, 0, 0, 0];
      if (drag.moved < CLICK || x1 <= x0 || y1 <= y0) pane.setBox(null);
      pane.host.boxed(pane);
    } else if (drag.moved < CLICK && event.type === "pointerup") pane.host.pressedOn(pane, drag.start);
  }

  const corners = ([x0, y0], [x1, y1]) => [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];

  radui.listenToGestures = (pane) => {
    const { canvas } = pane;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("dblclick", () => pane.fit());
    canvas.addEventListener("pointerdown", (event) => began(pane, event));
    canvas.addEventListener("pointerup", (event) => ended(pane, event));
    canvas.addEventListener("pointercancel", (event) => ended(pane, event));
    canvas.addEventListener("pointermove", (event) => moved(pane, event));
    canvas.addEventListener("pointerleave", () => pane.hoverAt(null));
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const bounds = canvas.getBoundingClientRect();
        // A pinch on a trackpad comes as a wheel with Ctrl and small steps.
        const speed = event.ctrlKey ? 0.01 : 0.0015;
        pane.zoom(Math.exp(-event.deltaY * speed), event.clientX - bounds.left, event.clientY - bounds.top);
      },
      { passive: false },
    );
  };
})();
