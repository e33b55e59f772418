// The dashboard of one service: asks for what is known, a second apart, and draws it (tools.js is loaded before). Everything
// that comes from the server is put in as text, never as markup.
"use strict";

// --- what is wrong, in one sentence, and why

function headline(health) {
  const { database: server, spool } = health;
  const waiting = many(spool.pending, "write");
  const refusing = spool.state === "refusing";
  switch (server.state) {
    case "down":
      if (server.reads_go_on)
        return ["warn", `The server takes no writes. Reads go on; ${refusing ? "writes are refused" : "writes are queued"}.`, server.last_error];
      if (spool.state === "off") return ["bad", "The server is down. Clients get errors.", server.last_error];
      if (refusing) return ["bad", "The server is down, and writes are refused.", spool.reason || server.last_error];
      return ["bad", `The server is down. Writes are queued, ${health.cache.enabled ? "reads get what is cached" : "reads of tables fail"}.`, server.last_error];
    case "suspect": return ["warn", "The server is not answering. It is being checked; clients wait.", server.last_error];
    case "draining": return ["warn", `The server is back. ${waiting} wait${spool.pending === 1 ? "s" : ""} to be applied.`, refusing ? spool.reason : ""];
    case "halted": return ["bad", "Replay has stopped and needs a person.", spool.reason || server.last_error];
  }
  if (refusing) return ["warn", "The server is up. In an outage writes would be refused.", spool.reason];
  if (spool.dead > 0) return ["warn", `The server is up. ${many(spool.dead, "write")} ${spool.dead === 1 ? "was" : "were"} refused by it and wait${spool.dead === 1 ? "s" : ""} for your decision.`, ""];
  if (spool.refused_tables.length > 0)
    return ["warn", `The server is up. In an outage inserts into ${many(spool.refused_tables.length, "table")} would be refused.`, spool.refused_tables.slice(0, 3).join("; ")];
  const poor = spool.accounts_without_ledger;
  if (poor.length > 0)
    return ["warn", `The server is up. In an outage writes of ${many(poor.length, "account")} would be refused.`, `They cannot use the ledger: ${poor.slice(0, 3).join(", ")}`];
  return ["good", "All is well. The server is up, and nothing waits.", ""];
}

function showHealth(health) {
  const { database: server, spool } = health;
  const [how, what, why] = headline(health);
  level($("banner"), how);
  say("headline", what);
  say("because", why || "");
  show("because", Boolean(why));
  const version = server.version.replace(/^5\.5\.5-/, ""); // MariaDB's greeting puts it there for old replicas
  say("where", `${service ? service + " " : ""}before ${server.address}${version ? " (" + version + ")" : ""}`);
  document.title = `${service ? service + ": " : ""}${server.state === "up" && how === "good" ? "✓" : "!"} ${words[server.state]}${spool.pending ? ", " + number(spool.pending) + " waiting" : ""} · Holdwater`;
  const away = server.state === "down" || server.state === "suspect";
  show("reconnect", away && mayAct);
  show("drain", server.state === "draining" && mayAct);

  say("t-state", words[server.state]);
  level($("t-state").parentElement, levels[server.state]);
  say("t-since", `since ${clock(server.since)}, for ${ago(server.since)}`);
  say("t-pending", spool.state === "off" ? "no queue" : number(spool.pending));
  level($("t-pending").parentElement, spool.pending > 0 ? "warn" : "");
  say("t-oldest", spool.oldest_age_s === null ? (spool.state === "off" ? "spool.enabled is false" : "nothing is queued") : `the oldest for ${lasting(spool.oldest_age_s)}`);
  showEnd(server, spool);
  say("t-dead", number(spool.dead));
  level($("tile-dead"), spool.dead > 0 ? "bad" : "");
  say("t-dead-words", spool.dead > 0 ? "refused by the server: retry or discard" : "no dead letters");
  say("t-bytes", spool.limit_bytes ? `${(100 * spool.bytes / spool.limit_bytes).toFixed(spool.bytes / spool.limit_bytes < 0.1 ? 1 : 0)} %` : "–");
  level($("t-bytes").parentElement, spool.limit_bytes && spool.bytes > spool.limit_bytes / 2 ? "bad" : "");
  say("t-limit", spool.limit_bytes ? `${bytes(spool.bytes)} of ${bytes(spool.limit_bytes)}` : "");
  facts("pool", [["in use", number(health.pool.in_use)], ["kept without a client", number(health.pool.idle)], ["opened", number(health.pool.opened)],
    ["kept for the next", number(health.pool.kept)], ["used again", number(health.pool.reused)]]);
  const asked = health.cache.hits + health.cache.misses;
  facts("cache", [["entries", number(health.cache.entries)], ["size", bytes(health.cache.bytes)], ["hits", number(health.cache.hits)],
    ["misses", number(health.cache.misses)], ["answered from it", asked ? (100 * health.cache.hits / asked).toFixed(1) + " %" : "–"],
    ["oldest answer", health.cache.oldest_age_s === null ? "–" : lasting(health.cache.oldest_age_s)], ["on the disk", bytes(health.cache.disk.bytes)],
    ...(health.cache.redis.state === "off" ? [] : [["shared in Redis", health.cache.redis.trouble || `${number(health.cache.redis.found)} found there`]])]);
  facts("spool", [["accepting writes", spool.state === "accepting" ? "yes" : spool.state === "off" ? "off" : "no: " + spool.reason], ["newest number", number(spool.last_seq)],
    ["applied up to", number(spool.applied_seq)], ["tables without ids", number(spool.refused_tables.length)], ["id", spool.id || "–"]]);
  say("version", `version ${health.version}, running for ${lasting(health.uptime_s)}`);
}

// When it will be over.
function showEnd(server, spool) {
  const applying = server.state === "draining";
  show("t-progress", applying && spool.peak_pending > 0);
  if (applying && spool.peak_pending > 0) {
    $("t-progress").max = spool.peak_pending;
    $("t-progress").value = Math.max(0, spool.peak_pending - spool.pending);
  }
  if (applying) {
    say("t-eta", spool.drain_eta_s === null ? "soon" : `about ${lasting(spool.drain_eta_s)}`);
    say("t-rate", `${number(Math.max(0, spool.peak_pending - spool.pending))} of ${number(spool.peak_pending)} applied, ${rate(spool.applied_per_s)} a second`);
  } else if (server.state === "down" || server.state === "suspect") {
    say("t-eta", "not known");
    say("t-rate", spool.accepted_per_s > 0 ? `when the server is back; ${rate(spool.accepted_per_s)} writes more a second` : "when the server is back");
  } else if (server.state === "halted") {
    say("t-eta", "never");
    say("t-rate", "without a person");
  } else {
    say("t-eta", "–");
    say("t-rate", "no outage");
  }
}

function facts(id, rows) {
  const text = JSON.stringify(rows);
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

// --- what happened

let span = "fine";
let past = { fine: [], coarse: [] };
let last = { fine: 0, coarse: 0 };

function take(kind, history) {
  const s = history.samples;
  const list = s.number.length && last[kind] > 0 && s.number[0] <= last[kind] ? [] : past[kind];
  for (let i = 0; i < s.number.length; i++)
    list.push(Object.fromEntries(Object.keys(s).map((name) => [name, s[name][i]])));
  past[kind] = list.slice(-history.most);
  if (past[kind].length) last[kind] = past[kind][past[kind].length - 1].number;
}

function showHistory() {
  const list = past[span];
  const latest = list[list.length - 1];
  if (!latest) return;
  chart("c-pending", list, [["pending", "a"]], { area: true, strip: true, unit: number, name: "Writes waiting" });
  chart("c-traffic", list, [["commands_per_s", "a"], ["refused_per_s", "d"]], { unit: rate, name: "Commands a second" });
  chart("c-latency", list, [["p50_s", "a"], ["p99_s", "b"]], { unit: millis, name: "Time to answer" });
  chart("c-flow", list, [["accepted_per_s", "b"], ["applied_per_s", "a"]], { unit: rate, name: "Queued and applied a second" });
  say("c-pending-now", number(latest.pending));
  legend("c-traffic-legend", [["all " + rate(latest.commands_per_s), "a"], ["refused " + rate(latest.refused_per_s), "d"]]);
  legend("c-latency-legend", [["half within " + within(latest.p50_s), "a"], ["99 % within " + within(latest.p99_s), "b"]]);
  legend("c-flow-legend", [["queued " + rate(latest.accepted_per_s), "b"], ["applied " + rate(latest.applied_per_s), "a"]]);
  const fine = past.fine[past.fine.length - 1] || latest;
  say("t-commands", `${rate(fine.commands_per_s)} a second`);
  say("t-latency", many(fine.clients, "client") + (fine.p99_s > 0 ? `; 99 % answered within ${millis(fine.p99_s)}` : "; no commands now"));
}

function legend(id, rows) {
  const text = JSON.stringify(rows);
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...rows.map(([name, color]) => make("span", { class: "s-" + color }, name)));
}

function round125(top) {
  if (!(top > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(top));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= top);
}

function chart(id, list, series, how) {
  const svg = $(id);
  const width = svg.clientWidth || 400, height = svg.clientHeight || 170;
  const left = 52, right = width - 6, top = 8, strip = how.strip ? 12 : 0, bottom = height - 18 - strip;
  const from = list[0].at_ms, to = Math.max(list[list.length - 1].at_ms, from + 60000);
  const x = (at) => left + (right - left) * (at - from) / (to - from);
  const most = Math.max(...series.map(([key]) => Math.max(...list.map((one) => one[key]))));
  const whole = how.unit === number;
  const high = Math.max(round125(most), whole ? 4 : 0);
  const y = (value) => bottom - (bottom - top) * value / high;
  const parts = [draw("title", {}, `${how.name}: now ${how.unit(list[list.length - 1][series[0][0]])}, most ${how.unit(most)}`)];
  for (const share of [0, 0.5, 1]) {
    parts.push(draw("line", { class: "grid", x1: left, x2: right, y1: y(high * share), y2: y(high * share) }));
    parts.push(draw("text", { x: left - 6, y: y(high * share) + 4, "text-anchor": "end" }, how.unit(high * share)));
  }
  if (how.strip) {
    for (let i = 0; i < list.length; i++) {
      let j = i;
      while (j + 1 < list.length && list[j + 1].state === list[i].state) j++;
      const end = j + 1 < list.length ? list[j + 1].at_ms : list[j].at_ms;
      const block = draw("rect", { class: "st-" + states[list[i].state], x: x(list[i].at_ms), y: bottom + 4, width: Math.max(1.5, x(end) - x(list[i].at_ms)), height: 8 });
      block.append(draw("title", {}, `${words[states[list[i].state]]} from ${clock(list[i].at_ms)}`));
      parts.push(block);
      i = j;
    }
  }
  for (const [key, color] of series) {
    const points = list.map((one) => `${x(one.at_ms).toFixed(1)},${y(one[key]).toFixed(1)}`);
    if (how.area) parts.push(draw("polygon", { class: "area f-" + color, points: `${x(from)},${bottom} ${points.join(" ")} ${x(list[list.length - 1].at_ms)},${bottom}` }));
    parts.push(draw("polyline", { class: "line s-" + color, points: points.join(" ") }));
  }
  parts.push(draw("text", { x: left, y: height - 3 }, clock(from)));
  parts.push(draw("text", { x: right, y: height - 3, "text-anchor": "end" }, clock(to)));
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(...parts);
}

function showStates(changes) {
  const text = changes.map((one) => one.at).join();
  const rows = changes.slice().reverse().slice(0, 12).map((one, index, all) => {
    const until = index === 0 ? now() : Date.parse(all[index - 1].at);
    const chip = make("span", { class: "chip", "data-level": levels[one.state] }, words[one.state] + (one.reads_go_on ? ", reads go on" : ""));
    return make("tr", {}, make("td", {}, clock(one.at)), make("td", {}, chip), make("td", {}, lasting((until - Date.parse(one.at)) / 1000)), make("td", { class: "long" }, one.why || ""));
  });
  if (rows.length && text === $("states").dataset.text) { // only the present one's length has changed
    $("states").firstElementChild.children[2].textContent = rows[0].children[2].textContent;
    return;
  }
  $("states").dataset.text = text;
  $("states").replaceChildren(...rows);
}

// --- dead letters

function showDead(list) {
  const text = JSON.stringify(list);
  show("dead-none", list.units.length === 0);
  show("dead-more", list.truncated);
  say("dead-more", list.truncated ? `There are more than the ${list.units.length} that are shown.` : "");
  if ($("dead").dataset.text === text) return; // what has the focus keeps it
  $("dead").dataset.text = text;
  const before = $(list.units.length > 0 ? "charts" : "past"); // what needs a decision comes first
  if ($("decisions").nextElementSibling !== before) before.before($("decisions"));
  $("dead").replaceChildren(...list.units.map((one) => {
    const statement = one.shapes.join(";\n");
    const acts = make("div", { class: "acts" });
    for (const [verb, danger] of [["retry", false], ["discard", true]]) {
      const button = make("button", { type: "button", class: danger ? "danger" : "", "aria-label": `${verb} number ${one.seq}` }, verb === "retry" ? "Retry" : "Discard");
      button.addEventListener("click", () => decide(verb, one, statement));
      button.disabled = !mayAct;
      acts.append(button);
    }
    return make("li", {},
      make("p", { class: "why" }, `${one.reason}${one.error_number ? ` (error ${one.error_number})` : ""}`),
      make("pre", { tabindex: "0", "aria-label": "statement" }, statement || "(not shown)"),
      make("p", { class: "small" }, `number ${one.seq}, account ${one.account}, database ${one.database || "–"}, accepted ${clock(one.accepted_at)}, refused ${clock(one.died_at)}`),
      acts);
  }));
}

function decide(verb, one, statement) {
  say("ask-title", verb === "retry" ? `Retry number ${one.seq}?` : `Discard number ${one.seq}?`);
  say("ask-text", verb === "retry"
    ? "It is put at the end of the queue, under a new number, and applied once more. Mend first what it was refused for."
    : "Its client was told that it is written. It is given up for good, and cannot be brought back.");
  say("ask-what", statement);
  say("ask-yes", verb === "retry" ? "Retry" : "Discard for good");
  $("ask-yes").className = verb === "retry" ? "" : "danger";
  $("ask-yes").onclick = async () => {
    $("ask").close();
    try {
      const told = await ask(`spool/dead/${one.seq}/${verb}`, "POST");
      if (!told.done) throw new Error(told.reason);
      complain("");
    } catch (error) { complain(`Number ${one.seq} was not changed: ${error.message}`); }
    look(true);
  };
  $("ask").showModal();
  $("ask-no").focus();
}

// --- sessions

function showSessions(list) {
  say("sessions-count", `(${number(list.total)})`);
  show("sessions-more", list.total > list.sessions.length);
  say("sessions-more", `The ${list.sessions.length} oldest are shown.`);
  const text = JSON.stringify(list);
  if ($("sessions").dataset.text === text) return;
  $("sessions").dataset.text = text;
  $("sessions").replaceChildren(...list.sessions.map((one) => make("tr", {}, make("td", {}, String(one.id)), make("td", {}, one.account || "(logging in)"),
    make("td", {}, one.address), make("td", {}, `${clock(one.since)}`), make("td", {}, one.server_id === null ? "none" : String(one.server_id)))));
}

// --- the other services of the process, where it has several

const service = (/\/services\/([^/]+)\/$/.exec(location.pathname) || [])[1];

function showServices(list) {
  const text = JSON.stringify(list.services.map((one) => [one.name, one.status]));
  if ($("services").dataset.text === text) return; // what has the focus keeps it
  $("services").dataset.text = text;
  const links = list.services.map((one) => {
    const link = make("a", { href: `../${one.name}/`, "data-level": statusLevels[one.status] }, one.name);
    link.append(make("span", { class: "hidden" }, `: ${one.status}`));
    if (one.name === service) link.setAttribute("aria-current", "page");
    return link;
  });
  $("services").replaceChildren(make("a", { href: "../../" }, "All services"), ...links);
  show("services", true);
}

// --- the loop

let mayAct = true;
let turn = 0;

async function look(all) {
  try {
    const health = await ask("health/");
    const history = await ask(`history?after=${last.fine}`);
    take("fine", history);
    showHealth(health);
    showStates(history.states);
    if (all || turn % 15 === 0) take("coarse", await ask(`history/day?after=${last.coarse}`));
    if (all || turn % 3 === 0) showDead(await ask("spool/dead?limit=50"));
    if (all || turn % 3 === 0) showSessions(await ask("sessions?limit=100"));
    if (service && (all || turn % 3 === 0)) showServices(await ask("../../services"));
    showHistory();
    if ($("lost").dataset.why === "silence") complain("");
    $("lost").dataset.why = "";
    turn++;
  } catch (error) {
    level($("banner"), "bad");
    $("lost").dataset.why = "silence";
    complain(`Holdwater does not answer this page (${error.message}). What is shown is from ${clock(now())} or before.`);
  }
}

async function run() {
  try {
    const who = await ask("role");
    mayAct = who.role === "operate";
    say("role", mayAct ? "" : "You may look, and change nothing.");
  } catch { /* the next look says what is wrong */ }
  await keep(() => look(turn === 0));
}

$("ask-no").addEventListener("click", () => $("ask").close());
for (const [id, path] of [["reconnect", "health/reconnect"], ["drain", "health/sync?timeout=30"]])
  $(id).addEventListener("click", async () => {
    $(id).disabled = true;
    try {
      const told = await ask(path, "POST");
      complain(told.done ? "" : told.reason);
    } catch (error) { complain(error.message); }
    $(id).disabled = false;
    look(true);
  });
for (const button of document.querySelectorAll("[data-span]"))
  button.addEventListener("click", () => {
    span = button.dataset.span;
    for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(other === button));
    showHistory();
  });
addEventListener("resize", () => showHistory());
run();
