import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import { readBody } from '../body.ts'
import type { HttpDeps } from '../deps.ts'
import type { SignedAnswer } from '../doors-api.ts'
import type { Answer, Route } from './route.ts'

const MAX_BODY = 65_536
/** The protocol was called OpenGDPR: its earlier routes are honoured (OpenDSR 2.0 §10.1). */
const PATHS = ['/v2/opendsr/requests', '/v2/opendsr/opengdpr_requests']

const errors = {
  400: { description: '`{"error":{"code","message","errors"}}`: what cannot be read or done, by its place.' },
  401: { description: 'No controller has this bearer token.' },
  404: { description: 'You sent no such request, or this gateway offers no OpenDSR.' },
}
const signed = 'Signed: `X-OpenDSR-Signature` over the bytes of the body, by the certificate that /discovery names.'

/** OpenDSR 2.0, the processor's side. */
export function opendsrRoutes(deps: HttpDeps): Route[] {
  return [
    discovery(deps),
    ...PATHS.flatMap((path) => [submit(deps, path), status(deps, path), cancel(deps, path)]),
    certificate(deps),
  ]
}

function discovery({ rightsDoors }: HttpDeps): Route {
  return {
    method: 'get',
    path: '/v2/opendsr/discovery',
    surface: 'api',
    summary: 'What this OpenDSR processor can do',
    answers: { 200: { description: `Identities, request types, certificate. ${signed}` }, 404: errors[404] },
    access: { who: 'anyone', handle: async () => answer(await rightsDoors.opendsr.discovery()) },
  }
}

function submit({ rightsDoors }: HttpDeps, path: string): Route {
  return {
    method: 'post',
    path,
    surface: 'api',
    summary: 'A controller sends a request of a person (OpenDSR)',
    description: `At most ${MAX_BODY} bytes. The same \`subject_request_id\` again is the same request. ${signed}`,
    answers: { 201: { description: 'It is taken in.' }, ...errors },
    access: {
      who: 'anyone',
      handle: async ({ request }) =>
        answer(await rightsDoors.opendsr.submit({ ...caller(request), read: () => readBody(request, MAX_BODY) })),
    },
  }
}

// Any text: what is no such id is answered as one that is not known, and in the protocol's own form.
const params = z.strictObject({ id: z.string().max(255) })

function status({ rightsDoors }: HttpDeps, path: string): Route {
  return {
    method: 'get',
    path: `${path}/:id`,
    surface: 'api',
    summary: 'Where a request of a controller is (OpenDSR)',
    description: `A refused request is \`cancelled\`, with \`denial_reason\` in an extension; never \`completed\`. ${signed}`,
    params,
    answers: { 200: { description: 'Its status.' }, 401: errors[401], 404: errors[404] },
    access: {
      who: 'anyone',
      handle: async ({ request, params: given }) =>
        answer(await rightsDoors.opendsr.status({ ...caller(request), ...(given as z.infer<typeof params>) })),
    },
  }
}

function cancel({ rightsDoors }: HttpDeps, path: string): Route {
  return {
    method: 'delete',
    path: `${path}/:id`,
    surface: 'api',
    summary: 'A controller takes a request back (OpenDSR)',
    description: `Only while it is \`pending\`. ${signed}`,
    params,
    answers: { 202: { description: 'It is cancelled.' }, ...errors },
    access: {
      who: 'anyone',
      handle: async ({ request, params: given }) =>
        answer(await rightsDoors.opendsr.cancel({ ...caller(request), ...(given as z.infer<typeof params>) })),
    },
  }
}

function certificate({ rightsDoors }: HttpDeps): Route {
  return {
    method: 'get',
    path: '/.well-known/opendsr-cert.pem',
    surface: 'api',
    summary: 'The certificate that OpenDSR answers are signed with',
    answers: { 200: { description: 'PEM.' }, 404: { description: 'This gateway offers no OpenDSR.' } },
    access: {
      who: 'anyone',
      async handle() {
        const text = await rightsDoors.opendsr.certificate()
        const type = 'application/x-pem-file'
        return text === undefined ? { status: 404, text: 'This gateway offers no OpenDSR.\n' } : { text, type }
      },
    },
  }
}

function caller({ headers }: IncomingMessage): { readonly authorization: string | undefined } {
  return { authorization: headers.authorization }
}

function answer({ status, text, headers }: SignedAnswer): Answer {
  return { status, text, headers, type: 'application/json; charset=utf-8' }
}
