// All services of the process, a card each, which leads to its own dashboard (tools.js is loaded before).
"use strict";

const needs = { up: "", suspect: "its server is being checked", down: "its server is down", draining: "its server is back, and writes are applied",
  halted: "its replay needs a person" };

// What is not as it should be with one of them, in a few words; empty when all is.
function trouble(one) {
  if (needs[one.state]) return one.status === "down" ? `${needs[one.state]}, and writes are not taken` : needs[one.state];
  if (one.dead > 0) return `${many(one.dead, "write")} ${one.dead === 1 ? "waits" : "wait"} for a decision`;
  return one.status === "ok" ? "" : "it needs a look";
}

function headline(list) {
  const wrong = list.filter((one) => trouble(one));
  if (wrong.length === 0) return ["good", `All is well. ${list.length === 1 ? "The server is up" : `All ${list.length} servers are up`}, and nothing waits.`, ""];
  const level = wrong.some((one) => one.status === "down" || levels[one.state] === "bad") ? "bad" : "warn";
  const what = `${wrong.length} of ${many(list.length, "service")} ${wrong.length === 1 ? "needs" : "need"} attention.`;
  return [level, what, wrong.map((one) => `${one.name}: ${trouble(one)}`).join("; ")];
}

function card(one) {
  const chip = make("span", { class: "chip", "data-level": levels[one.state] }, words[one.state]);
  return make("li", { "data-status": levels[one.state] === "bad" ? "down" : one.status },
    make("h3", {}, make("a", { href: `services/${one.name}/` }, one.name), " ", chip),
    make("dl", {}, make("dt", {}, "since"), make("dd", {}, `${clock(one.since)}, for ${ago(one.since)}`),
      make("dt", {}, "server"), make("dd", {}, one.server), make("dt", {}, "clients come to"), make("dd", {}, one.listen.join(", ")),
      make("dt", {}, "writes waiting"), make("dd", {}, one.spool === "off" ? "no queue" : number(one.pending)),
      make("dt", {}, "dead letters"), make("dd", {}, number(one.dead))));
}

// What has the focus keeps it: the cards stay, and get what is new in them.
function showCards(list) {
  const cards = list.map(card);
  if ($("list").children.length !== cards.length) return $("list").replaceChildren(...cards);
  cards.forEach((made, at) => {
    const old = $("list").children[at];
    old.setAttribute("data-status", made.getAttribute("data-status"));
    old.querySelector(".chip").replaceWith(made.querySelector(".chip"));
    old.querySelector("dl").replaceWith(made.querySelector("dl"));
  });
}

async function look() {
  try {
    const { services } = await ask("services");
    const [how, what, why] = headline(services);
    level($("banner"), how);
    say("headline", what);
    say("because", why);
    show("because", Boolean(why));
    say("where", many(services.length, "service"));
    const up = services.filter((one) => one.state === "up").length;
    const sum = (key) => services.reduce((all, one) => all + one[key], 0);
    say("t-up", `${up} of ${services.length}`);
    level($("t-up").parentElement, up === services.length ? "good" : "bad");
    say("t-pending", number(sum("pending")));
    level($("t-pending").parentElement, sum("pending") > 0 ? "warn" : "");
    say("t-dead", number(sum("dead")));
    level($("t-dead").parentElement, sum("dead") > 0 ? "bad" : "");
    showCards(services);
    document.title = `${how === "good" ? "✓" : "!"} ${up} of ${services.length} up · Holdwater`;
    complain("");
  } catch (error) {
    level($("banner"), "bad");
    complain(`Holdwater does not answer this page (${error.message}). What is shown is from ${clock(now())} or before.`);
  }
}

keep(look);
