// The notice that is accepted once a browser tab, and the model cards.
(() => {
  const radui = (window.radui = window.radui || {});
  const ACCEPTED = "radui-accepted"; // in sessionStorage: one browser tab, also after a reload

  // A modal dialog: all else on the page is inert until it is accepted; Escape brings it back.
  radui.mountNotice = (element) => {
    const dialog = element.querySelector("dialog");
    if (sessionStorage.getItem(ACCEPTED)) return;
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      if (dialog.returnValue === "accepted") sessionStorage.setItem(ACCEPTED, "yes");
      else dialog.showModal();
    });
    dialog.showModal();
  };

  radui.mountCards = (element) => {
    const dialog = element.querySelector("dialog");
    document.addEventListener("click", (event) => {
      const button = event.target.closest("[data-model-card]");
      if (!button) return;
      const { modelCard } = button.dataset;
      for (const card of dialog.querySelectorAll("article")) card.hidden = card.dataset.title !== modelCard;
      dialog.querySelector("[data-missing]").hidden = [...dialog.querySelectorAll("article")].some((card) => !card.hidden);
      dialog.showModal();
      dialog.scrollTop = 0;
    });
    // A click beside the dialog closes it.
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  };
})();
