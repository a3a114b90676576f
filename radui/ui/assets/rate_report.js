// One blinded report in the rating form: its words, the errors marked in them, and the answers about it.
// Spans are counted in characters as Python counts them (code points), from the words' own places.
(() => {
  const radui = (window.radui = window.radui || {});
  const NO_YES = [
    [false, "No"],
    [true, "Yes"],
  ];
  const length = (text) => [...text].length;

  function wordsOf(text) {
    return [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => {
      const start = length(text.slice(0, index));
      return { word, index, start, end: start + length(word) };
    });
  }

  radui.RatedReport = class {
    // form: says what was changed; shown: {letter, text, picture}; answers: of this report, changed in place.
    constructor(form, shown, answers) {
      Object.assign(this, { form, shown, answers, words: wordsOf(shown.text), picked: null });
      answers.errors = answers.errors || [];
      this.element = this.build();
      this.draw();
    }

    build() {
      const { make } = radui;
      this.text = make("p", { class: "rd-rated-text", mouseup: () => this.selected(), keydown: (event) => this.pressed(event) });
      this.fillText();
      this.bar = make("div", { class: "rd-picked", hidden: true });
      this.list = make("ol", { class: "rd-errors" });
      this.regions = make("ol", { class: "rd-regions" });
      this.state = make("span", { class: "rd-rated-state" });
      const heading = make("header", {}, make("h3", {}, `Report ${this.shown.letter}`), this.state);
      return make(
        "article",
        { class: "rd-rated", "data-letter": this.shown.letter, tabindex: "-1", focusin: () => this.form.enter(this) },
        heading,
        this.picture(),
        this.text,
        this.bar,
        this.list,
        this.errorTools(),
        this.regions,
        make("div", { class: "rd-scales" }, ...this.scales()),
        this.editor(),
      );
    }

    picture() {
      if (!this.shown.picture) return null;
      return radui.make("img", { class: "rd-synthetic", src: this.shown.picture, alt: `Synthetic radiograph ${this.shown.letter}` });
    }

    fillText() {
      let written = 0;
      this.spans = this.words.map(({ word, index }, number) => {
        this.text.append(this.shown.text.slice(written, index));
        const span = radui.make("span", { class: "rd-said", tabindex: number ? "-1" : "0", "data-word": String(number) }, word);
        this.text.append(span);
        written = index + word.length;
        return span;
      });
      this.text.append(this.shown.text.slice(written));
    }

    // The words that a mouse selection touches; a click picks one.
    selected() {
      const selection = getSelection();
      if (!selection.rangeCount) return;
      const range = selection.getRangeAt(0);
      const touched = this.spans.map((span) => this.touches(range, span.firstChild));
      const first = touched.indexOf(true);
      const clicked = this.spans.indexOf(document.activeElement);
      if (first >= 0 && !range.collapsed) this.pick(first, touched.lastIndexOf(true));
      else if (clicked >= 0) this.pick(clicked, clicked);
      selection.removeAllRanges();
    }
    touches(range, node) {
      const word = document.createRange();
      word.selectNodeContents(node);
      return range.compareBoundaryPoints(Range.START_TO_END, word) > 0 && range.compareBoundaryPoints(Range.END_TO_START, word) < 0;
    }

    pick(anchor, focus) {
      this.picked = { anchor, focus, first: Math.min(anchor, focus), last: Math.max(anchor, focus) };
      this.spans.forEach((span, index) => (span.tabIndex = index === focus ? 0 : -1));
      this.spans[focus].focus();
      this.draw();
    }
    unpick() {
      this.picked = null;
      this.draw();
    }

    pressed(event) {
      const here = this.spans.indexOf(event.target);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (here < 0) return;
      if (step) {
        const next = Math.min(Math.max(here + step, 0), this.spans.length - 1);
        this.pick(event.shiftKey && this.picked ? this.picked.anchor : next, next);
      } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) this.mark();
      else if (event.key === "Escape") this.unpick();
      else return;
      event.preventDefault();
    }

    span() {
      const { first, last } = this.picked;
      return { start: this.words[first].start, end: this.words[last].end };
    }
    quote({ start, end }) {
      return [...this.shown.text].slice(start, end).join("");
    }

    // An error at the words that are picked; an omission has no place.
    mark() {
      const focused = this.spans.indexOf(document.activeElement);
      if (!this.picked && focused >= 0) this.pick(focused, focused);
      if (this.picked && this.form.asks.errors) this.addError({ category: null, ...this.span() });
    }
    omit() {
      if (this.form.asks.errors) this.addError({ category: "omission", start: null, end: null });
    }
    addError(error) {
      this.answers.errors.push({ significant: null, replacement: "", note: "", ...error });
      this.answers.no_errors = false;
      this.picked = null;
      this.changed();
      this.list.lastElementChild.querySelector(error.category ? "input" : "select").focus();
    }
    tickNoErrors(ticked) {
      if (ticked && this.answers.errors.length) return this.form.say(`Report ${this.shown.letter} has marked errors; take them away first.`);
      this.answers.no_errors = ticked;
      return this.changed();
    }

    // A region of the reader's own for words of the report: the box drawn last in the viewer.
    support() {
      if (!this.picked || !this.form.asks.explanations) return;
      const box = this.form.box || {};
      this.form.answers.explanations.push({ letter: this.shown.letter, ...this.span(), support: null, view: box.view || 0, box: box.box || null });
      this.picked = null;
      this.changed();
      this.regions.querySelector("li:last-child input").focus();
    }

    changed() {
      this.draw();
      this.form.changed();
    }

    draw() {
      const { errors } = this.answers;
      this.spans.forEach((span, index) => {
        const { start, end } = this.words[index];
        const over = errors.filter((error) => error.start !== null && error.start < end && error.end > start);
        span.classList.toggle("rd-marked", over.length > 0);
        span.classList.toggle("rd-significant", over.some((error) => error.significant));
        span.classList.toggle("rd-picked-word", Boolean(this.picked) && index >= this.picked.first && index <= this.picked.last);
      });
      this.drawBar();
      this.list.replaceChildren(...errors.map((error, number) => radui.errorRow(this, error, number)));
      this.drawRegions();
      if (this.noErrors) this.noErrors.checked = Boolean(this.answers.no_errors);
    }

    drawBar() {
      this.bar.hidden = !this.picked;
      if (!this.picked) return;
      const { asks } = this.form;
      this.bar.replaceChildren(
        radui.make("q", {}, this.quote(this.span())),
        ...(asks.errors ? [this.button("Mark an error", "m", () => this.mark())] : []),
        ...(asks.explanations ? [this.button("Region", "v", () => this.support())] : []),
        this.button("Let go", "Esc", () => this.unpick()),
      );
    }
    button(label, key, click) {
      return radui.make("button", { type: "button", click }, label, radui.make("kbd", {}, key));
    }

    drawRegions() {
      const own = this.form.answers.explanations.filter(({ letter }) => letter === this.shown.letter);
      this.regions.replaceChildren(...own.map((region) => radui.regionRow(this, region)));
    }

    errorTools() {
      if (!this.form.asks.errors) return null;
      this.noErrors = radui.make("input", { type: "checkbox", "data-answer": "no_errors", change: (event) => this.tickNoErrors(event.target.checked) });
      return radui.make(
        "div",
        { class: "rd-error-tools" },
        radui.make("label", {}, this.noErrors, " No errors", radui.make("kbd", {}, "n")),
        this.button("Add an omission", "o", () => this.omit()),
      );
    }

    set(answer) {
      return (value) => {
        this.answers[answer] = value;
        this.form.changed();
      };
    }

    scales() {
      const { asks, choices } = this.form;
      const ask = (answer, legend, options, hint) => radui.scale({ answer, legend, choices: options, hint, value: this.answers[answer], change: this.set(answer) });
      const levels = choices.acceptability.map(([value, title]) => [value, String(value), title]);
      return [
        asks.acceptability && ask("acceptability", "Acceptability", levels, "5 no changes · 4 minor · 3 moderate · 2 significant · 1 unusable"),
        asks.hallucination && ask("hallucination", "Hallucination", NO_YES, "states what the pictures do not show"),
        asks.clarity && ask("clarity", "Clarity of language", radui.numbered(1, 5), "5 is clearest"),
        asks.radpeer && ask("radpeer", "RADPEER", choices.radpeer.map((score) => [score, score])),
        ...(asks.pictures && this.shown.picture ? this.pictureScales() : []),
      ].filter(Boolean);
    }

    pictureScales() {
      const pictures = this.form.answers.pictures;
      const own = (pictures[this.shown.letter] = pictures[this.shown.letter] || {});
      const set = (answer) => (value) => {
        own[answer] = value;
        this.form.changed();
      };
      const scale = (answer, legend, hint) => radui.scale({ answer, legend, hint, choices: radui.numbered(1, 5), value: own[answer], change: set(answer) });
      const text = (answer, label) => radui.textField({ answer, label, value: own[answer], input: set(answer) });
      return [
        scale("realism", "Realism", "5 looks real"),
        scale("agreement", "Agrees with the report", "5 fully"),
        text("missing", "Findings missing in the picture"),
        text("added", "Findings added in the picture"),
      ];
    }

    editor() {
      const area = radui.textField({ answer: "edited_report", label: "The report as you would sign it", lines: 4, value: this.answers.edited_report || this.shown.text, input: this.set("edited_report") });
      this.area = area;
      return radui.make("details", { open: Boolean(this.answers.edited_report) }, radui.make("summary", {}, "Edit the report"), area);
    }
    // Called each second of work: time counts for the edit while the reader is in its box.
    tick(seconds) {
      if (document.activeElement === this.area) this.answers.edit_seconds = (this.answers.edit_seconds || 0) + seconds;
    }

    show(missing) {
      this.state.textContent = missing.length ? `missing: ${missing.join(", ")}` : "complete";
      this.state.dataset.complete = String(!missing.length);
    }
  };
})();
