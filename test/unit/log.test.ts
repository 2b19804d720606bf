import pg from 'pg'
import { expect, test } from 'vitest'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'

const MARKER = 'leak-7f3a@example.com'

function logged(write: (log: ReturnType<typeof createLog>) => void): {
  text: string
  lines: Record<string, unknown>[]
} {
  const lines: string[] = []
  write(createLog({ level: 'trace', to: { write: (line: string) => void lines.push(line) } }))
  return { text: lines.join(''), lines: lines.map((line) => JSON.parse(line)) }
}

function databaseError(): Error {
  const error = new pg.DatabaseError(`invalid input syntax for type uuid: "${MARKER}"`, 1, 'error')
  Object.assign(error, {
    code: '22P02',
    detail: `Key (a)=(${MARKER})`,
    where: MARKER,
    table: 'subject',
    constraint: 'subject_pkey',
  })
  return error
}

test('an error of Postgres says SQLSTATE, table and constraint, and no value, however it is logged', () => {
  const wrapped = new Error(`Failed query: select ${MARKER}`, { cause: databaseError() })
  const { text, lines } = logged((log) => {
    log.error(databaseError())
    log.error({ err: wrapped })
    log.error({ err: databaseError() }, 'intake failed')
    log.error({ error: databaseError() })
  })
  expect(text).not.toContain(MARKER)
  expect(lines[0]).toMatchObject({
    level: 'error',
    err: { code: '22P02', table: 'subject', constraint: 'subject_pkey' },
  })
  expect(lines[1]).toMatchObject({ err: { cause: { code: '22P02' } } })
  expect(lines[2]).toMatchObject({ msg: 'intake failed' })
})

test('a JSON.parse error, whose message quotes the text, leaves its name and frames', () => {
  const { text, lines } = logged((log) => {
    try {
      JSON.parse(`{"email": ${MARKER}}\n    at ${MARKER} (file.ts:1:1)`)
    } catch (error) {
      log.error(error)
    }
  })
  expect(text).not.toContain(MARKER)
  expect(lines[0]).toMatchObject({ msg: 'SyntaxError', err: { name: 'SyntaxError' } })
  expect(JSON.stringify(lines[0])).toContain('log.test.ts')
})

test('an AppError keeps its message, which is ours', () => {
  const { lines } = logged((log) => log.warn({ err: new AppError('overloaded', 'try later', { retryAfter: 2 }) }))
  expect(lines[0]).toMatchObject({ err: { kind: 'overloaded', code: 'overloaded', status: 503, message: 'try later' } })
})

test('a request is its method and route pattern, never its URL, headers or body', () => {
  const request = {
    method: 'GET',
    url: `/v1/consent?e=${MARKER}`,
    baseUrl: `/v1/${MARKER}`,
    headers: { authorization: MARKER },
    body: MARKER,
    route: { path: '/v1/projects/:writeKey/settings' },
  }
  const { text, lines } = logged((log) => log.info({ req: request, res: { statusCode: 200, body: MARKER } }))
  expect(text).not.toContain(MARKER)
  expect(lines[0]).toMatchObject({
    req: { method: 'GET', route: '/v1/projects/:writeKey/settings' },
    res: { status: 200 },
  })
})
