import { z } from 'zod'
import { answersOf } from './routes/answers.ts'
import type { Route } from './routes/route.ts'

type Node = Record<string, unknown>

/** OpenAPI 3.1 from the table of routes: nothing in it is written twice. */
export function openApi(routes: readonly Route[], publicUrl: string): object {
  const schemas: Node = {}
  const paths: Record<string, Node> = {}
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method]: operation(route, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Weir', version: '1', description: 'Events in, permitted events out. See /docs.' },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      schemas: { ...schemas, Problem: problemSchema },
      securitySchemes: {
        writeKey: {
          type: 'http',
          scheme: 'basic',
          description: 'Write key as the user, the secret (if any) as password.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-weir',
          description: 'From POST /api/session; what changes something also sends its csrf as Weir-Csrf.',
        },
        token: { type: 'http', scheme: 'bearer', description: 'weir token add --role ROLE, or a service assertion.' },
      },
    },
  }
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457. `code` is stable.',
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string' },
    detail: { type: 'string' },
  },
  required: ['type', 'title', 'status', 'code', 'detail'],
}

function operation(route: Route, schemas: Node): Node {
  const { access, summary, description } = route
  const roles = access.who === 'role' ? `Roles: ${access.roles.join(', ')}.` : undefined
  return {
    operationId: `${route.method}${route.path.replace(/[^A-Za-z0-9]+(\w?)/g, (_, next: string) => next.toUpperCase())}`,
    summary,
    description: [description, roles].filter((text) => text !== undefined).join(' '),
    security: securityOf(access.who),
    parameters: [
      ...parameters(route.params, 'path', schemas),
      ...parameters(route.query, 'query', schemas),
      ...Object.entries({ ...route.headers, ...csrfHeader(route) }).map(([name, about]) => ({
        name,
        in: 'header',
        required: false,
        description: about,
        schema: { type: 'string' },
      })),
    ],
    ...(route.body === undefined ? {} : { requestBody: bodyOf(route.body.schema, schemas) }),
    responses: responses(route, schemas),
  }
}

/** What browsers send beside the cookie with whatever changes something. */
function csrfHeader({ access, method }: Route): Record<string, string> {
  const guarded = access.who === 'role' || access.who === 'officer'
  return guarded && method !== 'get' ? { 'Weir-Csrf': 'The csrf of the session; not with a bearer token.' } : {}
}

function securityOf(who: Route['access']['who']): object[] {
  if (who === 'anyone') return []
  if (who === 'asker') return [{ writeKey: [] }, {}]
  if (who === 'officer') return [{ session: [] }]
  return who === 'role' ? [{ session: [] }, { token: [] }] : [{ writeKey: [] }]
}

function parameters(schema: z.ZodObject | undefined, place: 'path' | 'query', schemas: Node): Node[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = convert(schema, 'input', schemas) as {
    properties?: Record<string, Node>
    required?: string[]
  }
  return Object.entries(properties).map(([name, item]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: item,
  }))
}

function bodyOf(schema: z.ZodType, schemas: Node): Node {
  return { required: true, content: { 'application/json': { schema: convert(schema, 'input', schemas) } } }
}

function responses(route: Route, schemas: Node): Node {
  return Object.fromEntries(
    Object.entries(answersOf(route)).map(([status, { description, schema }]) => {
      const problem = Number(status) >= 400 ? { 'application/problem+json': { schema: ref('Problem') } } : undefined
      const content =
        schema === undefined ? problem : { 'application/json': { schema: convert(schema, 'output', schemas) } }
      return [status, content === undefined ? { description } : { description, content }]
    }),
  )
}

function ref(name: string): Node {
  return { $ref: `#/components/schemas/${name}` }
}

/** zod's JSON Schema, its named parts moved to where OpenAPI looks for them. */
function convert(schema: z.ZodType, io: 'input' | 'output', schemas: Node): Node {
  const text = JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' }))
  const { $schema: _, $defs, id, ...rest } = JSON.parse(text.replaceAll('#/$defs/', '#/components/schemas/')) as Node
  for (const [name, part] of Object.entries(($defs ?? {}) as Record<string, Node>)) {
    const { id: _id, ...named } = part
    schemas[name] = named
  }
  if (typeof id !== 'string') return rest
  schemas[id] = rest
  return ref(id)
}
