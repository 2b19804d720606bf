import { createHash } from 'node:crypto'

/** Style of the page: light and dark, a phone's width, no font and no picture from anywhere. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2024;--soft:#5b636b;--paper:#fff;--edge:#d5dae0;--tint:#f3f5f7;--link:#0b57a4}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a4adb6;--paper:#16191c;--edge:#3a4148;--tint:#20252a;--link:#8ab8f0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.25}h2{font-size:1.25rem;margin-top:2.2rem;border-top:1px solid var(--edge);padding-top:1rem}h3{font-size:1.05rem}
a{color:var(--link)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem}
caption{text-align:left;color:var(--soft);padding:.3rem 0}
th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid var(--edge)}
th{background:var(--tint);font-weight:600}
td.n{text-align:right;font-variant-numeric:tabular-nums}
details{border:1px solid var(--edge);border-radius:.4rem;margin:.4rem 0;padding:.3rem .7rem}
summary{cursor:pointer}
dl{display:grid;grid-template-columns:minmax(8rem,14rem) 1fr;gap:.15rem .8rem;margin:.4rem 0}
dt{color:var(--soft)}dd{margin:0}
.soft{color:var(--soft)}
@media (max-width:40rem){dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
@media print{details{break-inside:avoid}}
`

/** What the page may do: show this style, and nothing else; no script, picture, form, frame or address. */
export const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE, 'utf8').digest('base64')}'; base-uri 'none'; form-action 'none'`
