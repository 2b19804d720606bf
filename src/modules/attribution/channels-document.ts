import { z } from 'zod'

/**
 * The shape of policies/channels.yaml. Each schema's error is what to write there; what is wrong, and where, is added
 * when it is read.
 */

const entries = <Shape extends z.core.$ZodLooseShape>(fix: string, shape: Shape): z.ZodObject<Shape, z.core.$strict> =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `take it out; known here: ${Object.keys(shape).join(', ')}` : fix,
  })

const MAX_ENTRIES = 500
const nameFix = 'write a name of at most 100 characters, for instance xiaohongshu'
const name = z
  .union([z.string(), z.int()], nameFix) // `360` and `1688` are numbers to YAML
  .transform((value) => String(value).trim().toLowerCase())
  .pipe(z.string().min(1, nameFix).max(100, nameFix))
const hostFix = 'write a host without scheme and path, for instance baidu.com, or google.* for those of all countries'
const host = z.string(hostFix).regex(/^(?:[a-z0-9-]+\.)+(?:\*|[a-z][a-z0-9-]*)$/, hostFix)
const list = <Item extends z.ZodType>(item: Item, fix: string): z.ZodArray<Item> =>
  z.array(item, fix).max(MAX_ENTRIES, `write at most ${MAX_ENTRIES}`)
const names = list(name, 'write a list of names, for instance [baidu, 百度]')
const hosts = list(host, 'write a list of hosts, for instance [baidu.com]')

const keyFix = 'write a name of lower-case letters, digits and _, at most 31, starting with a letter'
const key = z.string(keyFix).regex(/^[a-z][a-z0-9_]{0,30}$/, keyFix)

const channelFix = 'write the name of a channel, at most 100 characters, for instance Paid Search'
export const channelName = z
  .string(channelFix)
  .regex(/^[^\p{Cc}@]{1,100}$/u, channelFix)
  .refine((value) => value === value.trim(), channelFix)

const condition = entries('write what must hold, for instance {category: search, media: paid}', {
  category: key.optional(),
  media: key.optional(),
  source: names.optional(),
  medium: names.optional(),
  campaign: names.optional(),
  untagged: z.literal(true, 'write true, or take it out').optional(),
}).refine(
  (one) => Object.keys(one).length > 0,
  'write at least one of category, media, source, medium, campaign, untagged',
)

const rule = entries('write `channel:` and `when:`', {
  channel: channelName.refine((value) => value !== 'Direct', 'Direct is what no touch leads to: choose another name'),
  when: z
    .array(condition, 'write a list of conditions, for instance [{category: search}]')
    .min(1, 'write at least one condition')
    .max(50, 'write at most 50 conditions'),
})

export const ChannelsDocument = entries('write apiVersion, categories, media, rules and ignore_referrers', {
  apiVersion: z.literal('weir/v1', 'write apiVersion: weir/v1'),
  categories: z.record(
    key,
    entries('write `names:` and `hosts:`', { names: names.optional(), hosts: hosts.optional() }),
    'write the categories, each with names and hosts',
  ),
  media: z.record(key, names, 'write the groups of media, for instance paid: [cpc]').optional(),
  rules: z
    .array(rule, 'write the rules in order')
    .min(1, 'write at least one rule')
    .max(200, 'write at most 200 rules'),
  ignore_referrers: hosts.optional(),
})
export type ChannelsDocument = z.infer<typeof ChannelsDocument>
