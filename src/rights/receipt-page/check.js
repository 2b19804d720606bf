// What checks the receipt in the browser of whoever holds it: no network, nothing from outside this page.
// Says each check on its own, so that one which a browser cannot do takes nothing from the others.

/** What was there before this script touched anything, in both languages. */
const shownText = () => {
  const main = document.querySelector('main').cloneNode(true)
  for (const one of main.querySelectorAll('noscript')) one.remove()
  return main.textContent.trim()
}
const atFirst = shownText()
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))
const fromBase64url = (text) => fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i])
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))

function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Undefined where the page is damaged so that it carries nothing. */
function readData() {
  try {
    const { jws, jwks, type, saidHash } = JSON.parse(document.getElementById('receipt-data').textContent)
    return Array.isArray(jwks.keys) && typeof jws === 'string' ? { jws, jwks, type, saidHash } : undefined
  } catch {
    return undefined
  }
}

const data = readData()

async function ed25519(x, signature, bytes) {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x }
  const key = await crypto.subtle.importKey('jwk', jwk, { name: 'Ed25519' }, false, ['verify'])
  return crypto.subtle.verify({ name: 'Ed25519' }, key, signature, bytes)
}

/** Whether this browser knows Ed25519 at all; older ones do not, and some know no cryptography in a page from a file. */
async function knowsEd25519() {
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } // of RFC 8037, A.2
    await crypto.subtle.importKey('jwk', jwk, { name: 'Ed25519' }, false, ['verify'])
    return true
  } catch {
    return false
  }
}

function readJws() {
  const [head, payload, signature] = data.jws.split('.')
  const read = (part) => JSON.parse(decoder.decode(fromBase64url(part)))
  return {
    header: read(head),
    claims: read(payload),
    signed: encoder.encode(`${head}.${payload}`),
    signature: fromBase64url(signature),
  }
}

/** RFC 7515 §5.2: the type and the algorithm are the ones of a receipt, the key is one of those in this page. */
async function isSigned({ header, signed, signature }) {
  if (header.typ !== data.type || header.alg !== 'EdDSA') return false
  const jwk = data.jwks.keys.find((one) => one.kid === header.kid && one.use === 'sig')
  return jwk !== undefined && (await ed25519(jwk.x, signature, signed))
}

/** What is to be read here is what was issued, in both languages; and the claims in sight are those that were checked. */
async function isShown() {
  const copies = Array.from(document.querySelectorAll('pre'), (one) => one.textContent)
  if (copies.length !== 2 || copies.some((one) => one !== data.jws)) return false
  return toHex(await sha256(encoder.encode(atFirst))) === data.saidHash
}

/** RFC 8785, as far as claims need it: members sorted, whole numbers. */
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
  return `{${members.join(',')}}`
}

function readProof(text) {
  const end = text.indexOf('\n\n')
  const [, extra, index, ...hashes] = text.slice(0, end).split('\n')
  const entry = fromBase64(extra.replace(/^extra /, ''))
  return {
    entry,
    index: BigInt(index.replace(/^index /, '')),
    hashes: hashes.map(fromBase64),
    note: text.slice(end + 2),
  }
}

function readNote(note) {
  const split = note.lastIndexOf('\n\n')
  const lines = note
    .slice(split + 2)
    .trimEnd()
    .split('\n')
  return {
    text: note.slice(0, split + 1),
    lines: lines.map((line) => {
      const [, name, encoded] = line.split(' ')
      return { name, signature: fromBase64(encoded).slice(4) }
    }),
  }
}

/** RFC 9162 §2.1.3.2: the root that leads from the leaf through the hashes. */
async function rootFrom(leaf, index, size, hashes) {
  const node = (left, right) => sha256(join(Uint8Array.of(1), left, right))
  let [fn, sn, root] = [index, size - 1n, leaf]
  for (const hash of hashes) {
    if (sn === 0n) return undefined
    if (fn % 2n === 1n || fn === sn) {
      root = await node(hash, root)
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn / 2n, sn / 2n]
    } else root = await node(root, hash)
    ;[fn, sn] = [fn / 2n, sn / 2n]
  }
  return sn === 0n ? root : undefined
}

async function isInLog(claims) {
  const { log, ...rest } = claims
  const { entry, index, hashes, note } = readProof(log.proof)
  const body = JSON.parse(decoder.decode(entry))
  if (body.receipt_sha256 !== toHex(await sha256(encoder.encode(canonical(rest))))) return false
  const { text, lines } = readNote(note)
  const [origin, size, root] = text.split('\n')
  const leaf = await sha256(join(Uint8Array.of(0), entry))
  const led = await rootFrom(leaf, index, BigInt(size), hashes)
  if (origin !== log.origin || led === undefined || !same(led, fromBase64(root))) return false
  const line = lines.find((one) => one.name === origin)
  const jwk = data.jwks.keys.find((one) => one.use === 'tlog')
  return line !== undefined && jwk !== undefined && (await ed25519(jwk.x, line.signature, encoder.encode(text)))
}

function say(id, outcome) {
  for (const one of document.querySelectorAll(`[data-check="${id}"]`)) {
    one.textContent = one.dataset[outcome]
    one.className = `check ${outcome}`
  }
}

async function saysYes(check) {
  try {
    return await check()
  } catch {
    return false
  }
}

const CHECKS = {
  signature: () => isSigned(readJws()),
  shown: isShown,
  log: () => isInLog(readJws().claims),
}

/** Each check ends with an answer, however damaged the page is: what cannot be read is not to be believed. */
async function checkAll() {
  const canCheck = await knowsEd25519()
  for (const [id, check] of Object.entries(CHECKS)) {
    say(id, canCheck ? ((await saysYes(check)) ? 'good' : 'bad') : 'cannot')
  }
}

/** SHA-256(salt ‖ identifier): only who was told the salt can show whose receipt it is. */
async function isYours(salt, identifier) {
  const digest = await sha256(join(fromBase64url(salt.trim()), encoder.encode(identifier.trim())))
  const own = btoa(String.fromCharCode(...digest))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
  return [readJws().claims.subject_commitment].flat().includes(own)
}

for (const form of document.querySelectorAll('form[data-yours]')) {
  form.hidden = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const { salt, identifier } = form.elements
    const output = form.querySelector('output')
    void saysYes(() => isYours(salt.value, identifier.value)).then((yes) => {
      output.textContent = output.dataset[yes ? 'good' : 'bad']
      output.className = `check ${yes ? 'good' : 'bad'}`
    })
  })
}

void checkAll().then(() => {
  document.documentElement.dataset.checked = 'yes'
})
