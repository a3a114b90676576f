// Words that differ between the reports beside each other, and the bar from which they are asked for.
(() => {
  const radui = (window.radui = window.radui || {});
  const marking = new Map(); // viewer -> "none", "unique" or the title of the report to compare with

  const words = (card) => [...card.element.querySelectorAll(".rd-word")];
  const texts = (card) => words(card).map((word) => word.textContent.toLowerCase());
  const cardsOf = (viewer) => [...radui.cards].filter((card) => card.props.viewer === viewer && card.element.isConnected && card.done);

  // Whether each word of `own` has no partner in a longest common subsequence with `base`.
  radui.unaligned = (own, base) => {
    const table = Array.from({ length: own.length + 1 }, () => new Uint16Array(base.length + 1));
    for (let i = own.length - 1; i >= 0; i--) {
      for (let j = base.length - 1; j >= 0; j--) {
        table[i][j] = own[i] === base[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
      }
    }
    const differs = [];
    for (let i = 0, j = 0; i < own.length; ) {
      if (j < base.length && own[i] === base[j]) [differs[i], i, j] = [false, i + 1, j + 1];
      else if (j < base.length && table[i][j + 1] >= table[i + 1][j]) j += 1;
      else [differs[i], i] = [true, i + 1];
    }
    return differs;
  };

  function differing(card, cards, mode) {
    const own = texts(card);
    const others = cards.filter((other) => other !== card);
    if (mode === "unique") {
      const known = new Set(others.flatMap(texts));
      return own.map((word) => others.length > 0 && !known.has(word));
    }
    const base = cards.find((other) => other.title === mode);
    return base && base !== card ? radui.unaligned(own, texts(base)) : own.map(() => false);
  }

  radui.markDifferences = (viewer) => {
    const cards = cardsOf(viewer);
    const mode = marking.get(viewer) || radui.firstMarks || "none";
    for (const card of cards) {
      const differs = differing(card, cards, mode);
      words(card).forEach((word, index) => word.classList.toggle("rd-differs", differs[index] && /\w/.test(word.textContent)));
    }
    offer(viewer, cards.map((card) => card.title));
  };

  function offer(viewer, titles) {
    const select = document.querySelector(`[data-marks="${viewer}"]`);
    if (!select || select.dataset.titles === titles.join()) return;
    select.dataset.titles = titles.join();
    const fixed = [...select.options].slice(0, 2);
    select.replaceChildren(...fixed, ...titles.map((title) => new Option(`differing from ${title}`, title)));
    const wanted = marking.get(viewer) || radui.firstMarks;
    select.value = ["none", "unique", ...titles].includes(wanted) ? wanted : "none";
  }

  document.addEventListener("change", (event) => {
    const viewer = event.target.dataset && event.target.dataset.marks;
    if (!viewer) return;
    marking.set(viewer, event.target.value);
    radui.markDifferences(viewer);
  });
})();
