import type { Gateway } from './gateway.ts'

/** The credentials of the demo, one for each who would ask. */
export interface Keys {
  readonly writeKey: string
  readonly analystToken: string
  readonly complianceToken: string
}

/** As an operator makes them: Segment's SDK sends a write key alone, so the source has no secret. */
export async function makeKeys(gateway: Gateway): Promise<Keys> {
  const [source, analyst, compliance] = await Promise.all([
    gateway.weir('source', 'add', 'tea-shop', '--server', '--no-secret'),
    gateway.weir('token', 'add', '--role', 'analyst', '--days', '1'),
    gateway.weir('token', 'add', '--role', 'compliance', '--days', '1'),
  ])
  return { writeKey: source.writeKey ?? '', analystToken: analyst.token ?? '', complianceToken: compliance.token ?? '' }
}
