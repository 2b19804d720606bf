/**
 * The one stylesheet. Colours are variables, which an operator may set anew (docs/privacy-centre.md); every pair of text
 * and ground has a contrast of 4.5 and more, in light and in dark (WCAG 2.2, 1.4.3).
 */
export const STYLE = `
:root{color-scheme:light dark;--ground:#f6f7f6;--surface:#ffffff;--text:#1c2321;--quiet:#55605c;--line:#d5dbd8;
--accent:#0b5d4a;--on-accent:#ffffff;--accent-soft:#e3f0ec;--warn:#8a3b12;--warn-soft:#fdf0e7;--radius:10px;--width:46rem}
@media (prefers-color-scheme:dark){:root{--ground:#121615;--surface:#1a201e;--text:#e7ecea;--quiet:#a3b0ab;--line:#37413d;
--accent:#6fd3b8;--on-accent:#06231b;--accent-soft:#173029;--warn:#f3b48c;--warn-soft:#33231a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);
font:1rem/1.65 system-ui,-apple-system,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Noto Sans SC",sans-serif;overflow-wrap:break-word}
.wrap{max-width:var(--width);margin:0 auto;padding:0 1rem}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:4px}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-999px;top:.5rem;background:var(--surface);padding:.5rem 1rem;z-index:2}
.skip:focus{left:1rem}
header.top{background:var(--surface);border-bottom:1px solid var(--line)}
header.top .wrap{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:center;justify-content:space-between;padding-top:.75rem;padding-bottom:.75rem}
.brand{font-weight:650;font-size:1.1rem;text-decoration:none;color:var(--text)}
.brand .shop{display:block;font-size:.85rem;font-weight:400;color:var(--quiet)}
.tools{display:flex;gap:.5rem;align-items:center}
nav.own{background:var(--surface);border-bottom:1px solid var(--line)}
nav.own ul{list-style:none;margin:0 auto;padding:.35rem 1rem;max-width:var(--width);display:flex;flex-wrap:wrap;gap:.15rem 0}
nav.own a{display:block;padding:.4rem .5rem;white-space:nowrap;border-radius:999px;text-decoration:none;color:var(--text)}
nav.own a:hover{background:var(--accent-soft)}
nav.own a[aria-current]{background:var(--accent);color:var(--on-accent)}
main{padding:1.5rem 0 3rem;min-height:60vh}
h1{font-size:1.65rem;line-height:1.3;margin:.25rem 0 .75rem;text-wrap:balance}
h2{font-size:1.2rem;line-height:1.35;margin:2rem 0 .6rem}
h3{font-size:1.02rem;margin:0 0 .35rem}
p{margin:.5rem 0;max-width:40em}
.lead{font-size:1.08rem;color:var(--quiet)}
.quiet{color:var(--quiet);font-size:.92rem}
.card{background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);padding:1rem 1.1rem;margin:.75rem 0}
.card>:last-child{margin-bottom:0}
.card>:first-child,.card h2,.card h3{margin-top:0}
.card h2{font-size:1.1rem;margin-bottom:.35rem}
.grid{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr));list-style:none;padding:0;margin:.75rem 0}
.grid .card{margin:0;display:flex;flex-direction:column;align-items:flex-start}
.grid .card>p{flex:1}
.grid .card>p:last-child{flex:none}
.note,.alert{border-left:4px solid var(--accent);background:var(--accent-soft);padding:.7rem 1rem;border-radius:6px;margin:1rem 0}
.alert{border-color:var(--warn);background:var(--warn-soft)}
.note>p,.alert>p{margin:.25rem 0}
.wrong{color:var(--warn);font-weight:600;margin:.25rem 0}
[aria-invalid=true]{border-color:var(--warn)}
dl{margin:.5rem 0}
dl.facts{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:.3rem 1rem}
dl.facts dt{color:var(--quiet)}
dl.facts dd{margin:0}
.tag{display:inline-block;border:1px solid var(--line);border-radius:.8rem;padding:.05rem .65rem;font-size:.88rem;background:var(--ground)}
.tag.yes{border-color:var(--accent);color:var(--accent);background:var(--accent-soft)}
.tag.no{border-color:var(--warn);color:var(--warn);background:var(--warn-soft)}
button,.button{font:inherit;display:inline-block;min-height:2.75rem;padding:.5rem 1.1rem;border-radius:8px;border:1.5px solid var(--accent);
background:var(--surface);color:var(--accent);cursor:pointer;text-decoration:none;line-height:1.5;text-align:center}
button:hover,.button:hover{background:var(--accent-soft)}
button.main,.button.main{background:var(--accent);color:var(--on-accent)}
button.main:hover,.button.main:hover{filter:brightness(1.1)}
button.danger{border-color:var(--warn);color:var(--warn)}
button.small{min-height:2.75rem;padding:.35rem .8rem;font-size:.92rem}
button.plain{border-color:transparent;background:none}
button[aria-pressed=true]{background:var(--accent);color:var(--on-accent)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.6rem;max-width:26rem;margin:.75rem 0 0}
.pair form{display:contents}
form{margin:0}
label,legend{font-weight:600}
.field{margin:1rem 0}
.field label{display:block;margin-bottom:.25rem}
.hint{display:block;font-weight:400;color:var(--quiet);font-size:.92rem}
input[type=text],input[type=email],input[type=tel],input[type=password],select,textarea{font:inherit;width:100%;max-width:30rem;min-height:2.75rem;padding:.45rem .7rem;
color:var(--text);background:var(--surface);border:1.5px solid var(--quiet);border-radius:8px}
textarea{min-height:9rem;max-width:100%;font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.85rem}
input.code{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;letter-spacing:.12em;max-width:16rem}
fieldset{border:1px solid var(--line);border-radius:var(--radius);padding:.75rem 1rem;margin:1rem 0;background:var(--surface)}
.tick{display:flex;gap:.6rem;align-items:flex-start;padding:.35rem 0;font-weight:400}
.tick input{width:1.35rem;height:1.35rem;margin:.15rem 0 0;accent-color:var(--accent);flex:none}
table{border-collapse:collapse;width:100%;margin:.75rem 0;background:var(--surface);border:1px solid var(--line)}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{overflow-wrap:break-word;text-align:left;vertical-align:top;padding:.55rem .75rem;border-bottom:1px solid var(--line)}
thead th{font-size:.9rem;color:var(--quiet);font-weight:600}
tbody th{font-weight:600}
td.count{font-variant-numeric:tabular-nums}
@media (max-width:40rem){
table,thead,tbody,tr,th,td,caption{display:block}
thead{position:absolute;left:-999rem}
tr{border-bottom:1px solid var(--line);padding:.5rem 0}
tr:last-child{border-bottom:0}
th,td{border:0;padding:.15rem .9rem}
td{display:flex;gap:.75rem}
td::before{content:attr(data-label);flex:none;width:5.5rem;color:var(--quiet);font-size:.9rem}
td.nothing{display:none}
dl.facts{grid-template-columns:1fr;gap:0}
dl.facts dd{margin:0 0 .5rem}
.pair{max-width:none}
}
ol.steps{list-style:none;padding:0;margin:1rem 0}
ol.steps li{position:relative;padding:0 0 .9rem 1.9rem;border-left:2px solid var(--line);margin-left:.5rem}
ol.steps li:last-child{border-left-color:transparent;padding-bottom:0}
ol.steps li::before{content:"";position:absolute;left:-.55rem;top:.35rem;width:1rem;height:1rem;border-radius:50%;background:var(--surface);border:2px solid var(--line)}
ol.steps li.done::before{background:var(--accent);border-color:var(--accent)}
ol.steps li.now::before{border-color:var(--accent);box-shadow:0 0 0 3px var(--accent-soft)}
ol.steps li.now{font-weight:600}
code,.mono,.item{overflow-wrap:anywhere}
code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:.9em}
.secret{display:block;background:var(--ground);border:1px dashed var(--quiet);border-radius:6px;padding:.5rem .75rem;user-select:all}
summary{cursor:pointer;padding:.4rem 0;font-weight:600}
ul.plain{list-style:none;padding:0;margin:.5rem 0}
ul.plain.card{padding:0}
ul.plain.card>li{padding:.7rem 1.1rem}
ul.plain>li{padding:.55rem 0;border-bottom:1px solid var(--line)}
ul.plain>li:last-child{border-bottom:0}
.row{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:center;justify-content:space-between}
.row>form{flex:none}
.plain>.row{flex-wrap:nowrap}
.plain>.row>:first-child{min-width:0}
.plain>.row>.button{flex:none}
.actions{display:flex;flex-wrap:wrap;gap:.6rem;margin:1rem 0}
.struck{text-decoration:line-through;color:var(--quiet)}
footer{border-top:1px solid var(--line);background:var(--surface);padding:1rem 0 2rem;font-size:.92rem}
footer form{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}
footer select{width:auto}
footer ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem}
footer ul a{display:inline-block;padding:.35rem 0}
@media print{header.top,nav.own,footer,form,.skip{display:none}body{background:#fff;color:#000}}
`
