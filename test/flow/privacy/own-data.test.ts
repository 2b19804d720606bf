import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askingKeys, cancelToken } from '../../../src/rights/asking-keys.ts'
import { eraseNow } from '../../../src/rights/erasure/now.ts'
import { track } from '../../support/test-app.ts'
import { codeIn, type House, openHouse, type Person, tokenIn } from '../requests/house.ts'
import { type Browsing, browse } from './browsing.ts'

let house: House
let ann: Person
let bob: Person

beforeAll(async () => {
  house = await openHouse()
  ann = await house.person()
  bob = await house.person()
  await house.weir.settle()
})
afterAll(() => house?.stop())

async function signedIn({ userId }: Person): Promise<Browsing> {
  const browser = browse(house.weir)
  const subjectToken = await house.session(userId, { claims: { auth_time: Math.floor(Date.now() / 1000) } })
  await browser.post('/session', { writeKey: house.page.key, subjectToken }, { origin: 'https://shop.example' })
  return browser
}

/** Entries of the audit log about the person's own looks, by what was looked at. */
async function looks(): Promise<string[]> {
  const rows = await house.weir.entries()
  return rows.filter(({ action }) => /^(privacy|accesses|request)\.read$/.test(action)).map(({ resource }) => resource)
}

describe('every page with a person’s data', () => {
  test('has its entry in the audit log first', async () => {
    const browser = await signedIn(ann)
    for (const [page, resource] of [
      ['/me', 'privacy:overview'],
      ['/choices', 'privacy:choices'],
      ['/tags', 'privacy:recommendation'],
      ['/accesses', 'accesses'],
      ['/requests', 'privacy:requests'],
    ] as const) {
      const before = (await looks()).length
      expect((await browser.get(page)).status).toBe(200)
      expect((await looks()).slice(before)).toEqual([resource])
    }
  })

  test('shows nothing where the entry cannot be made', async () => {
    const browser = await signedIn(ann)
    const { owner } = house.weir
    await owner.$client.query('alter table weir.audit_queue add constraint closed check (false) not valid')
    try {
      for (const page of ['/me', '/choices', '/tags', '/accesses', '/requests']) {
        const answer = await browser.get(page)
        expect([page, answer.status]).toEqual([page, 500])
        expect(answer.text).not.toMatch(/P-1|•••|You allow it/)
      }
    } finally {
      await owner.$client.query('alter table weir.audit_queue drop constraint closed')
    }
  })

  test('tells who else looked, by kind and not by name', async () => {
    const browser = await signedIn(ann)
    const { words } = await browser.get('/accesses')
    expect(words).toContain('The shop’s website Changed the contacts on file')
    expect(words).toContain('You Looked who had looked')
    expect(words).not.toMatch(/source:|officer:|weir:/)
  })
})

test('the overview counts what it shows, and says how long at the longest', async () => {
  const { words } = await (await signedIn(ann)).get('/me')
  expect(words).toMatch(/How to reach you Name, e-mail address, phone number, address\. 2 2 of these listed above/)
  expect(words).toContain('kept for as long as a purpose permits, at the longest until')
})

describe('what a person sent', () => {
  test('is text on every page, whatever it looks like', async () => {
    const evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    const eve = await house.person()
    await house.weir.send(track(eve.userId, 'Product Viewed', { product_id: evil }))
    await house.weir.settle()
    const browser = await signedIn(eve)
    for (const page of ['/me', '/tags', '/requests', '/accesses']) {
      expect((await browser.get(page)).text).not.toMatch(/<script|<img/)
    }
    const seen = await browser.get('/tags')
    expect(seen.words).toContain(evil)
    const struck = await browser.submit('/tags/strike', { item: evil })
    expect(struck.text).not.toMatch(/<script|<img/)
    expect(struck.text).toMatch(/class="struck item">&#34;&#62;&#60;script/)
  })

  test('stands in no address, no title and no log line', async () => {
    const before = house.weir.logged().length
    const browser = await signedIn(ann)
    for (const page of ['/me', '/choices', '/tags', '/accesses', '/requests']) {
      const { text } = await browser.get(page)
      const title = /<title>(.*?)<\/title>/.exec(text)?.[1] ?? ''
      for (const personal of [ann.userId, ann.email, ann.phone]) {
        expect(title).not.toContain(personal)
        expect(text.match(/(href|action)="[^"]*"/g)?.join() ?? '').not.toContain(personal)
      }
    }
    for (const personal of [ann.userId, ann.email, ann.phone]) {
      expect(house.weir.logged().slice(before)).not.toContain(personal)
    }
  })
})

describe('an item that is struck out', () => {
  test('is neither a seed nor shown, until it is taken back; another’s lists do not change', async () => {
    const cat = await house.person()
    await house.weir.send(track(cat.userId, 'Product Viewed', { product_id: 'tea' }))
    for (let i = 0; i < 6; i++) {
      const buyer = `buyer-${randomUUID()}`
      await house.weir.grant(buyer, 'personalisation')
      await house.weir.send({
        ...track(buyer, 'Order Completed', {
          order_id: `o-${buyer}`,
          currency: 'CNY',
          products: [
            { product_id: 'tea', quantity: 1 },
            { product_id: 'cup', quantity: 1 },
          ],
        }),
      })
    }
    await house.weir.settle()
    const listed = async (): Promise<string[]> => {
      const answer = await house.weir.server.get('/v1/recommendations?placement=for_you', {
        'weir-user-id': cat.userId,
      })
      return (answer.body.items as { product_id: string; stage: string }[]).map(
        ({ product_id: id, stage }) => `${stage} ${id}`,
      )
    }
    expect(await listed()).toContain('personal cup')
    const browser = await signedIn(cat)
    await browser.get('/tags')
    await browser.submit('/tags/strike', { item: 'tea' })
    expect(await listed()).toEqual(['popular cup']) // nothing follows from it, and it is not shown
    await browser.submit('/tags/strike', { item: 'cup' })
    expect(await listed()).toEqual([])
    const stored = await house.weir.owner.$client.query<{ text: string }>(
      "select encode(sealed, 'escape') as text from weir.struck_tag",
    )
    expect(stored.rows.map(({ text }) => text).join()).not.toMatch(/tea|cup/)
    await browser.submit('/tags/back', { item: 'tea' })
    await browser.submit('/tags/back', { item: 'cup' })
    expect(await listed()).toContain('personal cup')
  })
})

describe('another person’s request', () => {
  test('shows nothing and can be changed by nobody; it looks as one that is not there', async () => {
    const owner = await signedIn(bob)
    await owner.get('/ask/restriction')
    const made = await owner.post('/ask/restriction')
    const fresh = await owner.get(made.headers.get('location')!.replace('/privacy', ''))
    expect(fresh.text).not.toMatch(/name="code"|\/resend/) // who is signed in is sent none
    expect(fresh.words).not.toContain('Open the link or type the code')
    const path = made.headers.get('location')!.replace('/privacy', '')
    await house.work()
    expect((await owner.get(path)).words).toContain('used for nothing')
    const thief = await signedIn(ann)
    const nowhere = `/requests/${randomUUID()}`
    const bytes = async (at: string): Promise<string> =>
      (await thief.get(at)).text.replaceAll(/name="csrf" value="[^"]+"/g, '').replaceAll(/[0-9a-f-]{36}/g, '')
    expect(await bytes(path)).toBe(await bytes(nowhere))
    for (const act of ['/cancel', '/code', '/resend', '/lift', '/download', '/download-code']) {
      const answers = [
        await thief.post(path + act, { code: 'AAAA2222' }),
        await thief.post(nowhere + act, { code: 'AAAA2222' }),
      ]
      expect([act, ...answers.map(({ status }) => status)]).toEqual([act, 404, 404])
    }
    expect((await thief.get(`${path}/receipt`)).status).toBe(404)
    expect((await thief.get('/requests')).text).not.toContain(path)
    expect((await owner.get('/requests')).text).toContain(path)
    expect((await owner.get(path)).words).toContain('You can have your data used again whenever you like')
    const lifted = await owner.submit(`${path}/lift`)
    expect(lifted.words).toContain('This has ended: your data is used again')
    expect(lifted.words).toMatch(/Used again since \w+/)
  })

  test('is followed by whoever has its number and its secret, and by neither alone', async () => {
    const owner = await signedIn(bob)
    await owner.get('/ask/access')
    const page = await owner.submit('/ask/access')
    const [number, secret] = [...page.text.matchAll(/secret mono">([^<]+)</g)].map(([, text]) => text!)
    const other = browse(house.weir)
    await other.get('/follow')
    const wrong = [
      await other.post('/follow', { number: number!, secret: 'x'.repeat(43) }),
      await other.post('/follow', { number: randomUUID(), secret: secret! }),
    ]
    expect(wrong.map(({ status, words }) => [status, words.includes('No request has this number')])).toEqual([
      [404, true],
      [404, true],
    ])
    expect(wrong[0]!.text).toMatch(/name="number"[^>]* value="[0-9a-f-]{36}"/) // the same form, as it was filled in
    expect(wrong[0]!.text).toMatch(/aria-describedby="secret-hint secret-wrong" aria-invalid="true"/)
    expect(page.text).toMatch(/<details><summary>Show the secret<\/summary><span class="secret mono">/)
    expect((await other.submit('/follow', { number: number!, secret: secret! })).words).toContain('See it all')
  })
})

describe('a request without signing in', () => {
  test('is answered alike for who is unknown, and proved by the code that came', async () => {
    const [known, unknown] = [browse(house.weir), browse(house.weir)]
    await known.get('/ask/access')
    await unknown.get('/ask/access')
    const pages = [
      await known.submit('/ask/access', { address: ann.email, law: 'GDPR' }),
      await unknown.submit('/ask/access', {
        address: `${'y'.repeat(ann.email.length - 13)}@mail.example`,
        law: 'GDPR',
      }),
    ]
    const plain = pages.map(({ text, status }) => [
      status,
      text.replaceAll(/name="csrf" value="[^"]+"/g, '').replaceAll(/[0-9a-f-]{36}|secret mono">[^<]+/g, ''),
    ])
    expect(plain[0]).toEqual(plain[1])
    await house.work()
    const [mail] = house.mailsTo(ann.email)
    const at = (pages[0]!.text.match(/\/requests\/[0-9a-f-]{36}/) ?? [''])[0]
    const wrong = await known.post(`${at}/code`, { code: 'AAAA2222' })
    expect([wrong.status, wrong.words]).toEqual([403, expect.stringContaining('is wrong, used or too old')])
    expect(wrong.text).toMatch(/id="code"[^>]* aria-invalid="true"/)
    const proved = await known.submit(`${at}/code`, { code: codeIn(mail!) })
    expect(proved.words).toContain('It is confirmed that this is you')
    await house.work()
    expect((await known.get(at)).words).toContain('It is ready to be downloaded')
  })

  test('a link does nothing when it is opened, and one press confirms', async () => {
    const browser = browse(house.weir)
    await browser.get('/ask/restriction')
    await browser.submit('/ask/restriction', { address: bob.email, way: 'mail-link', law: 'PIPL' })
    await house.work()
    const [mail] = house.mailsTo(bob.email).filter((text) => text.includes('/confirm/'))
    const id = /requests\/([0-9a-f-]{36})/.exec(mail!)![1]!
    const phone = browse(house.weir) // where they read their mail
    const link = `/requests/${id}/confirm/${tokenIn(mail!, 'confirm')}`
    expect((await phone.get(link)).words).toContain('Opening this page does nothing')
    expect((await house.row(id)).state).toBe('identity_pending')
    expect((await phone.submit(link)).words).toContain('It is confirmed that this is you')
    expect((await browser.get(`/requests/${id}`)).words).toContain('Secret of the request') // it passed to who opened it
  })

  test('the link to take an erasure back works anywhere, by one press', async () => {
    const dora = await house.person()
    const browser = await signedIn(dora)
    await browser.get('/ask/erasure')
    const page = await browser.submit('/ask/erasure')
    await house.work()
    const id = /requests\/([0-9a-f-]{36})/.exec(page.text)![1]!
    expect((await browser.get('/me')).words).toContain('kept and used for nothing')
    expect((await browser.get('/tags')).words).not.toContain('made for you')
    const phone = browse(house.weir)
    const link = `/requests/${id}/cancel/${tokenIn(house.mailsTo(dora.email).join('\n'), 'cancel')}`
    expect((await phone.get(link)).words).toContain('Opening this page does nothing')
    expect((await house.row(id)).state).toBe('cooling_off')
    expect((await phone.submit(link)).words).toContain('The request was taken back')
    expect((await house.row(id)).state).toBe('cancelled')
    expect((await browser.get('/me')).words).not.toContain('kept and used for nothing')
  })
})

test('what is done at once is not said to be taken back by a press, and the old link says what can be done instead', async () => {
  const fay = await house.person()
  const browser = await signedIn(fay)
  await browser.get('/ask/access')
  const page = await browser.submit('/ask/access')
  await house.work()
  const id = /requests\/([0-9a-f-]{36})/.exec(page.text)![1]!
  expect((await house.row(id)).state).toBe('completed')
  const mails = house.mailsTo(fay.email).join('\n')
  expect(mails).toContain('Nothing is handed out without another code')
  expect(mails).not.toContain('/cancel/')
  const token = cancelToken(askingKeys(house.weir.keyring.tokenKey), id) // of a mail that was sent before it was done
  const late = await browser.get(`/requests/${id}/cancel/${token}`)
  expect(late.words).toContain('It can no longer be taken back')
  const pressed = await browser.post(`/requests/${id}/cancel/${token}`)
  expect([pressed.status, pressed.words.includes('Open the request')]).toEqual([409, true])
})

describe('the mail after an erasure', () => {
  test('leads to the receipt without any other secret, and to its check code once', async () => {
    const eva = await house.person()
    await eraseNow(house.weir.app.rights.deps, {
      identifiers: [{ type: 'user_id', value: eva.userId, verified: true }],
      caseId: 'DSR-9',
      regime: 'GDPR',
      language: 'en',
    })
    await house.work()
    const mail = house.mailsTo(eva.email).find((text) => text.includes('is erased'))!
    const [, id, token] = /\/privacy\/requests\/([0-9a-f-]{36})\/receipt\/([\w-]{43})/.exec(mail)!
    const at = `/requests/${id}/receipt/${token}`
    const browser = browse(house.weir)
    for (let i = 0; i < 2; i++) {
      const opened = await browser.get(at) // mail scanners open it too
      expect(opened.words).toContain('The receipt is genuine')
      expect(opened.words).toContain('Show the check code')
    }
    expect((await browser.get(`${at}/receipt.html`)).text).toContain('eyJ')
    await browser.get(at)
    const [salt] = /(?<=secret mono">)[\w-]{43}(?=<)/.exec((await browser.post(at)).text) ?? []
    expect(salt).toBeDefined()
    expect((await browser.post(at)).text).not.toContain(salt)
    expect((await browser.get(at)).words).toContain('was shown before')
    const wrong = `${token!.slice(0, -2)}${token!.endsWith('AA') ? 'BB' : 'AA'}`
    expect((await browser.get(`/requests/${id}/receipt/${wrong}`)).status).toBe(404)
    expect((await browser.get(`/requests/${randomUUID()}/receipt/${token}`)).status).toBe(404)
  })
})

describe('a download', () => {
  test('needs a code that came just now, and is an archive under the passphrase', async () => {
    const browser = await signedIn(ann)
    await browser.get('/ask/access')
    const page = await browser.submit('/ask/access')
    const at = (page.text.match(/\/requests\/[0-9a-f-]{36}/) ?? [''])[0]
    await house.work()
    await browser.get(at)
    const passphrase = 'long enough 2026'
    const unproved = await browser.post(`${at}/download`, { passphrase })
    expect([unproved.status, unproved.text.includes('id="code-wrong" role="alert"')]).toEqual([403, true])
    house.mailsTo(ann.email)
    await browser.submit(`${at}/download-code`)
    await house.work()
    const code = codeIn(house.mailsTo(ann.email).join('\n'))
    const weak = await browser.post(`${at}/download`, { passphrase: 'short', code })
    expect(weak.words).toContain('A passphrase has 12 to 128')
    expect(weak.text).toMatch(/id="passphrase"[^>]* aria-invalid="true"/)
    expect(weak.text).toContain(`value="${code}"`) // nothing is typed twice
    const archive = await browser.post(`${at}/download`, { passphrase, code })
    expect([archive.status, archive.headers.get('content-type'), archive.text.slice(0, 2)]).toEqual([
      200,
      'application/zip',
      'PK',
    ])
    expect(archive.headers.get('content-disposition')).toMatch(/^attachment; filename="weir-access-[\d-]+\.zip"$/)
  })
})
