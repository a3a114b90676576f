// The rating form: one case with its blinded reports. All answers are one object, saved at each change.
(() => {
  const radui = (window.radui = window.radui || {});
  const PAUSE = 400; // milliseconds after the last change until it is saved
  const { make } = radui;
  const YES_NO = [
    [true, "Sufficient"],
    [false, "Not sufficient"],
  ];

  class RatingForm {
    constructor(root, props, tell) {
      Object.assign(this, { root, choices: props.choices, viewer: props.viewer, task: null, answers: {}, box: null, dirty: false, reports: [] });
      this.line = new radui.Line(tell);
      this.stopwatch = new radui.Stopwatch((seconds) => this.tick(seconds));
      root.addEventListener("click", (event) => this.clicked(event.target.closest("button[data-action]")));
      root.querySelector("[data-study]").addEventListener("change", (event) => this.open(event.target.value));
      document.addEventListener("keydown", (event) => radui.ratingKey(this, event));
      root.querySelector("[data-reason]").addEventListener("keydown", ({ key }) => key === "Enter" && this.skip());
      document.addEventListener("visibilitychange", () => document.hidden && this.save());
      document.addEventListener("radui:boxed", ({ detail }) => {
        if (detail.viewer === this.viewer && !detail.patch) this.box = detail.box ? detail : null;
      });
      this.part("desk").hidden = !props.desk;
      this.part("kept").hidden = !props.kept;
      this.part("kept").textContent = `Ratings are kept on this machine, with the pictures and reports that they are about: ${props.kept}`;
      this.ask(radui.firstQuestion || "open");
      radui.firstQuestion = null;
    }

    part(name) {
      return this.root.querySelector(`[data-part="${name}"]`);
    }
    get asks() {
      return this.task.questions;
    }
    say(problem) {
      this.part("problem").textContent = problem || "";
    }

    async ask(kind, data = {}) {
      const reply = await this.line.ask(kind, { assignment: this.task && this.task.assignment, ...data });
      if (reply.kind === "refused") this.say(reply.problem);
      else this.say("");
      if (reply.kind === "state") this.showState(reply);
      return reply;
    }
    open(study) {
      return this.flush().then(() => this.ask("open", { study }));
    }
    clicked(button) {
      if (!button) return;
      const { action } = button.dataset;
      if (action === "submit") this.submit();
      else if (action === "undo") this.undo();
      else if (action === "skip") this.part("skipping").showModal();
      else if (action === "skip-now") this.skip();
      else if (action === "keys") this.part("keys").showModal();
      else if (action === "close") button.closest("dialog").close();
      else this.flush().then(() => this.ask(action, { study: this.study }));
    }

    // What the server says of the reader's studies, with the case that comes next.
    showState({ studies, study, task, skipped, names, message }) {
      this.study = study;
      this.task = null;
      const select = this.root.querySelector("[data-study]");
      const entries = studies.map(({ study: id, title, submitted, assigned }) => make("option", { value: id, selected: id === study }, `${title} · ${submitted} of ${assigned}`));
      select.replaceChildren(...entries);
      select.disabled = !studies.length;
      this.drawProgress(studies.find(({ study: id }) => id === study));
      this.drawOutcome(message, names);
      this.part("empty").hidden = Boolean(task);
      this.part("empty-text").textContent = studies.length ? "No case is left in this study. Thank you." : "No reading study waits for you.";
      const again = this.part("skipped");
      again.hidden = !skipped;
      again.textContent = `Take up skipped cases (${skipped})`;
      this.part("case").hidden = !task;
      if (task) this.showTask(task);
      else this.part("saved").textContent = "";
    }

    drawProgress(study) {
      const bar = this.part("progress");
      bar.hidden = !study;
      if (!study) return;
      bar.max = study.assigned;
      bar.value = study.submitted;
      bar.title = `${study.submitted} submitted, ${study.skipped} skipped, ${study.assigned} in all`;
    }
    drawOutcome(message, names) {
      const letters = Object.entries(names || {}).map(([letter, name]) => `${letter} was ${name}`);
      this.part("outcome").textContent = [message, letters.join(", ")].filter(Boolean).join(" ");
    }

    showTask(task) {
      this.task = task;
      this.box = null;
      this.take(task.draft);
      this.stopwatch.start(this.answers.active_seconds || 0);
      this.part("number").textContent = `Case ${task.number} of ${task.total}`;
      this.part("indication").textContent = task.indication || "not given";
      this.part("instructions").textContent = task.instructions;
      this.part("instructions").hidden = !task.instructions;
      this.part("saved").textContent = task.draft ? "Draft taken up" : "";
      this.root.dataset.assignment = task.assignment;
      // A reader begins at the top of each case.
      if (this.root.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
    }

    // Take answers over and draw the whole form anew: a new case, or one step back.
    take(draft) {
      this.answers = { reports: {}, ranking: {}, explanations: [], pictures: {}, ...structuredClone(draft || {}) };
      for (const { letter } of this.task.reports) this.answers.reports[letter] = this.answers.reports[letter] || {};
      this.reports = this.task.reports.map((shown) => new radui.RatedReport(this, shown, this.answers.reports[shown.letter]));
      this.current = null;
      this.part("questions").replaceChildren(...this.caseQuestions());
      this.part("reports").replaceChildren(...this.reports.map(({ element }) => element));
      this.vote = this.asks.preference && this.reports.length > 1 ? radui.vote(this) : null;
      this.part("vote").replaceChildren(...(this.vote ? [this.vote.element] : []));
      this.review();
    }

    caseQuestions() {
      const set = (answer) => (value) => this.set(answer, value);
      const { asks, answers } = this;
      return [
        asks.image_quality && radui.scale({ answer: "image_quality_sufficient", legend: "Image quality", choices: YES_NO, value: answers.image_quality_sufficient, change: set("image_quality_sufficient") }),
        asks.confidence && radui.scale({ answer: "confidence", legend: "Your confidence", hint: "5 is surest", choices: radui.numbered(1, 5), value: answers.confidence, change: set("confidence") }),
      ].filter(Boolean);
    }
    set(answer, value) {
      this.answers[answer] = value;
      this.changed();
    }

    enter(report) {
      this.current = report;
      for (const one of this.reports) one.element.classList.toggle("rd-current", one === report);
      if (this.vote) this.vote.seen(report.shown.letter);
    }

    // Drafts
    changed() {
      this.dirty = true;
      this.part("saved").textContent = "Saving …";
      this.review();
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.save(), PAUSE);
    }
    tick(seconds) {
      if (this.current && this.task) this.current.tick(seconds);
    }
    async save() {
      clearTimeout(this.timer);
      if (!this.task || !this.dirty) return null;
      this.dirty = false;
      const reply = await this.ask("draft", { answers: this.sent() });
      if (reply.kind === "refused") this.dirty = true;
      if (!this.dirty) this.part("saved").textContent = "Saved";
      else if (reply.kind === "refused") this.part("saved").textContent = "Not saved";
      return reply;
    }
    sent() {
      this.answers.active_seconds = Math.round(this.stopwatch.seconds * 10) / 10;
      return structuredClone(this.answers);
    }
    // Everything that was entered is on its way before the next step.
    flush() {
      return this.dirty ? this.save() : Promise.resolve(null);
    }

    async undo() {
      await this.flush();
      const reply = await this.ask("undo");
      if (reply.kind !== "undone" || !this.task) return;
      this.take(reply.draft);
      this.part("saved").textContent = "One step back";
    }
    async submit() {
      if (!this.task) return;
      await this.flush();
      await this.ask("submit", { answers: this.sent(), seconds: this.stopwatch.seconds, study: this.study });
    }
    async skip() {
      const reason = this.root.querySelector("[data-reason]");
      if (!reason.value.trim()) return reason.focus();
      await this.flush();
      const reply = await this.ask("skip", { reason: reason.value, seconds: this.stopwatch.seconds, study: this.study });
      if (reply.kind !== "refused") reason.value = "";
      return this.part("skipping").close();
    }

    // What is missing still, beside each report and the button; the server checks it again.
    review() {
      const missing = this.reports.filter((report) => {
        const lacking = radui.missingOf(this.asks, report.answers, report.shown.picture, this.answers.pictures[report.shown.letter]);
        report.show(lacking);
        return lacking.length;
      });
      const case_ = this.root.querySelectorAll('[data-part="questions"] fieldset:not(:has(input:checked))').length;
      const open = [...(case_ ? ["the case"] : []), ...missing.map(({ shown }) => shown.letter)];
      if (this.vote && !this.vote.given()) open.push(this.task.reports.length > 2 ? "the ranking" : "the preference");
      this.part("open").textContent = open.length ? `Still open: ${open.join(", ")}` : "Complete";
    }
  }

  // The Compare tab's button. Gradio builds this tab when it is first opened; then the form asks by itself.
  radui.rateCompared = () => {
    const form = radui.rating;
    if (form && form.root.isConnected) form.flush().then(() => form.ask("desk"));
    else radui.firstQuestion = "desk";
    radui.openTab("rating");
  };

  radui.mountRating = (element, props, watch, tell) => {
    const form = (radui.rating = new RatingForm(element.querySelector(".rd-form"), props, tell));
    watch("value", () => form.line.answered(props.value));
  };
})();
