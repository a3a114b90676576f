// Parts of the rating form: elements, scales of choices, texts, and the time that a reader is at work.
(() => {
  const radui = (window.radui = window.radui || {});
  const IDLE = 60_000; // milliseconds without a key, click or move after which time no longer counts

  // make("p", {class: "x", click: handler}, "text", child): functions listen, true and strings are attributes.
  radui.make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== undefined));
    return element;
  };

  let scales = 0;

  // A question with its choices [[value, label, title]] as native radio buttons: Tab and arrow keys work.
  radui.scale = ({ answer, legend, choices, value, change, hint }) => {
    const name = `rd-scale-${(scales += 1)}`;
    const options = choices.map(([key, label, title]) =>
      radui.make(
        "label",
        { title },
        radui.make("input", { type: "radio", name, "data-value": String(key), checked: key === value, change: () => change(key) }),
        radui.make("span", {}, label),
      ),
    );
    const heading = radui.make("legend", {}, legend, hint ? radui.make("small", {}, hint) : null);
    return radui.make("fieldset", { class: "rd-ask", "data-answer": answer }, heading, radui.make("div", {}, ...options));
  };

  radui.textField = ({ answer, label, value, input, lines }) => {
    const attributes = { "data-answer": answer, "aria-label": label, placeholder: label, input: (event) => input(event.target.value) };
    if (!lines) return radui.make("input", { type: "text", value: value || "", ...attributes });
    return radui.make("textarea", { rows: lines, ...attributes }, value || "");
  };

  radui.numbered = (low, high, titles = {}) =>
    Array.from({ length: high - low + 1 }, (_, index) => [low + index, String(low + index), titles[low + index]]);

  // Seconds of work on a case: the clock stands while the page is hidden or nobody touches it.
  radui.Stopwatch = class {
    constructor(tick) {
      Object.assign(this, { seconds: 0, touched: Date.now(), last: Date.now() });
      const touch = () => (this.touched = Date.now());
      for (const name of ["keydown", "pointerdown", "pointermove", "wheel"]) {
        document.addEventListener(name, touch, { passive: true });
      }
      setInterval(() => this.step(tick), 1000);
    }
    start(seconds) {
      Object.assign(this, { seconds, touched: Date.now(), last: Date.now() });
    }
    step(tick) {
      const now = Date.now();
      const passed = (now - this.last) / 1000;
      this.last = now;
      // A machine that slept counts nothing: timers fire every second or the time was not spent here.
      if (document.hidden || now - this.touched > IDLE || passed > IDLE / 1000) return;
      this.seconds += passed;
      tick(passed);
    }
  };
})();
