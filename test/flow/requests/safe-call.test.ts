import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  CallRefused,
  createSafeCall,
  type SafeCallOptions,
  type SafeRequest,
} from '../../../src/destinations/safe-call.ts'
import { startTlsServer, type TlsServer } from '../../support/tls-server.ts'

const asked: string[] = []
let plain: Server
let port: number
let tls: TlsServer

const endless = Buffer.alloc(16_384, 97)
const answers: RequestListener = (request, response) => {
  asked.push(`${request.method} ${request.url} ${request.headers.host}`)
  switch (request.url) {
    case '/redirect':
      return void response.writeHead(302, { location: `http://127.0.0.1:${port}/inside` }).end()
    case '/hang':
      return
    case '/slow':
      response.writeHead(200)
      return drip(response)
    case '/endless':
      response.writeHead(200)
      return flood(response)
    case '/headers':
      return void response.writeHead(200, { 'x-much': 'a'.repeat(40_000) }).end()
    case '/cut':
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      return void setImmediate(() => response.destroy())
    default:
      request.resume()
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end(`from ${request.socket.localAddress}`)
  }
}

/** A byte now and then, for as long as somebody listens: each alone is in time. */
function drip(response: Parameters<RequestListener>[1]): void {
  const timer = setInterval(() => response.write('.'), 20)
  response.on('close', () => clearInterval(timer))
}

function flood(response: Parameters<RequestListener>[1]): void {
  if (response.destroyed) return
  if (response.write(endless)) setImmediate(flood, response)
  else response.once('drain', () => flood(response))
}

beforeAll(async () => {
  plain = createServer(answers)
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  port = (plain.address() as AddressInfo).port
  tls = await startTlsServer('recipient.test', answers)
})
afterAll(async () => {
  plain.closeAllConnections()
  await new Promise((resolve) => plain.close(resolve))
  await tls.close()
})

const get = (url: string): SafeRequest => ({ method: 'GET', url })

async function refused(options: SafeCallOptions, request: SafeRequest): Promise<[code: string, sent: boolean]> {
  const error: unknown = await createSafeCall(options)(request).catch((one: unknown) => one)
  if (!(error instanceof CallRefused)) throw new Error('it was not refused', { cause: error })
  return [error.code, error.sent]
}

test('in production nothing but https is called, and no URL with a user in it', async () => {
  const call: SafeCallOptions = { mode: 'production', resolve: async () => ['8.8.8.8'] }
  for (const url of [
    'http://recipient.test/',
    'ftp://recipient.test/',
    'file:///etc/passwd',
    'gopher://recipient.test/',
    'https://user:word@recipient.test/',
    'https://user@recipient.test/',
    'recipient.test',
    '',
  ]) {
    expect(await refused(call, get(url))).toEqual(['url-forbidden', false])
  }
})

test('development calls without TLS what is on this machine, and nothing else', async () => {
  const call = createSafeCall({ mode: 'development' })
  expect((await call(get(`http://127.0.0.1:${port}/`))).body.toString()).toBe('from 127.0.0.1')
  expect(
    await refused({ mode: 'development', resolve: async () => ['8.8.8.8'] }, get('http://recipient.test/')),
  ).toEqual(['url-forbidden', false])
  expect(await refused({ mode: 'production' }, get(`http://127.0.0.1:${port}/`))).toEqual(['url-forbidden', false])
})

test('an address that is not on the Internet is not called, however it is written', async () => {
  const before = asked.length
  for (const host of [
    '127.0.0.1',
    '0x7f.1',
    '2130706433',
    '0177.0.0.1',
    '127.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[2002:7f00:1::]',
    '169.254.169.254',
    '100.100.100.200',
    '[fd00:ec2::254]',
    '10.0.0.1',
    '0.0.0.0',
    '[::]',
    '255.255.255.255',
  ]) {
    const [code, sent] = await refused({ mode: 'production' }, get(`https://${host}:${tls.port}/`))
    expect([host, code, sent]).toEqual([host, 'address-forbidden', false])
  }
  expect(asked.length).toBe(before)
})

test('one forbidden address among those of a name is enough', async () => {
  for (const addresses of [['8.8.8.8', '10.0.0.1'], ['127.0.0.1', '8.8.8.8'], ['::ffff:8.8.8.8'], ['not an address']]) {
    const call: SafeCallOptions = { mode: 'production', resolve: async () => addresses }
    expect(await refused(call, get('https://recipient.test/'))).toEqual(['address-forbidden', false])
  }
})

test('a resolver that changes its mind is asked once, and its first answer is what is called', async () => {
  const said = [['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1']]
  let times = 0
  const call: SafeCallOptions = { mode: 'development', resolve: async () => said[times++] ?? [] }
  const answer = await createSafeCall(call)(get(`http://rebinding.test:${port}/first`))
  expect([answer.status, answer.body.toString(), times]).toEqual([200, 'from 127.0.0.1', 1])
  expect(asked.at(-1)).toBe(`GET /first rebinding.test:${port}`)
  expect(await refused(call, get(`http://rebinding.test:${port}/second`))).toEqual(['address-forbidden', false])
  expect(times).toBe(2)
  expect(asked.at(-1)).toContain('/first')
})

test('a name without an address, and a resolver that fails or hangs, are no answer', async () => {
  const never = (): Promise<readonly string[]> => new Promise(() => undefined)
  const fails = (): Promise<readonly string[]> => Promise.reject(new Error('SERVFAIL'))
  for (const resolve of [async () => [], fails, never]) {
    const call: SafeCallOptions = { mode: 'production', resolve, totalMs: 60 }
    expect(await refused(call, get('https://recipient.test/'))).toEqual(['unresolved', false])
  }
})

test('a redirect is not followed', async () => {
  const before = asked.length
  expect(await refused({ mode: 'development' }, get(`http://127.0.0.1:${port}/redirect`))).toEqual(['redirect', true])
  expect(asked.slice(before)).toEqual([`GET /redirect 127.0.0.1:${port}`])
})

test('what hangs, drips, never ends, is cut off or has endless headers is given up', async () => {
  const call: SafeCallOptions = { mode: 'development', totalMs: 300 }
  for (const [path, code] of [
    ['/hang', 'no-answer'],
    ['/slow', 'no-answer'],
    ['/endless', 'answer-too-large'],
    ['/cut', 'no-answer'],
    ['/headers', 'answer-too-large'],
  ]) {
    expect([path, ...(await refused(call, get(`http://127.0.0.1:${port}${path}`)))]).toEqual([path, code, true])
  }
})

test('where nobody listens, nothing was sent', async () => {
  const gone = createServer()
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve))
  const { port: closed } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  expect(await refused({ mode: 'development' }, get(`http://127.0.0.1:${closed}/`))).toEqual(['unreachable', false])
})

test('TLS is verified against the name that was called, and asks for it', async () => {
  const resolve = async (): Promise<readonly string[]> => ['127.0.0.1']
  const trusting: SafeCallOptions = { mode: 'development', resolve, ca: tls.certificate }
  const answer = await createSafeCall(trusting)({
    method: 'POST',
    url: `https://recipient.test:${tls.port}/told`,
    body: Buffer.from('{}'),
  })
  expect([answer.status, tls.names.at(-1), asked.at(-1)]).toEqual([
    200,
    'recipient.test',
    `POST /told recipient.test:${tls.port}`,
  ])
  const before = asked.length
  expect(await refused(trusting, get(`https://another.test:${tls.port}/`))).toEqual(['tls', false])
  const system: SafeCallOptions = { mode: 'development', resolve }
  expect(await refused(system, get(`https://recipient.test:${tls.port}/`))).toEqual(['tls', false])
  expect(asked.length).toBe(before)
})

test('no proxy of the environment is used', async () => {
  const proxied: string[] = []
  const proxy = createServer((request, response) => {
    proxied.push(request.url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
  const names = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NODE_USE_ENV_PROXY']
  const before = names.map((name) => process.env[name])
  for (const name of names) process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : url
  try {
    const call = createSafeCall({ mode: 'development', resolve: async () => ['127.0.0.1'] })
    expect((await call(get(`http://recipient.test:${port}/`))).body.toString()).toBe('from 127.0.0.1')
  } finally {
    for (const [i, name] of names.entries()) {
      if (before[i] === undefined) delete process.env[name]
      else process.env[name] = before[i]
    }
    await new Promise((resolve) => proxy.close(resolve))
  }
  expect(proxied).toEqual([])
})
