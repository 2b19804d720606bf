import { cruise, type ICruiseResult, type IRegularForbiddenRuleType } from 'dependency-cruiser'

/** Who may import whom, as regular expressions over paths below the root. One rule, one sentence of docs/architecture.md. */
export type ImportRule = IRegularForbiddenRuleType & { readonly name: string; readonly comment: string }

const npm = (...names: string[]): string => `(^|/)node_modules/(${names.join('|')})/`

/** No clock, database, file or network: what decides, protects and computes. */
const PURE = [
  '^src/event/',
  '^src/protect/',
  '^src/policy/(?!(load|registry)\\.ts$)',
  '^src/consent/(decide|view|apply-choice)\\.ts$',
  '^src/consent/signals/',
  '^src/identity/(blind-index|normalise|normalised|normalise-email|normalise-phone|entropy)\\.ts$',
  '^src/totals/order-count\\.ts$',
  '^src/modules/attribution/(facts|personal|path|credit|tally|channels|channels-document)\\.ts$',
  '^src/audit/(tree|tiles|tile-paths|bundles|verifier-key|note|checkpoint|jcs|tlog-proof|format-error|decisions|detail)\\.ts$',
  '^src/officers/(throttle-policy|password-rules|common-passwords|roles)\\.ts$',
  '^src/disclosures/state\\.ts$',
  '^src/incidents/(clocks|law-clocks|zone|places|incident|notice-wording|notice-en|notice-zh)\\.ts$',
  '^src/rights/(state|due|days|calendars|calendar-cn|calendar-us|regimes|request|reasons|reason-texts)\\.ts$',
  '/due\\.ts$',
]

/** Files that hold queries: everybody else is handed what a query found. */
const QUERIES = [
  '^src/(db|audit|consent|destinations|disclosures|eventlog|identity|incidents|keys|mail|modules|officers|pipeline|retention|rights|totals|cli)/',
  '^src/policy/registry\\.ts$',
  '^src/privacy/data/',
  '^src/http/(sources|tokens|tables|authenticate|deps)\\.ts$',
  '^src/(app|main)\\.ts$',
]

export const importRules: readonly ImportRule[] = [
  {
    name: 'everything-resolves',
    comment: 'An import that leads nowhere is checked by no other rule.',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'no-cycles',
    comment: 'Of two files one is the lower one, types included.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'event-imports-nothing',
    comment: 'The vocabulary is below everything.',
    from: { path: '^src/event/' },
    to: { pathNot: '^src/event/' },
  },
  {
    name: 'protect-imports-only-crypto',
    comment: 'Sealing can be reviewed without reading anything else.',
    from: { path: '^src/protect/' },
    to: { pathNot: ['^src/(event|protect)/', '^crypto$'] },
  },
  {
    name: 'pure-stays-pure',
    comment: 'What decides knows no clock, database, file or network.',
    from: { path: PURE },
    to: {
      pathNot: [
        ...PURE,
        '^src/errors\\.ts$',
        '^(crypto|url)$',
        npm('zod', 'yaml', '@node-rs/xxhash', 'libphonenumber-js'),
      ],
    },
  },
  {
    name: 'express-only-in-http',
    comment: 'Nothing but the edge knows how we are asked.',
    from: { pathNot: '^src/(http|privacy)/' },
    to: { path: npm('express', 'helmet') },
  },
  {
    name: 'jose-only-at-tokens',
    comment:
      'Where tokens of subjects and machines are checked, where the keys that check them are registered, where a copy of the keys is sealed, where receipts are signed and checked.',
    from: {
      pathNot:
        '^src/(identity/subject-token|cli/source|keys/backup-file|officers/service-(assertion|keys)|rights/erasure/receipt|rights/verify-receipt|rights/verify/(mandate|session-token))\\.ts$',
    },
    to: { path: npm('jose') },
  },
  {
    name: 'pg-only-in-db',
    comment: 'Type parsers and pools are set once.',
    from: { pathNot: '^src/db/' },
    to: { path: npm('pg') },
  },
  {
    name: 'drizzle-only-at-queries',
    comment: 'Queries are functions next to their table.',
    from: { pathNot: ['^src/db/', '/tables\\.ts$', '^src/http/(sources|tokens)\\.ts$', '^src/policy/registry\\.ts$'] },
    to: { path: [npm('drizzle-orm'), '^src/db/drizzle\\.ts$'] },
  },
  {
    name: 'database-only-at-queries',
    comment: 'Routes, protocols and everything pure reach the database through what they are given.',
    from: { pathNot: QUERIES },
    to: { path: '^src/db/' },
  },
  {
    name: 'tables-stay-home',
    comment: 'A table has one owner, who offers functions.',
    from: { path: '^(.+)/[^/]+$' },
    to: { path: '/tables\\.ts$', pathNot: '^$1/tables\\.ts$' },
  },
  {
    name: 'modules-know-nobody',
    comment: 'A module is given pseudonyms and fields: never an identifier, a key or consent.',
    from: { path: '^src/modules/' },
    to: { path: '^src/(keys|consent|identity|http|protect|pipeline|eventlog|audit|totals|cli)/' },
  },
  {
    name: 'modules-know-no-module',
    comment: 'Two modules that could join would.',
    from: { path: '^src/modules/([^/]+)/' },
    to: { path: '^src/modules/[^/]+/', pathNot: '^src/modules/$1/' },
  },
  {
    name: 'the-demo-is-a-client',
    comment: 'It sees of Weir what a shop and its officers see: HTTP and the command line.',
    from: { path: '^src/demo/' },
    to: { path: '^src/', pathNot: ['^src/demo/', '^src/errors\\.ts$'] },
  },
  {
    name: 'xxhash-only-to-balance',
    comment: 'It is no cryptographic hash: sharding of intake and the fingerprint of the policy, nothing else.',
    from: { pathNot: ['^src/pipeline/intake\\.ts$', '^src/policy/compile\\.ts$'] },
    to: { path: npm('@node-rs/xxhash') },
  },
  {
    name: 'sdk-and-console-take-types-of-events',
    comment: 'They are shipped to browsers.',
    from: { path: '^src/(sdk|console)/' },
    to: { path: '^src/', pathNot: ['^src/event/', '^src/(sdk|console)/'] },
  },
  {
    name: 'sdk-and-console-take-only-types',
    comment: 'They are shipped to browsers.',
    from: { path: '^src/(sdk|console)/' },
    to: { path: '^src/event/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'the-root-is-on-top',
    comment: 'Wiring is done in one place that nothing depends on.',
    from: { pathNot: ['^src/(main|app)\\.ts$', '^src/cli/'] },
    to: { path: '^src/((main|app)\\.ts$|cli/)' },
  },
  {
    name: 'src-runs-without-tests',
    comment: 'npm ci --omit=dev must run.',
    from: { path: '^src/' },
    to: { path: '^test/' },
  },
  {
    name: 'src-runs-without-dev-dependencies',
    comment:
      'npm ci --omit=dev must run. The demo loads the SDK that it sends through when it is called, or says what to do.',
    from: { path: '^src/', pathNot: '^src/demo/sdk\\.ts$' },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
  },
  {
    name: 'process-is-global',
    comment: 'So that the search for process.env finds it.',
    from: { path: '^src/' },
    to: { path: '^process$' },
  },
]

/** Follows the imports of `root`/src, types included, and holds them against the rules. */
export async function cruiseImports(root: string): Promise<ICruiseResult> {
  const { output } = await cruise(['src'], {
    baseDir: root,
    ruleSet: { forbidden: [...importRules] },
    validate: true,
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  })
  if (typeof output === 'string') throw new TypeError('dependency-cruiser answered with a text')
  return output
}
