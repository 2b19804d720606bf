import type { Db } from '../../db/pool.ts'
import type { Destination } from '../../policy/compiled.ts'

/** Somebody outside of the shop who may hold data of people. */
export interface OutsideRecipient {
  readonly name: string
  readonly region: string
  readonly role: Destination['role']
}

/** Every outside recipient that was registered and not stopped. */
export async function outsideRecipients(db: Db): Promise<OutsideRecipient[]> {
  const { rows } = await db.$client.query<OutsideRecipient>(
    `select d.name, e.region, e.role from weir.recipient_endpoint e join weir.destination d using (destination_id)
     where e.stopped_at is null order by d.name`,
  )
  return rows
}
