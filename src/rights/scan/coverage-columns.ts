/** Which step of an erasure takes what a column holds of a person. */
export type CoveredBy =
  | 'keys' // destroyed: what is sealed under them opens for nobody
  | 'rows' // deleted, or the person taken out of the row
  | 'modules' // Module.erase
  | 'letters' // events that wait to be handed over again, and orders to erase
  | 'recipients' // register and outbox of outside recipients, last
  | 'requests' // what requests say, once they are over
  | 'remainder' // moved under keys of their own, or gone
  | 'detached' // partitions that are kept apart

export type Coverage = { readonly by: CoveredBy } | { readonly excluded: string }

const keys: Coverage = { by: 'keys' }
const rows: Coverage = { by: 'rows' }
const modules: Coverage = { by: 'modules' }
const letters: Coverage = { by: 'letters' }
const recipients: Coverage = { by: 'recipients' }
const requests: Coverage = { by: 'requests' }
const remainder: Coverage = { by: 'remainder' }

const not = (excluded: string): Coverage => ({ excluded })
const configured = not('what the operator or the policy says, about nobody')
const code = not('a code of a closed list')
const ofOfficers = not('of officers and machines, who are no subjects')
const random = not('random, or the hash of something random: leads to nobody')
const sums = not('sums over many people, released under the limits of the totals alone')
const logged = not('the audit log: people stand in it as a keyed tag and a commitment under keys that are destroyed')
const messageId = not(
  'keyed hash of a message id that is kept nowhere: with the person taken out of the row it is nobody’s',
)
const ofRequest = not('the number of a request, random: whose it was goes with weir.request_person')
const emptied = not('sealed under the key of a request or a message, which is destroyed when it is over')
const catalogue = not('an article of the shop, counted over all people')

const entry = {
  actor: logged,
  action: logged,
  resource: logged,
  purpose: logged,
  case_id: logged,
  outcome: logged,
  more: logged,
}

/**
 * Every column of type uuid, text, json or bytes: what takes a person out of it, or why nobody is in it. One that is
 * missing here fails the build: a table that an erasure forgets is the most usual way in which an erasure fails.
 */
export const COVERAGE: Readonly<Record<string, Readonly<Record<string, Coverage>>>> = {
  'weir.subject': { subject_id: rows, kind: rows, restricted_by: rows },
  'weir.subject_key': { subject_id: keys, wrapped: keys },
  'weir.identifier': {
    index_key: rows,
    subject_id: rows,
    type: rows,
    sealed: rows,
    identifier_id: rows,
    conflict_with: rows,
  },
  'weir.link': { device_id: rows, user_id: rows, state: rows },
  'weir.consent_state': { subject_id: rows, record_id: rows, secret_hash: rows },
  'weir.consent_ledger': {
    subject_id: rows, // detached: under a number that is nobody's
    record_id: random,
    evidence: code,
    proof: code,
    notice_token: rows,
  },
  'weir.sealed': { subject_id: rows, bytes: rows },
  'weir.event_log': {
    event_key: messageId,
    subject_id: rows,
    other_id: rows,
    consent_ref: rows,
    removed: code,
    blobs: code,
    salt: rows,
  },
  'weir.dedupe_0': { key: messageId },
  'weir.dedupe_1': { key: messageId },
  'weir.dead_letter': { subject_id: letters, error_code: letters },
  'weir.purge': { subject_id: letters },
  'weir.audit_detail': { subject_id: rows, commitment: rows, sealed: rows },
  'weir.disclosure_person': { disclosure_id: rows, subject_id: rows },
  'weir.struck_tag': { subject_id: rows, tag: rows, sealed: rows },
  // How far the links of all people have been told, and a retention run has come: by the number of the last of them.
  'weir.module_root': { telling_after: rows },
  'weir.retention_step': { step: code, cursor: rows },

  'attribution.touch': {
    subject: modules,
    event_key: modules,
    source: modules,
    medium: modules,
    campaign: modules,
    creative: modules,
    tag: modules,
    referrer: modules,
  },
  'attribution.conversion': {
    subject: modules,
    event_key: modules,
    order_token: modules,
    currency: modules,
    told: modules,
    shop: modules,
  },
  'attribution.link': { subject: modules, target: modules, root: modules },
  'recommendation.view': { subject: modules, event_key: modules, item: modules },
  'recommendation.cart_change': { subject: modules, event_key: modules, item: modules },
  'recommendation.order_line': { subject: modules, event_key: modules, order_token: modules, item: modules },
  'recommendation.order_return': { subject: modules, event_key: modules, order_token: modules, item: modules },
  'recommendation.link': { subject: modules, target: modules, root: modules },
  'recommendation.basket': { root: modules, order_token: modules, items: modules },
  'recommendation.interest': { root: modules, item: modules },
  'recommendation.item': { item: catalogue },

  'weir.recipient': { subject_id: recipients, entry_id: recipients, sealed: recipients },
  'weir.recipient_endpoint': {
    protocol: configured,
    url: configured,
    secret: configured,
    certificate: configured,
    region: configured,
    role: configured,
  },
  'weir.recipient_message': {
    message_id: random,
    request_id: ofRequest,
    kind: code,
    sealed: recipients,
    state: code,
    ack_sha256: not('hash of what a recipient answered'),
    failure: code,
    remote_id: random,
  },

  'weir.request': {
    request_id: random,
    right: code,
    door: code,
    regime: code,
    language: code,
    state: code,
    verified_by: code,
    officer_decision: code,
    decided_by: ofOfficers,
    reason: code,
    secret_hash: random,
    step: code,
    receipt: not('signed claims without a name: the commitment in it opens with a salt that the person alone has'),
    case_id: not('a number of the operator’s file, which is checked to be nobody’s name'),
  },
  'weir.request_event': {
    request_id: ofRequest,
    actor: ofOfficers,
    what: code,
    from_state: code,
    to_state: code,
    more: code,
  },
  'weir.request_content': { request_id: ofRequest, kind: code, sealed: requests },
  'weir.request_person': { request_id: ofRequest, subject_id: requests },
  'weir.request_named': { request_id: ofRequest, subject_id: requests },
  'weir.request_proof': {
    proof_id: random,
    request_id: ofRequest,
    kind: code,
    code_hash: not('keyed hash of a random code'),
    browser_hash: not('keyed hash of a random number'),
  },
  'weir.request_message': {
    message_id: random,
    request_id: ofRequest,
    channel: code,
    template: code,
    proof_id: random,
  },
  'weir.request_throttle': {
    key: not('keyed hash of an address, with a key used for nothing else; deleted after a day'),
  },
  'weir.request_token': { token_hash: random, request_id: ofRequest },
  'weir.request_origin': {
    request_id: ofRequest,
    protocol: code,
    controller: configured,
    foreign_id_hash: not('keyed hash of another system’s number of the request'),
    losses: code,
  },
  'weir.request_callback': { callback_id: random, request_id: ofRequest, sealed: emptied, state: code },
  'weir.request_controller': {
    controller_id: random,
    protocol: code,
    name: configured,
    secret_hash: random,
    secret: configured,
    user_ids: code,
    callback_hosts: configured,
  },
  'weir.tombstone': {
    tombstone: not('what remains on purpose: a keyed hash with a key used for nothing else, which leads nowhere'),
  },
  'weir.erasure': { erasure_id: ofRequest },

  'statutory.remainder': {
    remainder_id: random,
    ground: code,
    hold_id: random,
    classes: code,
    language: code,
    notice: not('kept by law to its day, under a key of its own, where no module and no officer reads it'),
  },
  'statutory.record': {
    remainder_id: random,
    class: code,
    sealed: not('kept by law to its day, under a key of its own, where no module and no officer reads it'),
  },
  'statutory.hold': {
    hold_id: random,
    authority: configured,
    reference: not('an authority’s number of its own file'),
    scope: code,
    placed_by: ofOfficers,
    release_asked_by: ofOfficers,
    released_by: ofOfficers,
  },
  'statutory.hold_export': {
    export_id: random,
    hold_id: random,
    case_id: not('the number of a case, as the audit log has it'),
    asked_by: ofOfficers,
    approved_by: ofOfficers,
  },
  'statutory.hold_person': { hold_id: random, subject_id: remainder },

  'weir.audit_queue': entry,
  'weir.audit_entry': { ...entry, hashes: logged, leaf: logged },
  'weir.decision_queue': { more: logged, hashes: logged },
  'weir.audit_break': { reason: code },
  'weir.audit_shard': { origin: configured, vkey: configured, previous: logged },
  'weir.audit_tile': { hashes: logged, root: logged },
  'weir.audit_checkpoint': { root: logged },
  'weir.audit_signature': { note: logged },
  'weir.audit_cosignature': { witness: configured, line: logged },

  'weir.disclosure': {
    disclosure_id: random,
    kind: code,
    case_id: not('a number of the operator’s file, which is checked to be nobody’s name'),
    purpose: code,
    wanted: code,
    destination: configured,
    to_destination: configured,
    plan_hash: random,
    commitment: logged,
    reason: not('where it is about nobody; reasons about people are details of the audit log'),
    asked_by: ofOfficers,
    decision: code,
    decided_by: ofOfficers,
    decided_role: code,
    review: code,
    reviewed_by: ofOfficers,
  },
  'weir.mail_outbox': { mail_id: random, kind: code, disclosure_id: random },
  'weir.incident': {
    incident_id: random,
    kind: code,
    target: configured,
    case_id: not('a number of the operator’s file, which is checked to be nobody’s name'),
    opened_by: ofOfficers,
  },
  'weir.incident_event': {
    incident_id: random,
    by_actor: ofOfficers,
    kind: code,
    law: code,
    whom: code,
    counts: sums,
    note: not('an officer’s note about an incident, sealed, gone three years after it'),
  },

  'weir.key': {
    class: code,
    state: code,
    wrapped: not('keys of the installation'),
    check_value: random,
    root_version: configured,
  },
  'weir.key_backup': { backup_id: random, sealed_to: configured, keys: configured },
  'weir.source': {
    name: configured,
    kind: code,
    shop: configured,
    origins: configured,
    write_key_hash: random,
    secret_hash: random,
    subject_jwk: configured,
    agent_jwk: configured,
  },
  'weir.api_token': { token_id: random, token_hash: random, role: code },
  'weir.officer': {
    officer_id: ofOfficers,
    email_index: ofOfficers,
    email: ofOfficers,
    role: ofOfficers,
    password_hash: ofOfficers,
    totp_seed: ofOfficers,
    totp_next_seed: ofOfficers,
  },
  'weir.officer_recovery': { officer_id: ofOfficers, code_hash: ofOfficers },
  'weir.officer_authenticator': {
    authenticator_id: ofOfficers,
    officer_id: ofOfficers,
    credential_id: ofOfficers,
    public_key: ofOfficers,
    transports: ofOfficers,
    device_type: ofOfficers,
  },
  'weir.officer_session': { session_id: ofOfficers, token_hash: ofOfficers, officer_id: ofOfficers, amr: ofOfficers },
  'weir.officer_challenge': { ticket_hash: ofOfficers, use: ofOfficers, challenge: ofOfficers, officer_id: ofOfficers },
  'weir.officer_approval': { officer_id: ofOfficers, challenge: ofOfficers },
  'weir.login_throttle': { key: ofOfficers },
  'weir.service_key': { key_id: ofOfficers, role: ofOfficers, jwk: ofOfficers, thumbprint: ofOfficers },
  'weir.service_assertion': { jti_hash: ofOfficers },
  'weir.policy_version': { fingerprint: configured, source: configured },
  'weir.destination': { name: configured },
  'weir.field_class': { name: configured, step: configured },
  'weir.closed_normalisation': { type: configured },
  'weir.retention_run': { plan_hash: configured, plan: sums, outcome: code },
  'weir.total': { shop: sums, currency: sums, product_id: sums },
  'weir.total_day': { shop: sums, currency: sums },
  'weir.total_taken': { shop: sums, currency: sums, product_id: sums },
  'weir.total_published': { shop: sums, currency: sums, product_id: sums },
  'weir.total_batch': { batch_id: sums },
  'weir.marketing_cost': { channel: configured, source: configured, campaign: configured, currency: configured },
  'weir.marketing_cost_batch': { batch_id: configured },
  'weir.migrations': { hash: configured },
}
