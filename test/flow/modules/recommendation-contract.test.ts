import fc from 'fast-check'
import { RECOMMENDATION_ROLE, recommendation } from '../../../src/modules/recommendation/recommendation.ts'
import { moduleContract } from '../../support/module-contract.ts'

const item = fc.constantFrom('mug', 'plate', 'bowl', '42', '杯子')
const order = fc.constantFrom('t1.order1', 't1.order2', 't1.order3')
const products = fc.array(fc.record({ product_id: item, quantity: fc.integer({ min: 0, max: 3 }) }), { maxLength: 4 })

moduleContract({
  module: recommendation,
  role: RECOMMENDATION_ROLE,
  event: fc.record({
    name: fc.constantFrom(
      'Product Viewed',
      'Product Clicked',
      'Product Added',
      'Product Removed',
      'Order Completed',
      'Order Completed',
      'Order Cancelled',
      'Order Refunded',
    ),
    at: fc.constantFrom('2010-01-04', '2010-01-05T00:00:00.000Z', '2010-01-06'),
    fields: fc.record({
      properties: fc.record({ product_id: item, order_id: order, products }, { requiredKeys: ['product_id'] }),
    }),
  }),
})
