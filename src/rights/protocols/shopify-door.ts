import { AppError } from '../../errors.ts'
import type { DoorsApi } from '../../http/doors-api.ts'
import { present } from '../../identity/present.ts'
import { indexText, readNodes } from '../../identity/read.ts'
import { withCurrentIndex } from '../../identity/stale-index.ts'
import type { GivenIdentifier } from '../request.ts'
import { shopifyControllers } from './controllers.ts'
import { createFromDoor, type FromDoorDeps } from './create-from-door.ts'
import { isFromShopify, parseShopify, strongestOf } from './shopify.ts'

/** Shopify's compliance webhooks: who is not who signs with an app's secret is answered 401, whoever is after commit. */
export function createShopifyDoor(deps: FromDoorDeps): DoorsApi['shopify'] {
  return async function take(topic, { headers, raw }) {
    const signature = headers['x-shopify-hmac-sha256']
    const given = typeof signature === 'string' ? signature : undefined
    const all = await shopifyControllers(deps.db, deps.keyring)
    const [controller] = all.filter(({ secret }) => isFromShopify(secret, given, raw)) // every one is tried
    if (controller === undefined) {
      throw new AppError('unauthenticated', 'The signature is none of a known app’s: X-Shopify-Hmac-Sha256.', {
        code: 'hmac-invalid',
      })
    }
    const webhookId = headers['x-shopify-webhook-id']
    const incoming = parseShopify(topic, raw, {
      controller: controller.name,
      userIds: controller.userIds,
      webhookId: typeof webhookId === 'string' ? webhookId.slice(0, 200) : undefined,
      now: deps.now(),
    })
    if (incoming === undefined) {
      throw new AppError('invalid', 'The body is not as Shopify sends this topic.', { code: 'request-invalid' })
    }
    const known = await knownOf(deps, incoming.identifiers)
    await createFromDoor(
      deps,
      strongestOf(incoming, (one) => known.has(one)),
    )
  }
}

/** Which of these lead to somebody. */
function knownOf(
  { db, keyring }: FromDoorDeps,
  identifiers: readonly GivenIdentifier[],
): Promise<ReadonlySet<GivenIdentifier>> {
  return withCurrentIndex(keyring, async () => {
    const presented = identifiers.flatMap((given) => {
      const one = present(keyring, given.type, given.value)
      return one === undefined ? [] : [{ given, one }]
    })
    const nodes = await readNodes(
      db,
      presented.map(({ one }) => one),
    )
    return new Set(presented.filter(({ one }) => nodes.has(indexText(one.key))).map(({ given }) => given))
  })
}
