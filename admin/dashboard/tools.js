// What both pages use: words for numbers and times, and small tools. Everything that comes from the server is put in as text,
// never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
const states = ["up", "suspect", "down", "draining", "halted"];
const words = { up: "up", suspect: "being checked", down: "down", draining: "draining", halted: "halted" };
const statusLevels = { ok: "good", degraded: "warn", down: "bad" };
const levels = { up: "good", suspect: "warn", down: "bad", draining: "warn", halted: "bad" };

// --- words

const number = (n) => Math.round(n).toLocaleString("en");
const rate = (n) => (n >= 10 || n === 0 ? number(n) : n.toFixed(1));
const many = (n, one, more) => `${number(n)} ${n === 1 ? one : more || one + "s"}`;

function lasting(s) {
  s = Math.max(0, s);
  if (s < 1) return "less than a second";
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.floor(s / 60)} min ${Math.round(s % 60)} s`;
  if (s < 172800) return `${Math.floor(s / 3600)} h ${Math.round((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} days ${Math.round((s % 86400) / 3600)} h`;
}

function bytes(n) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (n >= 1024 && at < units.length - 1) { n /= 1024; at++; }
  return `${at === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[at]}`;
}

function millis(s) {
  if (s >= 1) return `${s.toFixed(1)} s`;
  return `${s >= 0.01 ? Math.round(s * 1000) : (s * 1000).toFixed(1)} ms`;
}

const within = (s) => (s > 0 ? millis(s) : "–"); // nothing came

function clock(when, withDay) {
  const at = new Date(when);
  const day = at.toDateString() !== new Date().toDateString() || withDay;
  const time = at.toLocaleTimeString("en-GB");
  return day ? `${at.getFullYear()}-${String(at.getMonth() + 1).padStart(2, "0")}-${String(at.getDate()).padStart(2, "0")} ${time}` : time;
}

const ago = (when) => lasting((now() - Date.parse(when)) / 1000);

// --- small tools

let skew = 0; // the server's clock, less ours
const now = () => Date.now() + skew;

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function draw(tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

function say(id, text) { if ($(id).textContent !== text) $(id).textContent = text; }
function show(id, yes) { $(id).hidden = !yes; }
function level(element, value) {
  if (value) element.setAttribute("data-level", value); else element.removeAttribute("data-level");
}

async function ask(path, method) {
  const answer = await fetch(path, { method: method || "GET", cache: "no-store", headers: { Accept: "application/json" } });
  const date = Date.parse(answer.headers.get("Date") || "");
  if (Math.abs(date - now()) > 3000) skew = date - Date.now();
  const body = await answer.json();
  if (!answer.ok && body.error) throw new Error(body.error);
  return body;
}

function complain(text) { show("lost", Boolean(text)); say("lost", text); }

// Again and again, a second apart.
async function keep(looking) {
  for (;;) {
    await looking();
    await new Promise((go) => setTimeout(go, document.hidden ? 5000 : 1000));
  }
}
