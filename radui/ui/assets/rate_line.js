// The line to the server: one question at a time, each answered by the value that carries its number.
(() => {
  const radui = (window.radui = window.radui || {});
  const PATIENCE = 60_000; // milliseconds until a question counts as lost
  const LOST = "The server does not answer. What you entered is still here; it is sent again with your next change.";

  radui.Line = class {
    constructor(tell) {
      Object.assign(this, { tell, queue: [], asked: null, number: Date.now() });
    }

    // Resolves with the reply, {kind: "refused", problem} among them. A newer draft replaces one that waits.
    ask(kind, data = {}) {
      const waiting = kind === "draft" && this.queue.find((question) => question.kind === "draft");
      if (waiting) {
        waiting.data = data;
        return waiting.promise;
      }
      const question = { kind, data };
      question.promise = new Promise((resolve) => (question.resolve = resolve));
      this.queue.push(question);
      this.next();
      return question.promise;
    }

    next() {
      if (this.asked || !this.queue.length) return;
      this.asked = this.queue.shift();
      this.asked.id = this.number += 1;
      const { id, kind, data } = this.asked;
      this.asked.timer = setTimeout(() => this.answered({ id, kind: "refused", problem: LOST }), PATIENCE);
      this.tell({ ...data, id, kind });
    }

    answered(reply) {
      if (!reply || !this.asked || reply.id !== this.asked.id) return;
      const { timer, resolve } = this.asked;
      clearTimeout(timer);
      this.asked = null;
      resolve(reply);
      this.next();
    }
  };
})();
