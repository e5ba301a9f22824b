// A song's sections: drawing them as the stepped line, and knowing in which one a moment lies.
const SVG = "http://www.w3.org/2000/svg";

// `sections` are lists of name, kind, start, duration and energy, as web.drawing.player_entry gives them.
export function drawForm(svg, entry) {
  svg.setAttribute("viewBox", `0 0 ${entry.duration} 10`);
  svg.replaceChildren(
    ...entry.sections.map(([, kind, start, duration, energy]) => {
      const path = document.createElementNS(SVG, "path");
      const width = Math.max(0.1, duration - entry.duration * 0.006);
      path.setAttribute("class", `k-${kind}`);
      path.setAttribute("d", `M${start} 10v-${energy * 10}h${width.toFixed(2)}V10z`);
      return path;
    }),
  );
}

export function sectionAt(entry, time) {
  return Math.max(0, entry.sections.findLastIndex(([, , start]) => start <= time + 0.01));
}

export function sectionName(entry, time) {
  return entry.sections[sectionAt(entry, time)]?.[0] ?? "";
}

// The beginning of the next section, or of this one or the one before it: pressing twice goes back twice.
export function sectionStart(entry, time, step) {
  const present = sectionAt(entry, time);
  const back = time - (entry.sections[present]?.[2] ?? 0) < 2 ? present - 1 : present;
  const wanted = entry.sections[step > 0 ? present + 1 : Math.max(0, back)];
  return wanted ? wanted[2] : null;
}
