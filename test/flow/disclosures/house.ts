import type { JsonObject } from '../../../src/event/event.ts'
import { type SubjectId, subjectId } from '../../../src/event/ids.ts'
import type { Role } from '../../../src/officers/roles.ts'
import { type Browser, makeOfficer, type Officer, type OfficerAnswer, signIn } from '../../support/officers.ts'
import { subjectOf } from '../../support/stored.ts'
import { createTestApp, newDevice, order, type TestApp, type TestAppOptions, track } from '../../support/test-app.ts'
import { type Authenticator, plugIn } from './authenticator.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'

export const ORIGIN = 'http://weir.test'
export const DPO = 'dpo@shop.example'
export const REASON = 'the parcel of qxvreasonmarker came back twice'
export const MINUTE_MS = 60_000

/** An officer at the browser, with an authenticator in the hand where they have one. */
export interface Person {
  readonly officer: Officer
  readonly id: string
  browser: Browser
  readonly authenticator: Authenticator | undefined
  call(method: string, path: string, body?: JsonObject): Promise<OfficerAnswer>
  /** Signs in anew: sessions end after 15 idle minutes. */
  signIn(): Promise<void>
}

/** A gateway with a shop, a mail server, officers and one customer, alice. */
export interface House {
  readonly weir: TestApp
  readonly mailbox: Mailbox
  readonly alice: SubjectId
  readonly aliceDevice: string
  /** By our clock, milliseconds since 1970. */
  now(): number
  tick(ms: number): void
  officer(role: Role, options?: { readonly authenticator?: boolean }): Promise<Person>
  /** Asks, and expects that it was taken. @returns the request's id */
  ask(by: Person, asked?: JsonObject): Promise<string>
  /** What an officer signs to approve it. */
  challenge(by: Person, id: string): Promise<string>
  /** Approves with the authenticator in the hand. */
  approve(by: Person, id: string): Promise<OfficerAnswer>
  read(by: Person, id: string): Promise<OfficerAnswer>
  /** Entries of disclosures in the log, in order. */
  entries(): Promise<Entered[]>
  stop(): Promise<void>
}

export interface Entered {
  readonly actor: string
  readonly action: string
  readonly outcome: string
  readonly resource: string
  readonly caseId: string | null
  readonly more: JsonObject
}

export async function openHouse(options: TestAppOptions & { readonly withoutMail?: boolean } = {}): Promise<House> {
  const mailbox = await openMailbox()
  const { withoutMail = false, ...rest } = options
  const mail = withoutMail ? {} : { mail: { smtpUrl: mailbox.url, dpo: DPO } }
  const weir = await createTestApp({ publicUrl: ORIGIN, ...mail, ...rest })
  let shift = 0
  const device = newDevice()
  await weir.grant('alice', 'attribution', 'personalisation')
  await weir.send(
    track('alice', 'Product Viewed', { product_id: 'tea', price: 7 }, { anonymousId: device.anonymousId }),
    order('alice', 'qxvordermarker', ['tea', 'cup']),
  )
  await weir.settle()
  const alice = await subjectOf(weir, 'user_id', 'alice')

  async function officer(role: Role, { authenticator = true } = {}): Promise<Person> {
    const made = await makeOfficer(weir, role)
    const person: Person = {
      officer: made,
      id: made.officer,
      browser: await signIn(weir, made, { now: Date.now() + shift }),
      authenticator: authenticator ? await plugIn(weir.owner, made.officer, ORIGIN) : undefined,
      call: (method, path, body) => person.browser.call(method, path, body),
      async signIn() {
        person.browser = await signIn(weir, made, { now: Date.now() + shift })
      },
    }
    return person
  }

  const house: House = {
    weir,
    mailbox,
    alice: subjectId(alice!),
    aliceDevice: device.anonymousId,
    now: () => Date.now() + shift,
    tick(ms) {
      shift += ms
      weir.moveClock(ms)
    },
    officer,
    async ask(by, asked = aboutAlice()) {
      const { status, body, text } = await by.call('POST', '/api/disclosures', asked)
      if (status !== 201) throw new Error(`asking was answered ${status} ${text}`)
      return String(body.id)
    },
    async challenge(by, id) {
      return String((await by.call('GET', `/api/disclosures/${id}`)).body.challenge)
    },
    async approve(by, id) {
      const assertion = by.authenticator!.sign(await house.challenge(by, id))
      return by.call('POST', `/api/disclosures/${id}/approval`, { assertion })
    },
    read: (by, id) => by.call('GET', `/api/disclosures/${id}/data`),
    async entries() {
      const rows = await weir.entries()
      return rows
        .filter(({ action, resource }) => action.startsWith('disclosure.') || resource.startsWith('route:'))
        .map(({ actor, action, outcome, resource, case_id, more }) => ({
          actor,
          action,
          outcome,
          resource,
          caseId: case_id,
          more: JSON.parse(more ?? '{}') as JsonObject,
        }))
    },
    async stop() {
      await weir.app.mail?.stop()
      await weir.stop()
      await mailbox.close()
    },
  }
  return house
}

/** A request for what was in alice's orders. */
export function aboutAlice(more: JsonObject = {}): JsonObject {
  return {
    kind: 'fields',
    identifier: { type: 'user_id', value: 'alice' },
    fields: ['properties.order_id'],
    purpose: 'essential',
    caseId: 'CASE-12',
    reason: REASON,
    reads: 2,
    minutes: 10,
    ...more,
  }
}

/** A request by a pseudonym of a destination. */
export function byPseudonym(kind: 'reidentify' | 'translate', pseudonym: string, more: JsonObject = {}): JsonObject {
  const { identifier: _, fields: __, ...common } = aboutAlice()
  return { ...common, kind, destination: 'attribution', pseudonym, ...more }
}
