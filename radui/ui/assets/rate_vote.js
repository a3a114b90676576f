// The comparison of the reports, which opens when all were on the screen; what a report lacks; and the keys.
(() => {
  const radui = (window.radui = window.radui || {});
  const STRENGTH = { "-3": "first by far", 0: "neither", 3: "last by far" };

  radui.missingOf = (asks, answers, drawn, picture) => {
    const { errors } = answers;
    const unclear = errors.some((error) => !error.category || error.significant === null || (asks.severity && error.severity === undefined));
    return [
      asks.errors && !errors.length && !answers.no_errors && "errors",
      asks.errors && unclear && "an error's category or significance",
      ...["acceptability", "hallucination", "clarity", "radpeer"].filter((answer) => asks[answer] && (answers[answer] === undefined || answers[answer] === null)),
      ...(asks.pictures && drawn ? ["realism", "agreement"].filter((answer) => !(picture || {})[answer]) : []),
    ].filter(Boolean);
  };

  class Vote {
    constructor(form) {
      Object.assign(this, { form, letters: form.task.reports.map(({ letter }) => letter), unseen: new Set() });
      this.element = this.letters.length > 2 ? this.ranking() : this.preference();
      this.watchReports();
    }

    watchReports() {
      const { answers, task } = this.form;
      if (answers.preference || Object.keys(answers.ranking).length) return; // voted before the page was loaded again
      this.unseen = new Set(task.reports.map(({ letter }) => letter));
      const observer = new IntersectionObserver((entries) => {
        for (const entry of entries) if (entry.isIntersecting) this.seen(entry.target.closest(".rd-rated").dataset.letter);
      });
      for (const report of this.form.reports) observer.observe(report.text);
      this.lock();
    }
    seen(letter) {
      this.unseen.delete(letter);
      this.lock();
    }
    lock() {
      this.element.disabled = this.unseen.size > 0;
      this.hint.textContent = this.unseen.size ? `opens when you have seen ${[...this.unseen].join(", ")}` : "";
    }

    frame(...children) {
      this.hint = radui.make("small", {});
      const reason = radui.textField({ answer: "reason", label: "Reason (optional)", value: this.form.answers.reason, input: (value) => this.form.set("reason", value) });
      return radui.make("fieldset", { class: "rd-vote" }, radui.make("legend", {}, "Which should be used for the care of this patient?", this.hint), ...children, reason);
    }
    preference() {
      const choices = [...this.letters.map((letter) => [letter, letter]), ["equivalent", "Equivalent"], ["both_unacceptable", "Both unacceptable"]];
      const { answers } = this.form;
      const strengths = radui.numbered(-3, 3, STRENGTH).map(([value, label, title]) => [value, value > 0 ? `+${label}` : label, title]);
      return this.frame(
        radui.scale({ answer: "preference", legend: "Preference", choices, value: answers.preference, change: (value) => this.form.set("preference", value) }),
        radui.scale({ answer: "strength", legend: "How strong", hint: `optional: −3 ${this.letters[0]} by far, +3 ${this.letters[1]} by far`, choices: strengths, value: answers.strength, change: (value) => this.form.set("strength", value) }),
      );
    }
    ranking() {
      const { ranking } = this.form.answers;
      const rank = (letter) => (value) => {
        ranking[letter] = value;
        this.form.changed();
      };
      const scales = this.letters.map((letter) =>
        radui.scale({ answer: `rank-${letter}`, legend: letter, choices: radui.numbered(1, this.letters.length), value: ranking[letter], change: rank(letter) }),
      );
      return this.frame(radui.make("p", { class: "rd-small" }, "1 is best; equal ranks are allowed."), radui.make("div", { class: "rd-ranks" }, ...scales));
    }
    given() {
      const { preference, ranking } = this.form.answers;
      return this.letters.length > 2 ? this.letters.every((letter) => ranking[letter]) : Boolean(preference);
    }
  }

  radui.vote = (form) => new Vote(form);

  // Keys act unless the reader types, or works in the viewer, which has keys of its own.
  const REPORT_KEYS = {
    n: (report) => report.tickNoErrors(!report.answers.no_errors),
    o: (report) => report.omit(),
    m: (report) => report.mark(),
    v: (report) => report.support(),
    e: (report) => {
      report.area.closest("details").open = true;
      report.area.focus();
    },
    h: (report) => report.element.querySelector('[data-answer="hallucination"] input:not(:checked)')?.click(),
  };

  radui.ratingKey = (form, event) => {
    if (!form.root.checkVisibility() || form.root.querySelector("dialog[open]")) return;
    const act = event.ctrlKey || event.metaKey ? command(form, event) : plain(form, event);
    if (!act) return;
    event.preventDefault();
    act();
  };

  const typing = (target) => Boolean(target.closest('textarea, select, [contenteditable], input:not([type="radio"], [type="checkbox"])'));

  function command(form, { key, target }) {
    if (!form.task) return null;
    if (key === "Enter") return () => form.submit();
    return key === "z" && !typing(target) ? () => form.undo() : null;
  }

  function plain(form, { key, target, altKey, shiftKey }) {
    if (altKey || typing(target)) return null;
    const viewer = radui.viewers.get(form.viewer);
    if (viewer && (viewer.root.matches(":hover") || viewer.root.contains(target))) return null;
    if (key === "?") return () => form.part("keys").showModal();
    if (!form.task) return null;
    if (key === "s") return () => form.part("skipping").showModal();
    const report = form.reports.find(({ shown }) => shown.letter === key.toUpperCase());
    if (report) return () => arrive(report);
    const { current } = form;
    if (!current) return null;
    if (!shiftKey && REPORT_KEYS[key]) return () => REPORT_KEYS[key](current);
    const level = current.element.querySelector(`[data-answer="acceptability"] input[data-value="${key}"]`);
    return level && /^[1-5]$/.test(key) ? () => level.click() : null;
  }

  function arrive(report) {
    report.element.scrollIntoView({ block: "nearest" });
    (report.spans.find((span) => span.tabIndex === 0) || report.element).focus();
  }
})();
