import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SubjectId } from '../../../src/event/ids.ts'
import { readContent } from '../../../src/rights/content.ts'
import { type House, openHouse } from '../requests/house.ts'
import { type Browsing, browse } from './browsing.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house?.stop())

async function signedIn(userId: string, claims: Record<string, number> = {}): Promise<Browsing> {
  const browser = browse(house.weir)
  const subjectToken = await house.session(userId, { claims })
  await browser.post('/session', { writeKey: house.page.key, subjectToken }, { origin: 'https://shop.example' })
  return browser
}

const idIn = (text: string): string => /requests\/([0-9a-f-]{36})/.exec(text)?.[1] ?? ''

test('a correction says which field and what is right, and waits for an officer', async () => {
  const { userId } = await house.person()
  const browser = await signedIn(userId)
  const form = await browser.get('/ask/correction')
  // Nothing is chosen beforehand, and nothing is offered that this policy never keeps: it routes no identify.
  expect([...form.text.matchAll(/<option value="([^"]*)"/g)].map(([, value]) => value).slice(0, 4)).toEqual([
    '',
    'contact.email',
    'contact.phone',
    'PIPL',
  ])
  for (const path of ['properties.total', 'traits.firstName', '']) {
    const wrong = await browser.post('/ask/correction', { path, to: '1' })
    expect([wrong.status, wrong.text.includes('id="path-wrong"')]).toEqual([400, true])
  }
  const page = await browser.submit('/ask/correction', { path: 'contact.phone', to: '+8613900001111' })
  const id = idIn(page.text)
  const { db, keyring } = house.weir
  const change = { event: 'contact', path: 'phone', to: '+8613900001111' }
  expect(await readContent(db, keyring, id, 'changes')).toEqual([change])
  await house.work()
  expect(await house.row(id)).toMatchObject({ state: 'verified', verified_by: 'session-token', needs_officer: true })
  expect((await browser.get(`/requests/${id}`)).words).toContain('A person looks at it before anything happens')
  const { rows } = await house.weir.owner.$client.query<{ subject: SubjectId }>(
    'select subject_id as subject from weir.request_person where request_id = $1',
    [id],
  )
  const { audit } = house.weir.app.rights.deps
  // As the step writes it that an officer's yes leads to.
  await audit.append({
    actor: 'weir',
    action: 'request.correct',
    resource: `request:${id}`,
    purpose: 'rights',
    about: rows,
    more: { by: 'person' },
  })
  expect((await browser.get('/accesses')).words).toContain('An employee Corrected data')
  expect((await browser.get(`/requests/${id}`)).words).toContain(
    'What was to be corrected Phone number that we write to is to say: +8613900001111',
  )
})

test('an objection needs no proof, names purposes of the policy alone, and is in force at once', async () => {
  const { userId, email } = await house.person()
  const browser = browse(house.weir)
  await browser.get('/ask/objection')
  expect((await browser.post('/ask/objection', { address: email, purpose: ['essential'] })).status).toBe(400)
  const page = await browser.submit('/ask/objection', {
    address: email,
    purpose: ['analytics', 'essential'],
    law: 'PIPL',
  })
  expect(page.text).not.toMatch(/name="code"|Open the link or type the code/)
  await house.work()
  expect((await house.row(idIn(page.text))).state).toMatch(/completed|awaiting/)
  const choices = await house.weir.server.get('/v1/consent', { 'weir-user-id': userId })
  expect(choices.body.choices).toEqual({ analytics: false, personalisation: true })
})

test('an objection that names nothing is asked for what, and refuses nothing', async () => {
  const { userId } = await house.person()
  const browser = await signedIn(userId)
  const empty = await browser.get('/ask/objection')
  expect(empty.text).not.toMatch(/type="checkbox"[^>]*checked/)
  const again = await browser.post('/ask/objection', { law: 'UK-GDPR' })
  expect(again.status).toBe(400)
  expect(again.text).toMatch(/<fieldset aria-describedby="purpose-hint purpose-wrong">/)
  expect(again.text).toMatch(/id="purpose-wrong" role="alert">Please choose at least one purpose/)
  await house.work()
  const choices = await house.weir.server.get('/v1/consent', { 'weir-user-id': userId })
  expect(choices.body.choices).toEqual({ analytics: true, personalisation: true })
})

test('an erasure asked for under an old sign-in is proved once more', async () => {
  const { userId, email } = await house.person()
  const now = Math.floor(house.weir.app.rights.deps.now() / 1000)
  const fresh = await signedIn(userId, { auth_time: now })
  const old = await signedIn(userId)
  await old.get('/ask/erasure')
  const asked = idIn((await old.submit('/ask/erasure')).text)
  await house.work()
  expect((await house.row(asked)).state).toBe('identity_pending')
  expect((await old.get(`/requests/${asked}`)).words).toContain('Confirm that it is you')
  expect(house.mailsTo(email).join()).not.toBe('')
  await fresh.get('/ask/erasure')
  const sure = idIn((await fresh.submit('/ask/erasure')).text)
  await house.work()
  expect((await house.row(sure)).state).toBe('cooling_off')
})
