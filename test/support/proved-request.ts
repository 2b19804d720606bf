import { randomBytes, randomUUID } from 'node:crypto'
import { transaction } from '../../src/db/transaction.ts'
import { putContent } from '../../src/rights/content.ts'
import { makeOwnKey } from '../../src/rights/own-key.ts'
import { subjectsBehind } from '../../src/rights/people.ts'
import type { GivenIdentifier, Right } from '../../src/rights/request.ts'
import { insertRequest, setSubjects } from '../../src/rights/rows.ts'
import type { TestApp } from './test-app.ts'

/** A request of which it is proved who asks, as the doors make it; its id. */
export async function provedRequest(
  weir: Pick<TestApp, 'app'>,
  right: Right,
  identifiers: readonly GivenIdentifier[],
): Promise<string> {
  const { db, keyring, now } = weir.app.rights.deps
  const id = randomUUID()
  await transaction(db, async (tx) => {
    await makeOwnKey(tx, keyring, id)
    await insertRequest(
      tx,
      {
        id,
        right,
        door: 'api',
        regime: 'PIPL',
        language: 'zh-CN',
        state: 'verified',
        receivedAt: now(),
        targetAt: now() + 15 * 86_400_000,
        secretHash: randomBytes(32),
        nextAt: now(),
        verifiedBy: 'server-key',
      },
      now(),
    )
    await putContent(tx, keyring, id, 'identifiers', identifiers)
    await setSubjects(tx, id, await subjectsBehind(tx, keyring, identifiers))
  })
  return id
}
