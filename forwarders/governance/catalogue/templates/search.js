(() => {
  const events = JSON.parse(document.getElementById("data").textContent);
  const list = document.getElementById("events");
  const rows = Array.from(list.children);
  const box = document.getElementById("q");
  const form = box.form;
  const said = document.getElementById("said");
  const nothing = document.getElementById("nothing");
  const filters = ["owner", "dataset", "stability"].map((id) => document.getElementById(id));
  const SHOWN = 6;

  // Made lower case once: a keystroke then only looks for substrings.
  const texts = events.map((one) => ({
    name: one.n.toLowerCase(),
    title: one.t.toLowerCase(),
    about: one.d.toLowerCase(),
    team: one.o.toLowerCase() + " " + one.s.toLowerCase(),
    metrics: one.m.map((name) => name.toLowerCase()),
    fields: one.f.map(([name, , what]) => [name.toLowerCase(), what.toLowerCase()]),
  }));

  function field(name, what, term) {
    if (name === term) return 50;
    if (name.endsWith("." + term)) return 45;
    return name.includes(term) ? 30 : what.includes(term) ? 8 : 0;
  }

  // How well one word fits an event, 0 for not at all; `why` collects the fields and metrics that it was found in.
  function fit(text, term, why) {
    let best = 0;
    if (text.name.includes(term)) best = text.name === term ? 100 : 60;
    if (text.title.includes(term)) best = Math.max(best, 40);
    if (text.about.includes(term)) best = Math.max(best, 10);
    if (text.team.includes(term)) best = Math.max(best, 20);
    text.metrics.forEach((name, i) => {
      if (name.includes(term)) { best = Math.max(best, 25); why.metrics.add(i); }
    });
    text.fields.forEach(([name, what], i) => {
      const points = field(name, what, term);
      if (points) { best = Math.max(best, points); why.fields.set(i, Math.max(points, why.fields.get(i) || 0)); }
    });
    return best;
  }

  function link(event, label, anchor) {
    const made = document.createElement("a");
    made.href = event.p + "#" + anchor;
    made.textContent = label;
    return made;
  }

  function explain(row, event, why) {
    const place = row.querySelector(".why");
    place.replaceChildren();
    const fields = Array.from(why.fields).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
    fields.slice(0, SHOWN).forEach(([i]) => place.append(i === fields[0][0] ? "fields " : " ", link(event, event.f[i][0], event.f[i][1])));
    if (fields.length > SHOWN) place.append(` and ${fields.length - SHOWN} more`);
    Array.from(why.metrics).slice(0, SHOWN).forEach((i, n) => {
      place.append(n ? " " : fields.length ? ", metrics " : "metrics ", link(event, event.m[i], "m-" + event.m[i]));
    });
    place.hidden = !place.hasChildNodes();
  }

  function search() {
    const terms = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = filters.map((one) => [one.id, one.value]).filter(([, value]) => value);
    const found = [];
    rows.forEach((row, i) => {
      const why = { fields: new Map(), metrics: new Set() };
      let points = 0;
      let fits = wanted.every(([key, value]) => row.dataset[key] === value);
      for (const term of terms) {
        if (!fits) break;
        const some = fit(texts[i], term, why);
        fits = some > 0;
        points += some;
      }
      row.hidden = !fits;
      if (fits) found.push([points, i, why]);
    });
    found.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    const order = document.createDocumentFragment();
    for (const [, i, why] of found) {
      explain(rows[i], events[i], why);
      order.append(rows[i]);
    }
    list.prepend(order);
    nothing.hidden = found.length > 0;
    said.textContent = terms.length || wanted.length ? `${found.length} of ${rows.length} events` : `${rows.length} events`;
    remember();
  }

  // In the fragment, which a page opened from a file may change too.
  function remember() {
    const state = new URLSearchParams();
    for (const one of [box, ...filters]) if (one.value) state.set(one.name, one.value);
    const text = state.toString();
    if (text !== location.hash.slice(1)) history.replaceState(null, "", "#" + text);
  }

  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    const asked = new URLSearchParams(location.search);
    for (const one of [box, ...filters]) one.value = state.get(one.name) || (location.hash ? "" : asked.get(one.name)) || "";
    for (const one of filters) if (one.selectedIndex < 0) one.value = "";
    search();
  }

  function hits() {
    return Array.from(list.querySelectorAll("li:not([hidden]) a.hit"));
  }

  form.addEventListener("input", search);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const first = hits()[0];
    if (first && box.value) location.href = first.href;
  });
  form.addEventListener("reset", () => setTimeout(() => { search(); box.focus(); }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !event.target.closest("select")) {
      box.value = "";
      box.focus();
      search();
    }
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const all = hits();
    const at = all.indexOf(document.activeElement);
    if (at < 0 && document.activeElement !== box) return;
    event.preventDefault();
    const next = event.key === "ArrowDown" ? Math.min(at + 1, all.length - 1) : at - 1;
    (next < 0 ? box : all[next]).focus();
  });
  addEventListener("hashchange", recall);
  recall();
})();
