// Which prototypes answered a word, and how many a word shares with the patch that was clicked.
(() => {
  const radui = (window.radui = window.radui || {});
  const SHOWN = 6;

  function unpack({ indices, shape, data }) {
    const bytes = Uint8Array.from(atob(indices), (character) => character.charCodeAt(0));
    return { indices: new Int16Array(bytes.buffer), weights: radui.decodeHalves(data), shape };
  }

  // The rows [head][rank] of one word or patch as {prototype: weight}, the mean over heads.
  function answer({ indices, weights, shape }, position) {
    const [heads, ranks] = shape.slice(-2);
    const found = new Map();
    for (let i = position * heads * ranks; i < (position + 1) * heads * ranks; i++) {
      found.set(indices[i], (found.get(indices[i]) || 0) + weights[i] / heads);
    }
    return found;
  }

  // Share of the prototypes that both read, a head at a time.
  function shared(word, token, patch, position) {
    const [heads, ranks] = word.shape.slice(-2);
    let hits = 0;
    for (let head = 0; head < heads; head++) {
      const row = (list, at) => list.indices.subarray((at * heads + head) * ranks, (at * heads + head + 1) * ranks);
      const other = new Set(row(patch, position));
      hits += [...row(word, token)].filter((index) => other.has(index)).length;
    }
    return hits / (heads * ranks);
  }

  class PrototypePanel {
    constructor(element, props) {
      Object.assign(this, { element, props, token: null });
      const mine = (act) => (event) => event.detail.viewer === props.viewer && this.value && act(event.detail);
      document.addEventListener("radui:show", mine(({ selection }) => this.show(selection.tokens)));
      document.addEventListener("radui:boxed", mine((detail) => this.compare(detail)));
    }

    update() {
      this.value = this.props.value && this.props.value.words ? this.props.value : null;
      this.element.hidden = !this.value;
      if (!this.value) return;
      this.words = unpack(this.value.words);
      this.patches = unpack(this.value.patches);
      this.fill([], "Click a word to see which prototypes answered it.");
    }

    name(index) {
      const label = Math.floor(index / this.value.per_label);
      return `${this.props.observations[label]} ${(index % this.value.per_label) + 1}`;
    }

    show(tokens) {
      if (tokens.length !== 1) return this.fill([], "Prototypes answer single words: click one.");
      [this.token] = tokens;
      const found = [...answer(this.words, this.token)].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
      this.fill(
        found.map(([index, weight]) => [this.name(index), radui.digits(weight), this.bestWords(index)]),
        `“${this.value.texts[this.token]}”; click a patch for the share that both read.`,
      );
    }

    // The words of this report that read a prototype most.
    bestWords(index) {
      const weights = this.value.texts.map((text, token) => [text, answer(this.words, token).get(index) || 0]);
      const best = weights.filter(([text, weight]) => weight > 0 && /\w/.test(text)).sort((a, b) => b[1] - a[1]);
      return [...new Set(best.map(([text]) => text.toLowerCase()))].slice(0, 4).join(", ");
    }

    compare({ view, patch }) {
      if (this.token === null || !patch || patch.row === undefined) return;
      const [, rows, columns] = this.patches.shape;
      const position = (view * rows + patch.row) * columns + patch.column;
      const share = shared(this.words, this.token, this.patches, position);
      const text = `“${this.value.texts[this.token]}” and patch ${patch.row + 1},${patch.column + 1} share`;
      this.element.querySelector(".rd-proto-note").textContent = `${text} ${Math.round(100 * share)} % of their prototypes.`;
    }

    fill(rows, note) {
      this.element.querySelector(".rd-proto-note").textContent = note;
      this.element.querySelector("tbody").replaceChildren(
        ...Array.from({ length: SHOWN }, (_, i) => {
          const row = document.createElement("tr");
          for (const text of rows[i] || ["", "", ""]) row.append(Object.assign(document.createElement("td"), { textContent: text }));
          return row;
        }),
      );
    }
  }

  radui.mountPrototypes = (element, props, watch) => {
    const panel = new PrototypePanel(element, props);
    watch("value", () => panel.update());
    panel.update();
  };
})();
