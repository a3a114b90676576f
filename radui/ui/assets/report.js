// A report card: a click, Enter or Space on a word shows its map in the viewer; arrows move between words.
(() => {
  const radui = (window.radui = window.radui || {});

  class ReportCard {
    constructor(element, props) {
      Object.assign(this, { element, props, chosen: null, source: null, maps: null });
      element.addEventListener("click", (event) => this.choose(event.target.closest(".rd-word[role]")));
      element.addEventListener("keydown", (event) => this.pressed(event));
      document.addEventListener("radui:map", (event) => event.detail.card !== this && this.mark(null));
      document.addEventListener("radui:cleared", (event) => event.detail.viewer === props.viewer && this.mark(null));
    }

    // The server sent new HTML; a new report takes the map of the old one off the viewer.
    update() {
      const source = (this.props.value || {}).maps || null;
      if (this.source && this.source.data !== (source || {}).data) {
        if (this.chosen !== null) this.tell("radui:clear", {});
        this.chosen = this.maps = null;
      }
      this.source = source;
      this.mark(this.chosen);
    }

    words() {
      return [...this.element.querySelectorAll(".rd-word[role]")];
    }

    choose(word) {
      if (!word || !this.source) return;
      this.maps = this.maps || new radui.WordMaps(this.source);
      const token = Number(word.dataset.token);
      this.tell("radui:map", { maps: this.maps, token, word: word.textContent, title: this.props.value.title, card: this });
      this.mark(token);
    }

    mark(token) {
      this.chosen = token;
      for (const word of this.words()) word.setAttribute("aria-pressed", Number(word.dataset.token) === token);
    }

    pressed(event) {
      const word = event.target.closest(".rd-word[role]");
      if (!word) return;
      if (event.key === "Enter" || event.key === " ") this.choose(word);
      else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
        const words = this.words();
        const next = words[words.indexOf(word) + (event.key === "ArrowRight" ? 1 : -1)];
        if (!next) return;
        word.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      } else return;
      event.preventDefault();
    }

    tell(name, detail) {
      document.dispatchEvent(new CustomEvent(name, { detail: { viewer: this.props.viewer, ...detail } }));
    }
  }

  radui.mountReport = (element, props, watch) => {
    const card = new ReportCard(element, props);
    watch("value", () => card.update());
    card.update();
  };
})();
