import fc from 'fast-check'
import { ATTRIBUTION_ROLE, attribution } from '../../../src/modules/attribution/attribution.ts'
import { moduleContract } from '../../support/module-contract.ts'

const campaign = fc.record(
  {
    source: fc.constantFrom('xiaohongshu', 'Baidu ', 'mail', '(direct)', '小红书'),
    medium: fc.constantFrom('kol', 'CPC', 'email'),
    name: fc.constantFrom('spring', '618'),
    content: fc.constantFrom('red', 'blue'),
    term: fc.constantFrom('tea'),
  },
  { requiredKeys: [] },
)
const origin = fc.record({
  origin: fc.constantFrom('https://shop.example', 'https://m.shop.example', 'https://www.baidu.com', 'http://10.0.0.1'),
})
const properties = fc.record(
  {
    order_id: fc.constantFrom('t1.order1', 't1.order2', 't1.order3'),
    total: fc.oneof(fc.constantFrom(19.9, '20.50', -3, 'much'), fc.nat({ max: 1_000 })),
    revenue: fc.nat({ max: 500 }),
    currency: fc.constantFrom('CNY', 'JPY', 'cny', '???'),
  },
  { requiredKeys: [] },
)

moduleContract({
  module: attribution,
  role: ATTRIBUTION_ROLE,
  event: fc.record({
    name: fc.constantFrom('page', 'Product Viewed', 'Order Completed', 'Order Completed'),
    at: fc.constantFrom('2010-01-04T10:00Z', '2010-01-04T10:20Z', '2010-01-05T00:00:00.000Z', '2010-01-06'),
    fields: fc.record({ properties, context: fc.record({ campaign, referrer: origin, page: origin }) }),
  }),
})
