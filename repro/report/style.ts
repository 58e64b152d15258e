// Promises the page's colours as data, light and dark, each pair of text and ground that occurs, and the style sheet made of them.
// Leaves proving the contrast of the pairs to a test and the elements to html.ts.

export type Palette = Readonly<Record<keyof typeof light, string>>;

export const light = {
  ground: "#ffffff",
  raised: "#f3f5f8",
  ink: "#1c2126",
  faint: "#535b64",
  line: "#8a929b",
  link: "#0a58b8",
  focus: "#0a58b8",
  good: "#14602c",
  goodGround: "#e3f4e7",
  bad: "#9b1c14",
  badGround: "#fde8e6",
  doubt: "#6f4a00",
  doubtGround: "#fdf1d6",
  lost: "#5b2a86",
  lostGround: "#f2e9fa",
};

export const dark: Palette = {
  ground: "#14171b",
  raised: "#1f242a",
  ink: "#e8ebee",
  faint: "#a9b2bc",
  line: "#79838e",
  link: "#8cc0ff",
  focus: "#8cc0ff",
  good: "#8fe0a5",
  goodGround: "#12301c",
  bad: "#ffb1a8",
  badGround: "#45171a",
  doubt: "#f2ce85",
  doubtGround: "#3a2b08",
  lost: "#d9b8f5",
  lostGround: "#33204a",
};

/** Text, ground: every pair that the page uses for words. */
export const pairs: readonly [keyof Palette, keyof Palette][] = [
  ...(["ink", "faint", "link"] as const).flatMap((text): [keyof Palette, keyof Palette][] => [
    [text, "ground"],
    [text, "raised"],
  ]),
  ["good", "goodGround"],
  ["bad", "badGround"],
  ["doubt", "doubtGround"],
  ["lost", "lostGround"],
];

const variables = (palette: Palette) =>
  Object.entries(palette).map(([name, value]) => `--${name}:${value}`).join(";");

/** A verdict's badge: its colours, and a border that is its shape; the mark and the word stand in its text. */
const badges: Record<string, string> = {
  good: "border-radius:99px;border-style:solid",
  bad: "border-radius:0;border-style:double;border-width:3px",
  doubt: "border-radius:6px;border-style:dashed",
  lost: "border-radius:0 9px 0 9px;border-style:solid",
  faint: "border-color:transparent;border-style:solid",
  gap: "border-radius:0;border-style:dotted",
};

const tones = Object.entries(badges).map(([tone, shape]) => {
  const colours = tone === "faint" || tone === "gap"
    ? "color:var(--faint);border-color:var(--line)"
    : `color:var(--${tone});background:var(--${tone}Ground);border-color:var(--${tone})`;
  return `.badge.${tone}{${colours};${shape}}`;
}).join("\n");

export const css = `:root{color-scheme:light dark;${variables(light)}}
@media (prefers-color-scheme:dark){:root{${variables(dark)}}}
@media print{:root{${variables(light)}}}
*{box-sizing:border-box}
html{scroll-padding-top:.5rem}
body{margin:0 auto;max-width:96rem;padding:0 1rem 4rem;background:var(--ground);color:var(--ink);font:15px/1.45 system-ui,"DejaVu Sans",Verdana,sans-serif}
h1{font-size:1.5rem;margin:1.2rem 0 .2rem}h2{font-size:1.3rem;margin:2rem 0 .4rem}h3{font-size:1.05rem;margin:1.6rem 0 .3rem}
h4{font-size:.95rem;margin:1rem 0 .3rem}
p{margin:.3rem 0;max-width:75ch}
a{color:var(--link)}
.faint{color:var(--faint)}.small{font-size:.85rem}
.skip{position:absolute;left:-99rem;top:0;background:var(--ground);padding:.5rem 1rem;z-index:9}
.skip:focus{left:0}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
[hidden]{display:none!important}
nav{columns:18rem;margin:.6rem 0}nav ul{margin:0;padding-left:1.2rem}nav li{break-inside:avoid}
form{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;background:var(--raised);border-bottom:1px solid var(--line);padding:.6rem;margin:1rem 0}
/* On a narrow window the filters take several lines: there they do not stay over what a link leads to. */
@media(min-width:64rem){html{scroll-padding-top:5rem}form{position:sticky;top:0;z-index:5}}
form label{display:grid;font-size:.8rem;color:var(--faint)}
input,select,button{font:inherit;color:var(--ink);background:var(--ground);border:1px solid var(--line);border-radius:4px;padding:.25rem .4rem}
button{cursor:pointer}
.scroll{overflow-x:auto;margin:.5rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.85rem}
th,td{border-bottom:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
thead th{background:var(--raised);white-space:nowrap}
tbody th{position:sticky;left:0;background:var(--ground);font-weight:600;min-width:7rem;z-index:1}
td>.cells{display:flex;gap:.4rem}
.cell{display:grid;gap:.05rem;text-align:left;min-width:6.4rem;padding:.25rem .35rem;white-space:nowrap;background:var(--ground);border-color:transparent;align-content:start}
.cell:hover{border-color:var(--link)}
.cell .ours{font-weight:600;font-size:1rem}
.cell .text{white-space:normal;max-width:16rem}
.cell.dim{visibility:hidden}
.badge{display:inline-block;justify-self:start;border-width:1.5px;padding:0 .45em;font-size:.78rem;line-height:1.5;white-space:nowrap}
${tones}
figure{margin:.5rem 0}figure .scroll{margin:0}figure img{display:block;background:#fff;border:1px solid var(--line)}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--raised);padding:.6rem;font-size:.8rem;margin:.4rem 0}
.list>li{margin:.7rem 0}.list{padding-left:1.2rem}
dialog{width:min(60rem,96vw);max-height:90vh;overflow:auto;color:var(--ink);background:var(--ground);border:2px solid var(--line);border-radius:6px;padding:1rem}
dialog::backdrop{background:rgba(0,0,0,.5)}
dialog h2{margin:0}dialog header{position:sticky;top:-1rem;background:var(--ground);padding:.3rem 0;display:flex;justify-content:space-between;gap:1rem;align-items:start}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem .8rem;margin:.4rem 0}dt{color:var(--faint)}dd{margin:0;overflow-wrap:anywhere}
dialog svg{display:block;max-width:100%;height:auto}
svg text{fill:var(--ink);font-size:11px}svg .axis{stroke:var(--line);fill:none}svg .curve{stroke:var(--link);fill:none;stroke-width:1.5}svg .bar{fill:var(--link)}
.maps{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(23.5rem,100%),1fr));gap:.5rem 1.5rem}.maps figure{min-width:0}figcaption{font-weight:600;font-size:.85rem}
svg.map{display:block;max-width:100%;height:auto}.map text{text-anchor:middle}.map .end{text-anchor:end}
.map path{fill:none;shape-rendering:crispEdges}.cells path{stroke-width:11}.dots path{stroke-linecap:round;shape-rendering:auto!important}.titles rect{fill:none;pointer-events:all}
.turnable{max-width:60rem}.stage{position:relative;width:100%;aspect-ratio:16/9;min-height:18rem;max-height:80vh;margin:.3rem 0}.stage canvas{width:100%;height:100%;display:block;cursor:grab;touch-action:pan-y;border-radius:6px}.stage canvas:active{cursor:grabbing}
.stage svg{position:absolute;overflow:visible;inset:0;width:100%;height:100%;pointer-events:none}.stage text{dominant-baseline:central;paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}.stage .title{font-weight:600}
.legend{display:flex;align-items:center;gap:.5rem}.legend i{width:10rem;height:.7rem;border:1px solid var(--line);print-color-adjust:exact}
@page{size:landscape;margin:10mm}
@media print{form,.skip,nav,dialog,.surfaces label,.surfaces figcaption button,.turnable{display:none!important}body{max-width:none;font-size:10px}table{font-size:7px}.cell{font-size:7px}.cell .ours{font-size:9px}.cells{flex-direction:column}th,td{padding:1px 3px}tbody th{min-width:0}.badge,.small{font-size:7px}table .badge{padding:0 2px}.scroll{overflow:visible}h2,h3{break-after:avoid}tr,figure{break-inside:avoid}.cell{min-width:0;padding:0}tbody th{position:static}details::details-content{content-visibility:visible}}
`;
