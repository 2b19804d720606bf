import type { Server } from 'node:http'
import type { PlainEntry } from './audit/entry.ts'
import { appendEntries, createAudit } from './audit/log.ts'
import { logSigningKey } from './audit/log-key.ts'
import { readAuditEntries } from './audit/read.ts'
import { createSequencer, type Sequencer } from './audit/sequencer.ts'
import { parseVerifierKey, type VerifierKey } from './audit/verifier-key.ts'
import type { Config } from './config.ts'
import { recordEvidence } from './consent/evidence.ts'
import { type ConsentDeps, readConsent, recordConsent } from './consent/service.ts'
import { lockRestriction } from './db/locks.ts'
import type { Db } from './db/pool.ts'
import { transaction } from './db/transaction.ts'
import { watchRecipients } from './destinations/metrics.ts'
import { createDisclosures } from './disclosures/desk.ts'
import { createDpoMail } from './disclosures/dpo-mail.ts'
import { watchDisclosures } from './disclosures/metrics.ts'
import { AppError } from './errors.ts'
import type { SubjectId } from './event/ids.ts'
import { type ActivePolicy, prepareStorage } from './eventlog/partitions.ts'
import type { HttpDeps, Readiness } from './http/deps.ts'
import { createHttp } from './http/server.ts'
import { createNewSubjectLimit } from './identity/new-subjects.ts'
import { createSubjectTokens } from './identity/subject-token.ts'
import { createIncidents } from './incidents/desk.ts'
import { expireIncidents } from './incidents/expire.ts'
import { watchIncidents } from './incidents/metrics.ts'
import { keyBackupAge, uncopiedKeys } from './keys/backup.ts'
import { keepIndex } from './keys/keep-index.ts'
import { type Keyring, openKeyring } from './keys/keyring.ts'
import type { KeyProvider } from './keys/provider.ts'
import { type KeysKept, keepKeys } from './keys/schedule.ts'
import { keysStatus } from './keys/status.ts'
import type { Logger } from './log.ts'
import { createMailer } from './mail/mail.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { attributionWith } from './modules/attribution/attribution.ts'
import { loadChannels } from './modules/attribution/load-channels.ts'
import type { Module } from './modules/module.ts'
import { recommendation } from './modules/recommendation/recommendation.ts'
import { createOfficers, officerDeps } from './officers/officers.ts'
import { atMost } from './pipeline/at-most.ts'
import { createAuditDesk } from './pipeline/audit-desk.ts'
import { addCostsFor, readCreditFor } from './pipeline/credit-report.ts'
import type { BatchDeps } from './pipeline/deliver-batch.ts'
import { createDelivery, type Delivery } from './pipeline/delivery.ts'
import { explainDecision } from './pipeline/explain-decision.ts'
import { createFlowProbe } from './pipeline/flow-probe.ts'
import { createIntake, type Intake } from './pipeline/intake.ts'
import { createPolicyShelf, type PolicyShelf } from './pipeline/policy-shelf.ts'
import { createPseudonymisers, type Pseudonymisers } from './pipeline/pseudonymisers.ts'
import { createReadiness } from './pipeline/readiness.ts'
import { recommend } from './pipeline/recommend.ts'
import { finishRenewals } from './pipeline/renew-subject-key.ts'
import { createTellers, type Tellers } from './pipeline/tellers.ts'
import { withVersion } from './policy/compile.ts'
import { type LoadedPolicy, loadPolicy } from './policy/load.ts'
import { activateVersion, activeVersion, createPolicyArchive, registerPolicy } from './policy/registry.ts'
import { createPrivacyCentre } from './privacy/center.ts'
import { readShopTexts } from './privacy/shop-texts.ts'
import type { Pseudonymiser } from './protect/pseudonymise.ts'
import { maintain } from './retention/maintain.ts'
import { readRuling } from './retention/ruling.ts'
import { createDriftWatch } from './retention/watch-drift.ts'
import { createExports } from './rights/access/desk.ts'
import { createAsking } from './rights/asking.ts'
import type { AskingDeps } from './rights/asking-deps.ts'
import { cancelRequest } from './rights/cancel.ts'
import { refuseForgotten } from './rights/erasure/guard.ts'
import { createErasureLedger, installationOf } from './rights/erasure/ledger-file.ts'
import { tendStatutory } from './rights/holds/tend.ts'
import { createHolds } from './rights/holds.ts'
import { tidyRequests } from './rights/housekeeping.ts'
import { createLift, liftAnnounced } from './rights/lift.ts'
import { createMessageWorker } from './rights/messages/worker.ts'
import { watchRequests } from './rights/metrics.ts'
import { createOutside } from './rights/protocols/outside.ts'
import { createRequestQueue } from './rights/queue.ts'
import { createRights, type Rights } from './rights/rights.ts'
import type { SmsProvider } from './rights/sms/provider.ts'
import { addTotalsFor, readTotalsFor } from './totals/service.ts'
import type { Worker } from './work-loop.ts'

export interface AppOptions {
  /** `delivery`: whether this node delivers, for /readyz to say; it does where nothing is said. */
  readonly config: Pick<Config, 'mode' | 'policyDir' | 'http' | 'rights'> &
    Partial<Pick<Config, 'delivery' | 'audit' | 'mail' | 'opendsr' | 'shopName'>>
  /** Where mail is handed over; absent: none is sent. */
  readonly smtpUrl?: string | undefined
  /** How people are sent SMS; absent: they are not. */
  readonly sms?: SmsProvider | undefined
  /** The gateway's own role; migrations have run. */
  readonly db: Db
  readonly keys: KeyProvider
  readonly log: Logger
  /** The clock: tests replace it, nothing else. */
  readonly now?: () => number
  /** Said after each commit, where delivery runs in another process. */
  readonly committed?: () => void
  readonly metricsText?: () => Promise<string>
  readonly modules?: readonly Module[]
}

/** The gateway, wired: nothing listens or runs until it is told to. */
export interface App {
  readonly server: Server
  readonly intake: Intake
  readonly delivery: Delivery
  readonly sequencer: Sequencer
  /** Mail to the data protection officer; absent where none can be sent. */
  readonly mail: Worker | undefined
  /** What carries people's requests out. */
  readonly rights: Rights
  readonly metrics: Metrics
  readonly policies: PolicyShelf
  readonly active: () => ActivePolicy
  /** By what a module is to know people, once what it holds is under the active root. */
  readonly pseudonymiserOf: (module: Pick<Module, 'name' | 'purpose'>) => Pseudonymiser
  ready(): Promise<Readiness>
  /** Looks whether keys were rolled or destroyed elsewhere; asked every few seconds. */
  refreshKeys(): Promise<void>
  /** Partitions of the days to come, due ones dropped, old probes and idle subjects gone. */
  maintain(signal?: AbortSignal): Promise<void>
}

const PROBE = 'flow_probe'
const HOUR_MS = 3_600_000
const MAX_REPORTS = 3 // of ten connections: what answers people has the others

/** The composition root: the one place where the parts meet. Throws AppError with one line where it must not start (law 9). */
export async function createApp(options: AppOptions): Promise<App> {
  const { db, log, config } = options
  const now = options.now ?? Date.now
  const keyring = await openKeyring(db, options.keys)
  if (config.mode === 'production' && !(await keyBackupAge(db, now())).found) {
    log.warn(
      'no verified copy holds every key in use: without one a loss of the root loses everything; run weir keys backup',
    )
  }
  const ledger = createErasureLedger(config.rights.ledger, installationOf(keyring))
  await refuseForgotten(db, ledger, log)
  const loaded = await loadPolicy(config.policyDir, { now: new Date(now()) })
  const channels = await loadChannels(config.policyDir)
  const shopTexts = await readShopTexts(config.policyDir)
  const modules = options.modules ?? [attributionWith(channels), recommendation]
  refuseUnhosted(loaded, modules)
  let active = await activate(db, loaded, now)
  const policies = createPolicyShelf()
  const tellers = createTellers()
  const metrics = createMetrics()
  const sequencer = createSequencer({
    db,
    key: logSigningKey(keyring.auditKey),
    publicUrl: config.http.publicUrl,
    witnesses: (config.audit?.witnesses ?? []).map(({ url, vkey }) => ({ url, key: readWitnessKey(vkey) })),
    log,
    metrics,
  })
  const audit = createAudit({ db, keyring, now, catchUp: async () => void (await sequencer.step()) })
  const newSubjects = createNewSubjectLimit({ perMinute: 60, burst: 600, now })
  const verifySubjectToken = createSubjectTokens({ publicUrl: config.http.publicUrl, now })
  const pseudonymisers = createPseudonymisers(keyring)
  const archive = createPolicyArchive()
  const watchDrift = createDriftWatch({ db, metrics, log })

  const hosted = (): BatchDeps[] =>
    destinationsOf({ db, keyring, policies, tellers, active, modules, pseudonymisers, now })
  const delivery = createDelivery({
    destinations: hosted,
    purge: { db, keyring, active: () => active, policies },
    metrics,
    log,
    now,
  })
  const committed = (): void => {
    delivery.nudge()
    options.committed?.()
  }
  const consent: ConsentDeps = {
    db,
    keyring,
    active: () => active,
    audit,
    verifySubjectToken,
    newSubjects,
    now,
    restricted: committed,
  }
  const intake = createIntake({
    db,
    keyring,
    active: () => active,
    newSubjects,
    now,
    metrics,
    log,
    queueLimit: config.http.queueLimit,
    verifySubjectToken,
    recordEvidence: (item) => recordEvidence(consent, item),
    committed,
  })
  const probe = createFlowProbe({
    db,
    destinationId: active.destinationIds.get(PROBE)!,
    policyVersion: () => active.compiled.version,
    nudge: committed,
  })
  const ready = createReadiness({
    db,
    keyring,
    delivers: config.delivery ?? true,
    flows: () => probe.passes(),
    auditTrouble: () => sequencer.trouble(),
    ...(config.mode === 'production' ? { keyBackupAge: () => keyBackupAge(db, now()) } : {}),
  })
  const officers = officerDeps({ db, keyring, audit, publicUrl: config.http.publicUrl, now })
  const dpoMail = createDpoMail({ db, config, smtpUrl: options.smtpUrl, log, now })
  watchDisclosures(metrics.registry, db, now)
  watchIncidents(metrics.registry, { db, policies, now })
  watchRecipients(metrics.registry, { db, now })
  const { coolingHours } = config.rights
  const ways = { mail: options.smtpUrl !== undefined && config.mail !== undefined, sms: options.sms !== undefined }
  const told = (): void => rights.nudge()
  const mailer =
    options.smtpUrl === undefined || config.mail === undefined
      ? undefined
      : createMailer({ smtpUrl: options.smtpUrl, from: config.mail.from })
  const shopName = config.shopName ?? new URL(config.http.publicUrl).host
  const messages = createMessageWorker({
    db,
    keyring,
    publicUrl: config.http.publicUrl,
    shopName,
    now,
    log,
    sms: options.sms,
    mailer,
  })
  const outside = await createOutside({
    db,
    keyring,
    now,
    log,
    mode: config.mode,
    publicUrl: config.http.publicUrl,
    opendsr: config.opendsr ?? { keyFile: undefined, certFile: undefined },
  })
  const rights = createRights(
    {
      db,
      keyring,
      audit,
      sequencer,
      active: () => active,
      policies,
      pseudonymisers,
      holders: hosted,
      now,
      log,
      publicUrl: config.http.publicUrl,
      ledger,
      coolingMs: coolingHours * HOUR_MS,
      horizon: async () =>
        (await keysStatus({ db, provider: options.keys }, active.compiled.keys, now())).horizon.unrecoverableAfter,
      committed,
      channels: ways,
      told,
      metrics: watchRequests(metrics.registry, { db, now }),
    },
    [messages, ...outside.workers],
  )
  const asking: AskingDeps = {
    db,
    keyring,
    audit,
    active: () => active,
    now,
    log,
    publicUrl: config.http.publicUrl,
    channels: ways,
    told,
    due: told,
    committed,
  }
  const holding = { db, keyring, audit, officers, active: () => active, policies, now }
  const lifting = { db, keyring, active: () => active, now, committed, told }
  const lift = createLift(lifting)
  const exports = createExports({ ...rights.deps, told })
  const deps: HttpDeps = {
    db,
    config: { publicUrl: config.http.publicUrl, trustProxy: config.http.trustProxy, mode: config.mode },
    now,
    policy: () => active.compiled,
    submit: (request) => intake.submit(request),
    recordConsent: (input) => recordConsent(consent, input),
    readConsent: (input) => readConsent(consent, input),
    recommend: (input) => recommend({ ...consent, pseudonymisers, module: recommendation }, input),
    explainDecision: (query) => explainDecision({ db, keyring, policies, audit }, query),
    readTotals: (query) => readTotalsFor({ db, audit }, query),
    addTotals: (input) => addTotalsFor({ db }, input),
    readCredit: atMost(MAX_REPORTS, (ask) => readCreditFor({ db, audit, active: () => active, channels, now }, ask)),
    addCosts: (input) => addCostsFor({ db }, input),
    auditEntries: (query) => readAuditEntries({ db, audit, sequencer }, query),
    audit: createAuditDesk({
      db,
      audit,
      sequencer,
      keyring,
      policies,
      classNames: () => active.classNames,
      verifySubjectToken,
    }),
    keyHorizon: async () => (await keysStatus({ db, provider: options.keys }, active.compiled.keys, now())).horizon,
    officers: createOfficers(officers),
    disclosures: createDisclosures({
      db,
      keyring,
      audit,
      officers,
      active: () => active,
      policies,
      pseudonymisers,
      now,
      ...dpoMail,
    }),
    incidents: createIncidents({ db, keyring, audit, policies, now }),
    requests: createAsking(asking),
    exports,
    requestQueue: createRequestQueue({
      db,
      keyring,
      audit,
      active: () => active,
      now,
      committed,
      acted: () => rights.nudge(),
    }),
    holds: createHolds(holding),
    lift,
    rightsDoors: outside.doors({
      due: told,
      cancel: async (id, controller) => void (await cancelRequest(asking, { id, by: { controller } })),
    }),
    privacy: createPrivacyCentre({
      ...asking,
      sequencer,
      consent,
      holders: hosted,
      pseudonymisers,
      recommendation,
      mailer,
      sms: options.sms,
      lift,
      exports,
      texts: shopTexts,
      shopName,
    }),
    async recordRefusal({ actor, action, route }) {
      const entry = { action, resource: `route:${route}`, purpose: 'access', outcome: 'refused' } as const
      await audit.append({ ...entry, actor: `${actor.kind}:${actor.id}` })
    },
    health: { ready },
    metrics: options.metricsText ?? (() => metrics.registry.metrics()),
    countInvalid: (_source, count) => metrics.outcome('invalid', count),
    log,
  }
  /** What an older root of the index alone finds is indexed anew before that root goes, and its rows go after it. */
  async function keepKeysAndIndex(signal: AbortSignal | undefined): Promise<KeysKept> {
    await keepIndex({ db, keyring }, { signal })
    const kept = await keepKeys(
      { db, provider: options.keys, keyring, now, actor: 'weir', signal },
      active.compiled.keys,
    )
    await keepIndex({ db, keyring }, { signal })
    return kept
  }

  return {
    server: createHttp(deps),
    intake,
    delivery,
    sequencer,
    mail: dpoMail.worker,
    rights,
    metrics,
    policies,
    active: () => active,
    pseudonymiserOf({ name, purpose }) {
      const rollingDays = active.compiled.destinations.find((one) => one.name === name)?.rollingDays
      return pseudonymisers({ name, purpose }, { kid: keyring.pseudonym.active.kid, rollingDays })
    },
    ready,
    async refreshKeys() {
      await keyring.refresh()
    },
    async maintain(signal) {
      const today = dayOf(now())
      await keepKeysAndIndex(signal)
        .then((kept) => log.info(kept, 'the keys are as the policy wants them'))
        .catch((error: unknown) => log.error({ err: error }, 'the keys could not be kept as the policy wants them'))
      metrics.uncopiedKeys((await uncopiedKeys(db, now())).length)
      active = await prepareStorage(db, active.compiled, today)
      const { failed } = await finishRenewals({ db, keyring, classNames: active.classNames, now, actor: 'weir' })
      if (failed > 0) log.error({ people: failed }, 'old keys of people stay: what is sealed under them does not open')
      const { destinationIds } = active
      const ruling = await readRuling(db, { modules, now: now(), archive })
      const forget = (subject: SubjectId): void => keyring.forget(subject)
      const taken = await maintain({
        db,
        ruling,
        destinations: async () => hosted(),
        destinationIds,
        forget,
        signal,
        log,
        metrics,
      })
      await watchDrift(ruling)
      await tidyRequests(db, now())
      const rest = await tendStatutory(holding)
      if (rest.records > 0) log.info(rest, 'what a law or a hold kept is past its day')
      await liftAnnounced(lifting)
      const files = await expireIncidents(db)
      if (files > 0) log.info({ files }, 'files of incidents are past their three years')
      if (taken !== undefined) log.info({ taken }, 'housekeeping is done')
    },
  }
}

/** What is kept for a module that does not run here would be kept for nothing; under another purpose, for the wrong thing. */
function refuseUnhosted({ file, policy }: LoadedPolicy, modules: readonly Module[]): void {
  for (const { name, purpose, kind, where } of policy.destinations) {
    if (kind !== 'module') continue
    const module = modules.find((one) => one.name === name)
    if (module?.purpose === purpose) continue
    const what =
      module === undefined
        ? `no module \`${name}\` runs here: take the destination out`
        : `the module \`${name}\` serves another purpose: write purpose: ${module.purpose}`
    throw new AppError('invalid', `${file}:${where.line}:${where.column}: ${what}`, { code: 'policy-refused' })
  }
}

/** Registers the policy and makes it the one that decides: under the restriction lock, for it may forbid (law 3). */
async function activate(db: Db, loaded: LoadedPolicy, now: () => number): Promise<ActivePolicy> {
  const version = await transaction(db, async (tx) => {
    await tx.$client.query(
      `insert into weir.destination (name) select $1 where not exists (select from weir.destination where name = $1)
       on conflict do nothing`,
      [PROBE],
    )
    return registerPolicy(tx, loaded.policy, loaded.text)
  })
  const active = await prepareStorage(db, withVersion(loaded.policy, version), dayOf(now()))
  if ((await activeVersion(db)) !== version) {
    await transaction(db, async (tx) => {
      await lockRestriction(tx, active.allDestinationIds)
      await activateVersion(tx, version)
      await appendEntries(tx, [activated(version, loaded)])
    })
  }
  return active
}

function readWitnessKey(vkey: string): VerifierKey {
  try {
    return parseVerifierKey(vkey)
  } catch (cause) {
    const message = 'WEIR_AUDIT_WITNESSES names a key that is none: copy the line that weir audit witness prints'
    throw new AppError('invalid', message, { code: 'config', cause })
  }
}

function activated(version: number, { policy }: LoadedPolicy): PlainEntry {
  const more = { fingerprint: policy.fingerprint }
  return {
    actor: 'weir',
    action: 'policy.activate',
    resource: `policy:${version}`,
    purpose: 'policy',
    outcome: 'done',
    more,
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

interface Hosting {
  readonly db: Db
  readonly keyring: Keyring
  readonly policies: PolicyShelf
  readonly tellers: Tellers
  readonly active: ActivePolicy
  readonly modules: readonly Module[]
  readonly pseudonymisers: Pseudonymisers
  readonly now: () => number
}

/** The modules that the policy names, and the flow probe. */
function destinationsOf(hosting: Hosting): BatchDeps[] {
  const { db, keyring, policies, tellers, active, pseudonymisers, now } = hosting
  const shared = { db, keyring, policies, tellers, active, pseudonymisers, now }
  const named = hosting.modules.flatMap((module): BatchDeps[] => {
    const destinationId = active.destinationIds.get(module.name)
    if (destinationId === undefined) return []
    return [{ ...shared, destination: module.name, destinationId, module }]
  })
  const destinationId = active.destinationIds.get(PROBE)
  if (destinationId === undefined) return named
  return [...named, { ...shared, destination: PROBE, destinationId, module: undefined }]
}
