/** The colours, light and dark; each of them can be set from outside by `--tidings-…`. */

/** @type {Record<string, [light: string, dark: string]>} */
const COLOURS = {
  surface: ["#ffffff", "#212121"],
  raised: ["#ffffff", "#2a2a2a"],
  sunken: ["#ecebe6", "#353535"],
  line: ["#dfddd6", "#3e3d3a"],
  ink: ["#1d1c1a", "#f0eee9"],
  muted: ["#5f5c55", "#b3afa6"],
  accent: ["#4650c8", "#a3abff"],
  "on-accent": ["#ffffff", "#14152b"],
  unread: ["#eef0fd", "#272937"],
  badge: ["#c8321f", "#ff8a78"],
  "on-badge": ["#ffffff", "#2b0a05"],
  alert: ["#c8321f", "#ff8a78"],
  notice: ["#fbf0d9", "#41361f"],
  shadow: [
    "0 2px 6px rgb(30 25 15 / 8%), 0 12px 32px rgb(30 25 15 / 14%)",
    "0 2px 6px rgb(0 0 0 / 40%), 0 12px 32px rgb(0 0 0 / 50%)",
  ],
  radius: ["14px", "14px"],
};

/** @param {0 | 1} which */
function declarations(which) {
  const lines = Object.entries(COLOURS).map(([name, values]) => `--_${name}: var(--tidings-${name}, ${values[which]});`);
  return `${lines.join(" ")} color-scheme: ${which ? "dark" : "light"};`;
}

// By the system's setting, unless the page says `theme="light"` or `theme="dark"`.
export const colours = `
:host { ${declarations(0)} }
@media (prefers-color-scheme: dark) { :host(:not([theme="light"])) { ${declarations(1)} } }
:host([theme="dark"]) { ${declarations(1)} }
`;
