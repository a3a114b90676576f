// The table of observations: a row asks all cards where they stand. And files that the server hands over.
(() => {
  const radui = (window.radui = window.radui || {});

  radui.mountMatrix = (element, props, watch) => {
    let chosen = [];
    const mark = () => {
      for (const row of element.querySelectorAll("tr[data-observation]")) {
        row.classList.toggle("rd-on-topic", chosen.includes(Number(row.dataset.observation)));
      }
    };
    element.addEventListener("click", (event) => {
      const row = event.target.closest("tr[data-observation]");
      if (!row) return;
      const observation = Number(row.dataset.observation);
      const observations = chosen.length === 1 && chosen[0] === observation ? [] : [observation];
      document.dispatchEvent(new CustomEvent("radui:stance", { detail: { viewer: props.viewer, observations } }));
    });
    document.addEventListener("radui:stance", (event) => {
      if (event.detail.viewer !== props.viewer) return;
      chosen = event.detail.observations;
      mark();
    });
    watch("value", mark);
  };

  // value: {id, name, mime, data}, data in base64; each id is saved once.
  radui.mountDownload = (props, watch) => {
    let saved = null;
    watch("value", () => {
      const file = props.value;
      if (!file || file.id === saved) return;
      saved = file.id;
      const bytes = Uint8Array.from(atob(file.data), (character) => character.charCodeAt(0));
      radui.download(new Blob([bytes], { type: file.mime }), file.name);
    });
  };
})();
