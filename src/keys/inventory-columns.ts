import type { KeyClass } from './provider.ts'

/** How what a column holds is protected. */
export type Suite =
  | 'AES-256-GCM' // under a key of the subject's, padded, bound to its place (protect/seal.ts)
  | 'AES-256-GCM wrap' // a key under another one (protect/subject-key.ts, keys/wrapping.ts)
  | 'HMAC-SHA-256/128' // keyed, truncated (identity/blind-index.ts, protect/pseudonymise.ts)
  | 'HMAC-SHA-256' // keyed (identity/blind-index.ts, secretHash)
  | 'argon2id over HMAC-SHA-256' // keyed, then slow (officers/password-hash.ts)
  | 'SHA-256' // of at least 128 random bits: nothing to guess
  | 'one-time pad' // xor with the unstored half of an HMAC (pipeline/group.ts, refOf)
  | 'none under a pseudonym' // the value as it is, in a row that names its person by a pseudonym alone
  | 'none' // nobody's: configuration, closed lists, person-free sums

export interface CoveredColumn {
  /** Of the policy; `any` for whatever class the row is of; `none` where it is nobody's. */
  readonly fieldClass: string
  readonly suite: Suite
  readonly keyClass: KeyClass | 'subject' | 'root' | 'none'
}

const sealed = (fieldClass: string): CoveredColumn => ({ fieldClass, suite: 'AES-256-GCM', keyClass: 'subject' })
const hashed = (keyClass: KeyClass, fieldClass = 'identity'): CoveredColumn => ({
  fieldClass,
  suite: 'HMAC-SHA-256/128',
  keyClass,
})
const pseudonym = hashed('pseudonym')
const clear = (fieldClass: string): CoveredColumn => ({
  fieldClass,
  suite: 'none under a pseudonym',
  keyClass: 'pseudonym',
})
const nobodys: CoveredColumn = { fieldClass: 'none', suite: 'none', keyClass: 'none' }
/** Addresses and seeds of officers, who are no subjects: under a key of their own, expanded from the token key. */
const ofOfficer: CoveredColumn = { fieldClass: 'officer', suite: 'AES-256-GCM', keyClass: 'token' }
const randomHash: CoveredColumn = { fieldClass: 'none', suite: 'SHA-256', keyClass: 'none' }

/** How long the rows of a table are kept, where it is not as long as the class of a column: a class, or words. */
export const KEPT: Readonly<Record<string, { readonly as: string } | string>> = {
  'weir.identifier': 'while the subject is known',
  'weir.subject_key': 'while the subject is known',
  'weir.consent_state': 'while the subject is known',
  'weir.consent_ledger': 'ledger_days after the subject is gone',
  'weir.event_log': 'until no class can have content of it',
  'weir.dedupe_0': '24 to 48 h',
  'weir.dedupe_1': '24 to 48 h',
  'weir.dead_letter': 'until settled, at the longest as its content',
  'weir.audit_queue': 'for good: moved into the tree',
  'weir.decision_queue': 'for good: moved into the tree',
  'weir.audit_entry': 'for good',
  'weir.audit_detail': 'while the subject is known',
  'weir.officer': 'for good; disabled, never deleted: the audit log names them',
  'weir.officer_recovery': 'until used or replaced',
  'weir.officer_session': 'at the longest 8 h',
  'weir.officer_challenge': '5 minutes',
  'weir.login_throttle': '24 h; 30 d where somebody signed in',
  'weir.service_assertion': '6 minutes',
  'weir.disclosure': 'for good: the audit log names it',
  'weir.disclosure_person': 'while the subject is known',
  'weir.mail_outbox': '30 d after it was sent',
  'weir.incident': '3 years after it was closed (Network Data Security Regulations 12, PIPL 56)',
  'weir.incident_event': '3 years after its incident was closed',
  'weir.key': 'for good; destroyed by the schedule of `keys`',
  'weir.request': 'for good: it names nobody',
  'weir.request_event': 'for good: it names nobody',
  'weir.request_content': 'until the request is over',
  'weir.request_proof': 'until the request is over',
  'weir.request_throttle': '24 h',
  'weir.request_token': '24 h after it expired',
  'weir.request_origin': 'for good: it names nobody',
  'weir.request_callback': 'until the request is over and told of',
  'weir.tombstone': 'to its day',
  'weir.recipient': 'while the subject is known: erased last',
  'weir.recipient_message': 'until the recipient has done it; then without content',
  'weir.struck_tag': 'while the subject is known',
  'statutory.remainder': 'to the day that its law says',
  'statutory.record': 'to the day that its law says',
  'statutory.hold': 'for good: why something was kept',
  'statutory.hold_export': 'for good: who was given what was kept',
  'attribution.touch': { as: 'behaviour' },
  'attribution.conversion': { as: 'order' },
  'attribution.link': 'while a subject of it is known',
  'recommendation.view': { as: 'behaviour' },
  'recommendation.cart_change': { as: 'behaviour' },
  'recommendation.order_line': { as: 'order' },
  'recommendation.order_return': { as: 'order' },
  'recommendation.basket': { as: 'order' },
  'recommendation.interest': 'as the rows that it sums',
  'recommendation.link': 'while a subject of it is known',
}

const entry = {
  actor: nobodys, // the number of an officer, a token or a source
  action: nobodys,
  resource: nobodys, // a kind and a reference
  purpose: nobodys,
  case_id: nobodys,
  outcome: nobodys,
  more: { fieldClass: 'identity', suite: 'HMAC-SHA-256/128', keyClass: 'subject' }, // of people a keyed tag of the month
} as const

/** What somebody wrote into the file of an incident: under a key of its own, expanded from the token key. */
const ofIncident: CoveredColumn = { fieldClass: 'incident', suite: 'AES-256-GCM', keyClass: 'token' }

/** What a request, a recipient's message or a remainder says: under a key of its own, destroyed when it is over. */
const ofRequest: CoveredColumn = { fieldClass: 'request', suite: 'AES-256-GCM', keyClass: 'subject' }
/** Another system's secret, under a key expanded from the token key. */
const foreignSecret: CoveredColumn = { fieldClass: 'none', suite: 'AES-256-GCM', keyClass: 'token' }

/** A table's columns of text, json or bytes. One that is missing here fails the build: say what it is before it is used. */
export const COVERED: Readonly<Record<string, Readonly<Record<string, CoveredColumn>>>> = {
  'weir.sealed': { bytes: sealed('any') },
  'weir.identifier': { index_key: hashed('index'), type: nobodys, sealed: sealed('identity') },
  'weir.subject': { kind: nobodys },
  'weir.subject_key': { wrapped: { fieldClass: 'none', suite: 'AES-256-GCM wrap', keyClass: 'epoch' } },
  'weir.key': {
    class: nobodys,
    state: nobodys,
    wrapped: { fieldClass: 'none', suite: 'AES-256-GCM wrap', keyClass: 'root' },
    check_value: { fieldClass: 'none', suite: 'HMAC-SHA-256', keyClass: 'none' },
    root_version: nobodys,
  },
  'weir.key_backup': { sealed_to: nobodys, keys: nobodys },
  'weir.link': { state: nobodys },
  'weir.consent_state': { secret_hash: { fieldClass: 'identity', suite: 'HMAC-SHA-256', keyClass: 'token' } },
  'weir.consent_ledger': { evidence: nobodys, proof: nobodys, notice_token: randomHash },
  'weir.event_log': {
    event_key: hashed('dedupe'),
    consent_ref: { fieldClass: 'identity', suite: 'one-time pad', keyClass: 'dedupe' },
    salt: randomHash, // 16 random bytes, of the decision's hash in the audit log
    removed: nobodys, // numbers of fields that the policy names
    blobs: nobodys, // numbers of classes and days
  },
  'weir.dedupe_0': { key: hashed('dedupe') },
  'weir.dedupe_1': { key: hashed('dedupe') },
  'weir.dead_letter': { error_code: nobodys },
  'weir.source': {
    name: nobodys,
    kind: nobodys,
    shop: nobodys,
    origins: nobodys,
    write_key_hash: randomHash,
    secret_hash: randomHash,
    subject_jwk: nobodys, // a public key
    agent_jwk: nobodys, // a public key
  },
  'weir.api_token': { token_hash: randomHash, role: nobodys },
  'weir.officer': {
    email_index: hashed('token', 'officer'),
    email: ofOfficer,
    role: nobodys,
    password_hash: { fieldClass: 'officer', suite: 'argon2id over HMAC-SHA-256', keyClass: 'token' },
    totp_seed: ofOfficer,
    totp_next_seed: ofOfficer,
  },
  'weir.officer_recovery': { code_hash: { fieldClass: 'officer', suite: 'HMAC-SHA-256', keyClass: 'token' } },
  'weir.officer_authenticator': {
    credential_id: nobodys, // random, of an authenticator
    public_key: nobodys,
    transports: nobodys,
    device_type: nobodys,
  },
  'weir.officer_session': { token_hash: randomHash, amr: nobodys },
  'weir.officer_challenge': { ticket_hash: randomHash, use: nobodys, challenge: nobodys },
  'weir.officer_approval': { challenge: randomHash }, // of a request that holds a random number
  'weir.login_throttle': { key: hashed('token', 'officer') },
  'weir.service_key': { role: nobodys, jwk: nobodys, thumbprint: nobodys }, // a public key
  'weir.service_assertion': { jti_hash: randomHash },
  'weir.disclosure': {
    kind: nobodys,
    case_id: nobodys,
    purpose: nobodys,
    wanted: nobodys, // names of the policy
    destination: nobodys,
    to_destination: nobodys,
    plan_hash: nobodys,
    commitment: { fieldClass: 'identity', suite: 'HMAC-SHA-256', keyClass: 'none' }, // under random bytes that are sealed
    reason: ofOfficer, // where it is about nobody; else a detail of the audit log
    decision: nobodys,
    decided_role: nobodys,
    review: nobodys,
  },
  'weir.mail_outbox': { kind: nobodys },
  'weir.incident': { kind: nobodys, target: nobodys, case_id: nobodys, opened_by: nobodys },
  'weir.incident_event': {
    by_actor: nobodys,
    kind: nobodys,
    law: nobodys,
    whom: nobodys,
    counts: nobodys, // sums
    note: ofIncident,
  },
  'weir.policy_version': { fingerprint: nobodys, source: nobodys },
  'weir.destination': { name: nobodys },
  'weir.field_class': { name: nobodys, step: nobodys },
  'weir.audit_queue': entry,
  'weir.decision_queue': { more: nobodys, hashes: randomHash },
  'weir.audit_entry': { ...entry, hashes: randomHash, leaf: randomHash },
  'weir.audit_detail': {
    commitment: { fieldClass: 'identity', suite: 'HMAC-SHA-256', keyClass: 'subject' },
    sealed: sealed('identity'),
  },
  'weir.audit_break': { reason: nobodys },
  'weir.audit_shard': { origin: nobodys, vkey: nobodys, previous: nobodys },
  'weir.audit_tile': { hashes: randomHash, root: randomHash },
  'weir.audit_checkpoint': { root: randomHash },
  'weir.audit_signature': { note: nobodys },
  'weir.audit_cosignature': { witness: nobodys, line: nobodys },
  'weir.closed_normalisation': { type: nobodys },
  'weir.retention_run': { plan_hash: nobodys, plan: nobodys, outcome: nobodys },
  'weir.retention_step': { step: nobodys, cursor: nobodys },
  'weir.total': { shop: nobodys, currency: nobodys, product_id: nobodys },
  'weir.total_day': { shop: nobodys, currency: nobodys },
  'weir.total_taken': { shop: nobodys, currency: nobodys, product_id: nobodys },
  'weir.total_published': { shop: nobodys, currency: nobodys, product_id: nobodys },
  'weir.total_batch': { batch_id: nobodys },
  'weir.marketing_cost': { channel: nobodys, source: nobodys, campaign: nobodys, currency: nobodys },
  'weir.marketing_cost_batch': { batch_id: nobodys },
  'weir.migrations': { hash: nobodys },
  'weir.request': {
    right: nobodys,
    door: nobodys,
    regime: nobodys,
    language: nobodys,
    state: nobodys,
    verified_by: nobodys, // the method
    officer_decision: nobodys,
    reason: nobodys, // a code
    secret_hash: randomHash,
    step: nobodys,
    receipt: nobodys, // signed claims that name nobody
    case_id: nobodys,
  },
  'weir.request_event': { actor: nobodys, what: nobodys, from_state: nobodys, to_state: nobodys, more: nobodys },
  'weir.request_content': { kind: nobodys, sealed: ofRequest },
  'weir.request_proof': {
    kind: nobodys,
    code_hash: { fieldClass: 'request', suite: 'HMAC-SHA-256', keyClass: 'token' },
    browser_hash: { fieldClass: 'request', suite: 'HMAC-SHA-256', keyClass: 'token' },
  },
  'weir.request_message': { channel: nobodys, template: nobodys },
  'weir.request_throttle': { key: hashed('token', 'request') },
  'weir.request_token': { token_hash: randomHash },
  'weir.request_origin': {
    protocol: nobodys,
    controller: nobodys, // a name that the operator gave
    foreign_id_hash: { fieldClass: 'request', suite: 'HMAC-SHA-256', keyClass: 'token' },
    losses: nobodys,
  },
  'weir.request_callback': { sealed: ofRequest, state: nobodys },
  'weir.request_controller': {
    protocol: nobodys,
    name: nobodys,
    secret_hash: randomHash,
    secret: foreignSecret,
    user_ids: nobodys,
    callback_hosts: nobodys,
  },
  'weir.tombstone': {
    tombstone: { fieldClass: 'identity', suite: 'HMAC-SHA-256/128', keyClass: 'tombstone' }, // leads to nobody
  },
  'weir.recipient': { sealed: sealed('identity') },
  'weir.recipient_endpoint': {
    protocol: nobodys,
    url: nobodys,
    secret: foreignSecret,
    certificate: nobodys,
    region: nobodys,
    role: nobodys,
  },
  'weir.recipient_message': {
    kind: nobodys,
    sealed: ofRequest,
    state: nobodys,
    ack_sha256: nobodys, // of what the recipient answered
    failure: nobodys, // a code
    remote_id: nobodys, // random, ours
  },
  'weir.struck_tag': {
    tag: { fieldClass: 'behaviour', suite: 'HMAC-SHA-256/128', keyClass: 'subject' },
    sealed: sealed('behaviour'),
  },
  'statutory.remainder': { ground: nobodys, classes: nobodys, language: nobodys, notice: ofRequest },
  'statutory.record': { class: nobodys, sealed: ofRequest },
  'statutory.hold': {
    authority: nobodys,
    reference: nobodys, // of the authority's own file
    scope: nobodys,
    placed_by: nobodys, // the number of an officer
    release_asked_by: nobodys,
    released_by: nobodys,
  },
  'statutory.hold_export': { case_id: nobodys, asked_by: nobodys, approved_by: nobodys },
  'attribution.touch': {
    subject: pseudonym,
    event_key: pseudonym,
    source: clear('behaviour'),
    medium: clear('behaviour'),
    campaign: clear('behaviour'),
    creative: clear('behaviour'),
    tag: clear('behaviour'),
    referrer: clear('behaviour'),
  },
  'attribution.conversion': {
    subject: pseudonym,
    event_key: pseudonym,
    order_token: hashed('pseudonym', 'order'),
    currency: clear('order'),
    told: nobodys,
    shop: nobodys,
  },
  'attribution.link': { subject: pseudonym, target: pseudonym, root: pseudonym },
  'recommendation.view': { subject: pseudonym, event_key: pseudonym, item: clear('behaviour') },
  'recommendation.cart_change': { subject: pseudonym, event_key: pseudonym, item: clear('behaviour') },
  'recommendation.order_line': {
    subject: pseudonym,
    event_key: pseudonym,
    order_token: hashed('pseudonym', 'order'),
    item: clear('order'),
  },
  'recommendation.order_return': {
    subject: pseudonym,
    event_key: pseudonym,
    order_token: hashed('pseudonym', 'order'),
    item: clear('order'),
  },
  'recommendation.link': { subject: pseudonym, target: pseudonym, root: pseudonym },
  'recommendation.basket': { root: pseudonym, order_token: hashed('pseudonym', 'order'), items: clear('order') },
  'recommendation.interest': { root: pseudonym, item: clear('behaviour') },
  'recommendation.item': { item: nobodys }, // counts of all people together
}
