// The panel that measures the map which the Explain tab's viewer shows.
(() => {
  const radui = (window.radui = window.radui || {});

  radui.mountMeasure = (element, props, tell) => {
    element.addEventListener("click", (event) => {
      if (!event.target.closest("[data-measure]")) return;
      const viewer = radui.viewers.get(props.viewer);
      const map = viewer && viewer.bar.chosen();
      const note = element.querySelector(".rd-measure-note");
      note.textContent = map ? "" : "Choose a word, a sentence or a finding first.";
      if (map) tell(map);
    });
  };
})();
