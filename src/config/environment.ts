import { isIP } from 'node:net'
import { z } from 'zod'

const says = (what: string): { error: string } => ({ error: `must be ${what}` })
const wholeNumber = (least: number, most: number, example: number): z.ZodType<number> =>
  z
    .string()
    .regex(/^\d{1,9}$/, says(`a whole number from ${least} to ${most}, for instance ${example}`))
    .transform(Number)
    .refine((n) => n >= least && n <= most, says(`a whole number from ${least} to ${most}, for instance ${example}`))

const protocolOf = (text: string): string | undefined => (URL.canParse(text) ? new URL(text).protocol : undefined)
const urlWith = (protocols: readonly string[], what: string): z.ZodType<string> =>
  z.string().refine((text) => protocols.includes(protocolOf(text) ?? ''), { ...says(what), abort: true })

const PROXY_NAMES = ['loopback', 'linklocal', 'uniquelocal']
const TrustProxy = z.string().transform((text, context): false | number | readonly string[] => {
  if (text === 'off' || text === '0') return false
  if (/^[1-9]$/.test(text)) return Number(text)
  const parts = text.split(',').map((part) => part.trim())
  if (parts.every(isProxyAddress)) return parts
  // "true" would let anybody write the address that limits and the cut of the IP go by.
  context.addIssue('must be off, a number of proxies from 1 to 9, or their addresses such as 10.0.0.0/8,loopback')
  return z.NEVER
})

function isProxyAddress(part: string): boolean {
  const [address = '', bits, ...rest] = part.split('/')
  const version = isIP(address)
  if (version === 0) return PROXY_NAMES.includes(part)
  if (bits === undefined) return true
  return rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128)
}

/** `URL VKEY`, several with commas between: where a witness is reached, and the key that it signs with. */
const Witnesses = z.string().transform((text, context): { url: string; vkey: string }[] => {
  const witnesses = text.split(',').map((one) => {
    const [url = '', vkey = '', ...rest] = one.trim().split(/\s+/)
    return rest.length === 0 && /^https?:$/.test(protocolOf(url) ?? '') && /^[^\s+]+\+[0-9a-f]{8}\+\S+$/.test(vkey)
      ? { url, vkey }
      : undefined
  })
  if (witnesses.every((one) => one !== undefined)) return witnesses
  context.addIssue(
    'must be the URL of a witness, a blank and its key as `weir audit witness` prints it; commas between several',
  )
  return z.NEVER
})

/**
 * The variables as strings of the environment become values; messages complete the sentence "NAME must be …".
 * Others than these are let through, the environment is not ours alone; readConfig warns of unknown WEIR_ ones.
 */
export const Environment = z.object({
  WEIR_MODE: z.enum(['development', 'production'], says('development or production')).default('development'),
  WEIR_HOST: z
    .string()
    .regex(/^[\w.:-]+$/, says('a host or an address, for instance 127.0.0.1'))
    .default('127.0.0.1'),
  WEIR_PORT: wholeNumber(0, 65_535, 8080).default(8080),
  WEIR_DATA_DIR: z.string().optional(),
  DATABASE_URL: urlWith(
    ['postgres:', 'postgresql:'],
    'a URL, for instance postgres://weir_owner:…@db.example/weir',
  ).optional(),
  WEIR_POLICY_DIR: z.string().default('policies'),
  WEIR_PUBLIC_URL: urlWith(['http:', 'https:'], 'an origin, for instance https://weir.shop.example')
    .refine(isOrigin, says('an origin without path, query or user, for instance https://weir.shop.example'))
    .transform((text) => new URL(text).origin)
    .optional(),
  WEIR_KEYS: urlWith(
    ['file:', 'vault:', 'aws-kms:', 'aliyun-kms:'],
    'file:, vault: or aws-kms: with where the root key is, for instance file:/etc/weir/keys',
  ).optional(),
  WEIR_KEYS_PASSPHRASE_FILE: z.string().optional(),
  WEIR_VAULT_TOKEN_FILE: z.string().optional(),
  WEIR_VAULT_NAMESPACE: z
    .string()
    .regex(/^[\w-][\w./-]{0,255}$/, says('a namespace of Vault, for instance shops/eu'))
    .optional(),
  AWS_REGION: z.string().optional(),
  WEIR_SMTP_URL: urlWith(
    ['smtp:', 'smtps:'],
    'smtp: or smtps: with a host, for instance smtps://mail.shop.example',
  ).optional(),
  WEIR_SMS: urlWith(
    ['https:', 'http:', 'aliyun:', 'tencent:'],
    'https://… of a webhook, aliyun:?accessKeyId=…&sign=…&template=… or tencent:?secretId=…&appId=…&sign=…&template=…',
  ).optional(),
  WEIR_SMS_SECRET_FILE: z.string().optional(),
  WEIR_DPO_EMAIL: z.email(says('the e-mail address of the data protection officer')).max(254).optional(),
  WEIR_SHOP_NAME: z
    .string()
    .regex(/^[^\p{C}<>"]{1,80}$/u, says('the name that people know the shop by, up to 80 characters'))
    .optional(),
  WEIR_MAIL_FROM: z
    .email(says('the e-mail address that Weir sends from, for instance weir@shop.example'))
    .max(254)
    .optional(),
  WEIR_TRUST_PROXY: TrustProxy.default(false),
  WEIR_WORKERS: wholeNumber(1, 64, 2).default(1),
  WEIR_LOG_LEVEL: z
    .enum(
      ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
      says('trace, debug, info, warn, error, fatal or silent'),
    )
    .default('info'),
  WEIR_QUEUE_LIMIT: wholeNumber(1, 1_000_000, 20_000).default(20_000),
  WEIR_AUDIT_WITNESSES: Witnesses.default([]),
  WEIR_OPENDSR_KEY_FILE: z.string().optional(),
  WEIR_OPENDSR_CERT_FILE: z.string().optional(),
  WEIR_ERASURE_LEDGER: z.string().optional(),
  WEIR_COOLING_HOURS: wholeNumber(0, 72, 24).default(24),
  npm_lifecycle_event: z.string().optional(),
  WEIR_ENDS_WITH: wholeNumber(1, 4_194_304, 4_321).optional(),
  WEIR_DELIVERY: z.enum(['on', 'off'], says('on or off')).default('on'),
})
export type Environment = z.infer<typeof Environment>

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '' && url.password === ''
}
