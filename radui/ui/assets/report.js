// A report card. A click, Enter or Space on a word, a sentence's number or a statement shows its map in the
// viewer; a sentence or a statement also asks all cards where they stand (radui:stance {observations, names}).
(() => {
  const radui = (window.radui = window.radui || {});
  const CHOICES = ".rd-word[role], [role].rd-mark, .rd-chip";
  const SPOKEN = 5; // words named for a patch or a box
  radui.cards = radui.cards || new Set();

  const numbers = (text) => (text ? text.split(" ").map(Number) : []);

  class ReportCard {
    constructor(element, props) {
      Object.assign(this, { element, props, chosen: null, evidence: null, sources: [] });
      radui.cards.add(this);
      element.addEventListener("click", (event) => this.choose(event.target.closest(CHOICES)));
      element.addEventListener("keydown", (event) => this.pressed(event));
      const mine = (act) => (event) => event.detail.viewer === props.viewer && act(event.detail);
      document.addEventListener("radui:show", mine((detail) => detail.card !== this && this.mark(null)));
      document.addEventListener("radui:cleared", mine(() => this.mark(null)));
      document.addEventListener("radui:stance", mine((detail) => this.stand(detail)));
      document.addEventListener("radui:boxed", mine((detail) => this.shade(detail)));
    }

    get viewer() {
      return radui.viewers.get(this.props.viewer);
    }
    get title() {
      return this.props.value.title;
    }
    get done() {
      return Boolean(this.element.querySelector('[data-phase="done"]'));
    }

    // The server sent new HTML; a new report takes the map of the old one off the viewer.
    update() {
      const evidence = (this.props.value || {}).evidence || [];
      const key = evidence.map(({ data }) => data).join();
      if (key !== this.evidence) {
        if (this.chosen !== null && this.evidence !== null) this.tell("radui:clear", {});
        Object.assign(this, { evidence: key, chosen: null, sources: radui.sourcesOf(evidence) });
        this.tell("radui:sources", { card: this, title: this.title, sources: this.sources });
      }
      this.mark(this.chosen);
      radui.markDifferences(this.props.viewer);
    }

    choices() {
      return [...this.element.querySelectorAll(CHOICES)];
    }

    choose(choice) {
      if (!choice) return;
      const { token, tokens, observation, observations } = choice.dataset;
      const around = choice.closest(".rd-sentence");
      const selection = {
        label: token ? choice.textContent : observation ? choice.querySelector("span").textContent : `Sentence ${choice.dataset.number}`,
        tokens: token ? [Number(token)] : numbers(tokens),
        observations: observation ? [Number(observation)] : numbers(observations || (around && around.dataset.observations)),
      };
      if (this.sources.length) this.tell("radui:show", { card: this, title: this.title, selection });
      this.mark(this.choices().indexOf(choice));
      this.tell("radui:stance", { observations: token ? [] : selection.observations });
    }

    mark(chosen) {
      this.chosen = chosen;
      this.choices().forEach((choice, index) => choice.setAttribute("aria-pressed", index === chosen));
    }

    // Light up the sentences on these observations and say what the report states of each.
    stand({ observations }) {
      const wanted = new Set(observations);
      for (const sentence of this.element.querySelectorAll(".rd-sentence")) {
        sentence.classList.toggle("rd-on-topic", numbers(sentence.dataset.observations).some((one) => wanted.has(one)));
      }
      for (const chip of this.element.querySelectorAll(".rd-chip")) {
        chip.classList.toggle("rd-on-topic", wanted.has(Number(chip.dataset.observation)));
      }
      if (this.done && observations.length) this.say(observations.map((one) => this.stanceOn(one)).join(" · "));
      else if (this.done) this.say("");
    }

    stanceOn(observation) {
      const chip = this.element.querySelector(`.rd-chip[data-observation="${observation}"]`);
      return `${this.props.observations[observation]}: ${chip ? chip.dataset.state : "not mentioned"}`;
    }

    // What looked at a patch or into a drawn box: the words' shares of the map inside it, as shades.
    shade({ view, box }) {
      const words = [...this.element.querySelectorAll(".rd-word")];
      words.forEach((word) => word.style.removeProperty("--rd-share"));
      const source = this.viewer.bar.preferred(this.sources);
      if (!this.done || !source || source.over === "report") return;
      if (!box) return this.say("");
      const { layer, head } = this.viewer.bar.settings;
      const shares = source.inside(view, box, layer, head);
      const highest = Math.max(...shares, 1e-9);
      if (source.over === "words") {
        words.forEach((word, index) => word.style.setProperty("--rd-share", (shares[index] / highest).toFixed(3)));
      }
      this.say(`There most: ${this.foremost(source, shares).join(", ")}`);
    }

    foremost(source, shares) {
      const words = [...this.element.querySelectorAll(".rd-word")].map((word) => word.textContent);
      const names = source.over === "words" ? words : this.props.observations;
      const order = shares.map((_, index) => index).filter((index) => /\w/.test(names[index] || ""));
      order.sort((a, b) => shares[b] - shares[a]);
      return order.slice(0, SPOKEN).map((index) => `${names[index]} ${radui.digits(shares[index])}`);
    }

    say(text) {
      const line = this.element.querySelector(".rd-stance");
      line.textContent = line.title = text;
    }

    pressed(event) {
      const word = event.target.closest(".rd-word[role]");
      const choice = event.target.closest(CHOICES);
      if (!choice || choice.tagName === "BUTTON") return; // a real button clicks by itself
      if (event.key === "Enter" || event.key === " ") this.choose(choice);
      else if (word && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
        const words = [...this.element.querySelectorAll(".rd-word[role]")];
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
