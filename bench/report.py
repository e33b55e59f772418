"""What was measured, as Markdown, JSON and a plot."""
import html
import json
import os
import platform
import textwrap

import peers

COLOURS = {"HAProxy": "#8a8f98", "ProxySQL": "#b08968", "MySQL Router": "#c9a227", "Holdwater, epoll": "#4f8fd0",
           "Holdwater, io_uring": "#1f5fae"}
ROW, BAR, LEFT, WIDTH, SCALE = 16, 11, 170, 760, 240  # pixels; SCALE: of 1.0


def markdown(tables):
    parts = []
    for head, rows in tables:
        parts.append("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
        parts += ["| " + " | ".join(row) + " |" for row in rows]
        parts.append("")
    return "\n".join(parts)


def setting(options):
    versions = ", ".join(f"{name} {peers.version_of(name)}" for name in ("MariaDB", "HAProxy", "MySQL Router", "ProxySQL")
                         if name in ("MariaDB", "HAProxy") or (name == "MySQL Router" and peers.router_program()))
    return (f"{options.rounds} interleaved rounds of {options.seconds} s, medians; {os.cpu_count()} processors, "
            f"Linux {platform.release()}; {versions}; one thread of work for each proxy")


def write(folder, tables, rows, options):
    with open(os.path.join(folder, "results.json"), "w") as file:
        json.dump({"setting": setting(options), "cases": rows}, file, indent=1)
    with open(os.path.join(folder, "results.md"), "w") as file:
        file.write(setting(options) + "\n\n" + "\n".join(markdown(one) for one in tables.values()))
    if "point" in rows:
        with open(os.path.join(folder, "results.svg"), "w") as file:
            file.write(plot(rows["point"], setting(options)))


def plot(rows, caption):
    """CPU per query of each proxy, a group of bars for each kind of load; 1.0 is the first proxy's."""
    groups = list(dict.fromkeys((row["form"], row["clients"]) for row in rows))
    names = list(dict.fromkeys(row["peer"] for row in rows))
    cell = {(row["peer"], row["form"], row["clients"]): row["ratio"] for row in rows}
    parts, y = [], 58
    for at, name in enumerate(names):
        x = LEFT + at * 140
        parts.append(f'<rect x="{x}" y="30" width="10" height="10" fill="{COLOURS.get(name, "#777")}"/>'
                     f'<text x="{x + 15}" y="39">{html.escape(name)}</text>')
    top = y
    for form, clients in groups:
        parts.append(f'<text x="{LEFT - 10}" y="{y + ROW * len(names) / 2 + 4}" text-anchor="end">'
                     f'{form}, {clients} client{"s" if clients > 1 else ""}</text>')
        for name in names:
            value = cell[name, form, clients]
            length = min(value, (WIDTH - LEFT - 60) / SCALE) * SCALE
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS.get(name, "#777")}"/>'
                         f'<text x="{LEFT + length + 5:.1f}" y="{y + BAR - 1}" class="value">{value:.2f}</text>')
            y += ROW
        y += 10
    line = f'<line x1="{LEFT + SCALE}" y1="{top - 6}" x2="{LEFT + SCALE}" y2="{y - 6}" class="one"/>'
    for sentence in textwrap.wrap(caption, 130):
        y += 13
        parts.append(f'<text x="10" y="{y}" class="note">{html.escape(sentence)}</text>')
    style = ("text{font:12px sans-serif;fill:#24292f}.value{font-size:10px;paint-order:stroke;stroke:#fff;stroke-width:3px}"
             ".title{font-weight:bold}.note{font-size:9.5px;fill:#57606a}.one{stroke:#57606a;stroke-dasharray:3 3}")
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 12}" viewBox="0 0 {WIDTH} {y + 12}">'
            f'<style>{style}</style><rect width="100%" height="100%" fill="#ffffff"/>'
            f'<text x="10" y="18" class="title">CPU of the proxy per point select, 1.0 is HAProxy in tcp mode (less is better)</text>'
            + line + "".join(parts) + "</svg>\n")
