/** How the report looks, on bright and dark screens. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1b1f24;--back:#fff;--grid:#dde1e6;--ok:#11723a;--not:#b3261e}
@media(prefers-color-scheme:dark){:root{--text:#e4e7eb;--back:#15181c;--grid:#30363d;--ok:#5bd18b;--not:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--back);max-width:1180px;margin:2em auto;padding:0 1em}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}
.plots{display:flex;flex-wrap:wrap;gap:1.2em}
figure{margin:0;flex:1 1 520px;max-width:600px}figcaption{font-weight:600;margin-bottom:.3em}
svg{width:100%;height:auto;font:11px system-ui,sans-serif}
svg text{fill:var(--text)}
svg line,svg polyline{fill:none;stroke-width:1.6}
.grid{stroke:var(--grid);stroke-width:1}.mark{stroke:var(--not);stroke-dasharray:3 3}.dashed{stroke-dasharray:5 4}
.s0{stroke:#3b6fd4}.s1{stroke:#e08214}.s2{stroke:#2a9d8f}.s3{stroke:#b5468b}.s4{stroke:#8a6d3b}.s5{stroke:#7d7fd1}
.b0{fill:#3b6fd4}.b1{fill:#e08214}.b2{fill:#2a9d8f}.b3{fill:#b5468b}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}
td,th{padding:.2em .6em;border-bottom:1px solid var(--grid);text-align:right;white-space:nowrap}
td:first-child,td:nth-child(2),th:first-child,th:nth-child(2){text-align:left}
.ok{color:var(--ok)}.not{color:var(--not);font-weight:600}
`;
