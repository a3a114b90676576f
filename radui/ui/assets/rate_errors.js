// A marked error and a judged region, each one row under its report.
(() => {
  const radui = (window.radui = window.radui || {});
  const SIGNIFICANCE = [
    [true, "Significant", "It likely affects treatment, management, or outcomes"],
    [false, "Not significant"],
  ];
  const SUPPORT = { yes: "Yes", partly: "Partly", no: "No", cannot_judge: "Cannot judge" };

  function choose(answer, label, options, value, change) {
    const { make } = radui;
    const empty = make("option", { value: "", selected: value === null || value === undefined, disabled: true }, label);
    const entries = options.map(([key, text]) => make("option", { value: key, selected: key === value }, text));
    return make("select", { "data-answer": answer, "aria-label": label, change: (event) => change(options[event.target.selectedIndex - 1][0]) }, empty, ...entries);
  }

  const removal = (label, click) => radui.make("button", { type: "button", class: "rd-remove", "aria-label": label, title: label, click }, "×");

  radui.errorRow = (report, error, number) => {
    const { asks, choices } = report.form;
    const set = (key) => (value) => {
      error[key] = value;
      report.form.changed();
    };
    const passage = error.start === null ? radui.make("em", {}, "no passage") : radui.make("q", {}, report.quote(error));
    const categories = choices.categories.map(([key, title], index) => [key, `${index + 1} ${title}`]);
    const remove = () => {
      report.answers.errors.splice(number, 1);
      report.changed();
      report.element.focus();
    };
    // Significance colours the words, so the marks are drawn again without building the row anew.
    const weigh = (value) => {
      error.significant = value;
      report.spans.forEach((span, index) => {
        const { start, end } = report.words[index];
        if (error.start !== null && error.start < end && error.end > start) span.classList.toggle("rd-significant", value);
      });
      report.form.changed();
    };
    return radui.make(
      "li",
      { class: "rd-error" },
      passage,
      choose("category", "Choose a category", categories, error.category, set("category")),
      radui.scale({ answer: "significant", legend: "Significance", choices: SIGNIFICANCE, value: error.significant, change: weigh }),
      asks.severity ? choose("severity", "Choose a severity", choices.severity.map((title, degree) => [degree, `${degree} ${title}`]), error.severity, set("severity")) : null,
      radui.textField({ answer: "replacement", label: error.start === null ? "What is missing" : "What should stand there", value: error.replacement, input: set("replacement") }),
      radui.textField({ answer: "note", label: "Note", value: error.note, input: set("note") }),
      removal("Take this error away", remove),
    );
  };

  radui.regionRow = (report, region) => {
    const all = report.form.answers.explanations;
    const boxed = () => (region.box ? `box on view ${region.view + 1}` : "no box");
    const place = radui.make("button", { type: "button", title: "Draw a box in the viewer (Box, d), then take it over" }, boxed());
    place.addEventListener("click", () => {
      const drawn = report.form.box;
      if (!drawn) return report.form.say("Draw a box in the viewer first: tool Box, key d.");
      Object.assign(region, { view: drawn.view, box: drawn.box });
      place.textContent = boxed();
      return report.form.changed();
    });
    const remove = () => {
      all.splice(all.indexOf(region), 1);
      report.changed();
      report.element.focus();
    };
    const judge = (value) => {
      region.support = value;
      report.form.changed();
    };
    const options = report.form.choices.support.map((key) => [key, SUPPORT[key] || key]);
    return radui.make(
      "li",
      { class: "rd-error" },
      radui.make("q", {}, report.quote(region)),
      radui.scale({ answer: "support", legend: "Does the region support these words?", choices: options, value: region.support, change: judge }),
      place,
      removal("Take this region away", remove),
    );
  };
})();
