// The report's table of questions: filters and searches the data embedded in the page, fifty rows at a time.
// Text from the data enters the page as text nodes only.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { rows, texts, models, initial, methods, outcomes } = data;
  const RIGHT = 0, WRONG = 1, REFUSED = 2; // positions in data.outcomes
  const PAGE = 50;
  const at = (id) => document.getElementById(id);
  const [view, model, dataset, subject, method, label, reason, words] =
    ["view", "model", "dataset", "subject", "method", "label", "reason", "words"].map(at);

  // Building elements.

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function fill(select, names, every) {
    const options = names.map((name, i) => new Option(name, i));
    if (every) options.unshift(new Option(every, ""));
    select.replaceChildren(...options);
    select.closest("label").dataset.useful = names.length > 1;
  }

  function table(caption, head, body) {
    const cells = (tag, values) => element("tr", {}, ...values.map((value, i) => element(i ? tag : "th", {}, value)));
    const drawn = element("table", { className: "text" }, element("thead", {}, cells("th", head)),
      element("tbody", {}, ...body.map((values) => cells("td", values))));
    const box = element("div", { className: "scroll", tabIndex: 0 }, drawn);
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", caption);
    return box;
  }

  const number = (x, digits) => (typeof x === "number" ? x.toFixed(digits).replace("-", "−") : "–");
  const change = (before, after) =>
    (typeof before === "number" && typeof after === "number" ? number(after - before, 3) : "–");

  // What a row says.

  const outcome = (row, m) => (row.answers && row.answers[m] ? row.answers[m][0] : null);
  const failed = (o) => o === WRONG || o > REFUSED; // unparsed and incomplete are wrong too

  function accepted(row) {
    if (row.answer === null) return "none: nobody can answer this, refusing is right";
    const answer = texts[row.answer];
    const choice = row.choices && row.choices["ABCDEFGHIJ".indexOf(answer)];
    return choice === undefined ? answer : `${answer}. ${texts[choice]}`;
  }

  function said(row, m) {
    const [verdict, output] = row.answers[m];
    const text = output === null ? "" : texts[output].trim();
    return element("span", { className: "said" },
      element("span", { className: `outcome o${verdict}` }, outcomes[verdict]), " ", text || "(nothing)");
  }

  function answersOf(row) {
    const chosen = Number(model.value);
    const shown = initial === null || initial === chosen ? [chosen] : [initial, chosen];
    return shown.filter((m) => row.answers && row.answers[m]).map((m) =>
      element("span", { className: "by" }, element("small", {}, models[m]), said(row, m)));
  }

  function verdictOf(row) {
    const verdict = row.selected && row.selected[Number(method.value)];
    const [before, after] = row.state || [];
    const flow = typeof after === "number" ? `Cor ${number(before, 2)} → ${number(after, 2)}` : `Cor ${number(before, 2)}`;
    return [
      verdict && element("span", { className: "by" }, element("small", {}, methods[method.value]),
        `${data.labels[verdict[0]]} (${verdict[1] === null ? "–" : data.reasons[verdict[1]]})`),
      row.state && element("span", { className: "by" }, element("small", {}, "flow"), flow),
    ];
  }

  function details(row) {
    const parts = [];
    const term = (name, ...value) => parts.push(element("dt", {}, name), element("dd", {}, ...value));
    term("question", texts[row.question]);
    if (row.choices) {
      term("choices", ...row.choices.map((c, i) => element("div", {}, `${"ABCDEFGHIJ"[i]}. ${texts[c]}`)));
    }
    term("accepted", [accepted(row), ...(row.aliases || []).map((a) => texts[a])].join("; "));
    term("from", [data.datasets[row.dataset], data.subjects[row.subject], row.id].filter(Boolean).join(", "));
    const made = [element("dl", {}, ...parts)];
    if (row.answers) {
      made.push(table("Answers", ["model", "outcome", "output", "confidence"], models.flatMap((name, m) => {
        if (!row.answers[m]) return [];
        const [verdict, output, confidence] = row.answers[m];
        return [[name, outcomes[verdict], output === null ? "–" : texts[output], number(confidence, 3)]];
      })));
    }
    if (row.state) {
      const [cor, corAfter, cer, cerAfter] = row.state;
      made.push(table("Knowledge flow", ["", "before rehearsal", "after", "change"], [
        ["Cor", number(cor, 3), number(corAfter, 3), change(cor, corAfter)],
        ["Cer", number(cer, 3), number(cerAfter, 3), change(cer, cerAfter)],
      ]));
    }
    if (row.selected) {
      made.push(table("Selections", ["method", "label", "reason", "nearest question of D_van", "similarity"],
        methods.flatMap((name, k) => {
          if (!row.selected[k]) return [];
          const [given, why, nearest, similarity] = row.selected[k];
          const conflict = typeof similarity === "number" && similarity > data.taus[k];
          return [[name, data.labels[given], why === null ? "–" : data.reasons[why],
            nearest === null ? "–" : texts[rows[nearest].question],
            number(similarity, 3) + (conflict ? `, above ${data.taus[k]}: conflict` : "")]];
        })));
    }
    return made;
  }

  function item(row, training) {
    const box = element("details", {}, element("summary", {},
      element("span", { className: "asked" }, texts[row.question]),
      element("span", { className: "key" }, `accepted: ${accepted(row)}`),
      element("span", {}, ...(training ? verdictOf(row) : answersOf(row)))));
    box.addEventListener("toggle", () => {
      if (box.open && box.childElementCount === 1) box.append(...details(row));
    });
    return element("li", {}, box);
  }

  // Which rows are shown.

  const VIEWS = [
    ["over-refused", "right before, now refused", (o, was) => was === RIGHT && o === REFUSED],
    ["newly wrong", "not wrong before, now wrong", (o, was) => was !== null && !failed(was) && failed(o)],
    ["newly right", "not right before, now right", (o, was) => was !== null && was !== RIGHT && o === RIGHT],
    ["still wrong", "wrong before and now", (o, was) => failed(was) && failed(o)],
    ["rightly refused", "wrong before, now refused", (o, was) => failed(was) && o === REFUSED],
    ["all", "every evaluated question", (o) => o !== null],
    ["training questions", "selected or not", null],
  ];

  const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  let folded = null; // every text as it is searched, made at the first search

  function searched(training) {
    const wanted = plain(words.value).split(/\s+/).filter(Boolean);
    if (!wanted.length) return () => true;
    folded = folded || texts.map(plain);
    const found = wanted.map((word) => folded.map((text) => text.includes(word)));
    const shown = training ? [] : [...new Set([initial, Number(model.value)])].filter((m) => m !== null);
    return (row) => {
      const outputs = shown.map((m) => row.answers[m] && row.answers[m][1]).filter((t) => typeof t === "number");
      const own = [row.question, row.answer, ...(row.choices || []), ...(row.aliases || []), ...outputs];
      return found.every((hit) => own.some((t) => hit[t]));
    };
  }

  function selection() {
    const wanted = VIEWS[view.value][2];
    const fits = searched(wanted === null);
    const asked = (select, value) => select.value === "" || Number(select.value) === value;
    if (wanted === null) {
      return rows.filter((row) => {
        const verdict = (row.selected && row.selected[Number(method.value)]) || [null, null];
        return (row.selected || row.state) && asked(subject, row.subject) && asked(label, verdict[0]) &&
          asked(reason, verdict[1]) && fits(row);
      });
    }
    const m = Number(model.value);
    return rows.filter((row) => row.answers && asked(dataset, row.dataset) && asked(subject, row.subject) &&
      wanted(outcome(row, m), initial === null ? null : outcome(row, initial)) && fits(row));
  }

  // The list and its pages.

  let hits = [], page = 0;

  function show() {
    const last = Math.max(0, Math.ceil(hits.length / PAGE) - 1);
    page = Math.min(Math.max(page, 0), last);
    const from = page * PAGE, upto = Math.min(hits.length, from + PAGE);
    const training = VIEWS[view.value][2] === null;
    at("hits").replaceChildren(...hits.slice(from, upto).map((row) => item(row, training)));
    at("hits").start = from + 1;
    const counted = `${hits.length} question${hits.length === 1 ? "" : "s"}`;
    at("count").textContent = hits.length > PAGE ? `${counted}; ${from + 1} to ${upto} shown` : counted;
    for (const pager of document.querySelectorAll(".pager")) {
      pager.hidden = last === 0;
      const [previous, next] = pager.querySelectorAll("button");
      previous.setAttribute("aria-disabled", page === 0); // not disabled: the focus stays where it is
      next.setAttribute("aria-disabled", page === last);
      pager.querySelector("span").textContent = `page ${page + 1} of ${last + 1}`;
    }
  }

  function search() {
    const training = VIEWS[view.value][2] === null;
    for (const control of document.querySelectorAll("#finder label")) {
      const needed = control.dataset.view;
      control.hidden = control.dataset.useful === "false" || (needed && (needed === "training") !== training);
    }
    hits = selection();
    page = 0;
    show();
  }

  const views = VIEWS.map(([name, meaning, wanted], i) => ({
    option: new Option(`${name}: ${meaning}`, i),
    possible: wanted === null ? rows.some((row) => row.state || row.selected)
      : name === "all" ? models.length > 0 : initial !== null && models.length > 1,
  }));
  view.replaceChildren(...views.filter((v) => v.possible).map((v) => v.option));
  fill(model, models);
  fill(dataset, data.datasets, "all");
  fill(subject, data.subjects, "all");
  fill(method, methods);
  fill(label, data.labels, "any");
  fill(reason, data.reasons, "any");
  const craft = models.indexOf("craft");
  model.value = craft >= 0 ? craft : Math.max(0, models.length - 1);
  method.value = Math.max(0, methods.indexOf("craft"));

  for (const select of [view, model, dataset, subject, method, label, reason]) select.addEventListener("change", search);
  let waiting = 0;
  words.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 150);
  });
  words.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    clearTimeout(waiting);
    search();
  });
  for (const button of document.querySelectorAll(".pager button")) {
    button.addEventListener("click", () => {
      if (button.getAttribute("aria-disabled") === "true") return;
      page += Number(button.dataset.step);
      show();
      at("count").scrollIntoView({ block: "start" });
    });
  }
  at("finder").hidden = false;
  search();
})();
