// Patients: a card each, with studies, tests and findings by day.
const CARDS = 12;
const LISTED = 40;
const KINDS = { study: "●", test: "◆", finding: "▲" };
const SYMBOLS = { domain: Object.keys(KINDS), range: ["circle", "diamond2", "triangle"] };

function startPeople() {
  byId("people-search").value = "";
  byId("people-list").replaceChildren();
  whenNear(byId("people"), drawPeople);
}

function drawPeople() {
  const words = byId("people-search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const found = dataset().people.filter((person) => words.every((word) => textOf(person).includes(word)));
  byId("people-found").textContent = `${thousands(found.length)} of ${thousands(dataset().people.length)} patients`;
  pages(byId("people-pages"), found.length, CARDS, (from, to) => {
    byId("people-list").replaceChildren(...found.slice(from, to).map(personCard));
    for (const card of byId("people-list").children) card.drawTimeline();
  }, "Patients");
}

function textOf([name, facts, , events]) {
  return [name, ...facts.flat(), ...events.map((event) => event[2])].join(" ").toLowerCase();
}

function personCard([name, facts, zero, events]) {
  const said = facts.map(([key, value]) => `${key} ${value}`).join(" · ");
  const place = el("div", {});
  const list = el("ol", {}, ...events.slice(0, LISTED).map((event) => eventLine(event)));
  if (events.length > LISTED) list.append(el("li", { textContent: `… and ${events.length - LISTED} more` }));
  const card = el("article", { className: "person" }, el("h3", { textContent: name }), el("p", { textContent: said }), place, list);
  card.drawTimeline = () => {
    const dated = events.filter((event) => event[0] !== null);
    if (distinct(dated.map((event) => event[0])).length > 1) place.append(timeline(dated, zero, Math.max(260, card.clientWidth - 26)));
  };
  return card;
}

function eventLine([day, kind, text, images]) {
  const when = day === null ? "no date" : `day ${day}`;
  const what = el("span", { textContent: `${text} ` });
  images.slice(0, 6).forEach((row, number) => {
    const button = el("button", { type: "button", className: "link", textContent: `image ${number + 1}` });
    button.onclick = () => openCard(row);
    what.append(button, " ");
  });
  return el("li", {}, el("span", { textContent: when }), el("span", { title: kind, textContent: KINDS[kind] }), what);
}

function timeline(events, zero, width) {
  const rows = events.map(([day, kind, text]) => ({ day, kind, text }));
  const days = rows.map((row) => row.day);
  const [first, last] = [Math.min(...days), Math.max(...days)];
  const room = (last - first) * 0.05;
  const kinds = Object.keys(KINDS).filter((kind) => rows.some((row) => row.kind === kind));
  return Plot.plot({
    width, height: 60 + 26 * kinds.length, marginLeft: 60, marginBottom: 42, ariaLabel: "Timeline",
    ariaDescription: "studies, tests and findings by day; they are listed below",
    x: { domain: [first - room, last + room], label: `days from ${zero}`, grid: true, tickFormat: (day) => (Number.isInteger(day) ? `${day}` : "") },
    y: { domain: kinds, label: null },
    symbol: SYMBOLS,
    marks: [
      Plot.ruleX([0], { strokeDasharray: "3 3" }),
      Plot.dot(rows, { x: "day", y: "kind", symbol: "kind", fill: "var(--area)", stroke: "currentColor", r: 5, title: "text", tip: true }),
    ],
    style: { background: "none", font: FONT },
  });
}
