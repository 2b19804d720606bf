import type { Route, RouteDocs } from './route.ts'

/** Every answer of a route: what it states, and what follows from what it takes and from who may call it. */
export function answersOf({ access, query, params, body, answers }: Route): RouteDocs['answers'] {
  const takesInput = Object.keys(query?.shape ?? {}).length > 0 || params !== undefined || body !== undefined
  return {
    ...(takesInput
      ? { 400: { description: 'The input cannot be read: `detail` says where, and what to write.' } }
      : {}),
    ...(access.who === 'role'
      ? {
          401: { description: 'No session and no valid token.' },
          403: { description: 'Another role is needed, or `Weir-Csrf` is missing: entered in the audit log.' },
        }
      : {}),
    ...(access.who === 'officer'
      ? { 401: { description: 'No session.' }, 403: { description: '`Weir-Csrf` is missing.' } }
      : {}),
    ...answers,
  }
}
