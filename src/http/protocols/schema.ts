import { z } from 'zod'
import { EVENT_TYPES } from '../../event/event.ts'

// What clients of the field send, for the description: messages hold fields of their own, so they are read by
// protocols/segment.ts, field by field and each with its own answer, not by these.

const id = z.union([z.string().max(255), z.number().int()]).nullish()
const free = z.record(z.string(), z.unknown()).nullish()

export const messageSchema = z
  .looseObject({
    messageId: z.string().max(100).optional().describe('Names the message: the same one again is a duplicate.'),
    type: z.enum(EVENT_TYPES).optional().describe('Needed in a batch; on a path of its own it may be left out.'),
    event: z.string().max(200).optional().describe('track: the name of the event.'),
    userId: id,
    anonymousId: id,
    previousId: id.describe('alias: the id that userId was known by before.'),
    groupId: id,
    anonymousSecret: z.string().max(256).optional().describe('The secret of the device, made by the SDK.'),
    properties: free.describe('track, page, screen.'),
    traits: free.describe('identify, group.'),
    context: free.describe('Reduced on receipt: network, URLs to origin and path, campaign, locale, visit, consent.'),
    timestamp: z.iso.datetime({ offset: true }).optional(),
    originalTimestamp: z.iso.datetime({ offset: true }).optional(),
    sentAt: z.iso.datetime({ offset: true }).optional(),
    writeKey: z.string().optional(),
  })
  .meta({ id: 'Message' })

export const batchSchema = z
  .looseObject({
    batch: z.array(messageSchema).max(2_500),
    sentAt: z.iso.datetime({ offset: true }).optional(),
    context: free.describe('Beneath the context of each message.'),
    writeKey: z.string().optional(),
    subjectToken: z.string().optional(),
  })
  .meta({ id: 'Batch' })

export const resultsSchema = z
  .strictObject({
    success: z.literal(true),
    results: z.array(
      z.strictObject({
        messageId: z.string().nullable(),
        outcome: z.enum(['accepted', 'duplicate', 'refused', 'suppressed', 'invalid']),
        reason: z.string().optional(),
        detail: z.record(z.string(), z.unknown()).optional().describe('Test sources only.'),
      }),
    ),
  })
  .meta({ id: 'Results' })
