import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { Environment } from './config/environment.ts'
import { AppError } from './errors.ts'
import type { LogLevel } from './log.ts'

/** What the environment says, grouped. Holds no secret, so it may be printed. */
export interface Config {
  readonly mode: 'development' | 'production'
  readonly dataDir: string
  readonly policyDir: string
  /** `server` where DATABASE_URL is set (it is in Secrets), else the embedded Postgres under the data directory. */
  readonly database: 'embedded' | 'server'
  readonly http: {
    readonly host: string
    readonly port: number
    /** Origin under which people and shops reach this gateway; without a trailing slash. */
    readonly publicUrl: string
    /** Express' `trust proxy`: false, a number of hops, or addresses. Never "everybody". */
    readonly trustProxy: false | number | readonly string[]
    readonly workers: number
    /** Intake events that may wait for a commit before 503 is answered. */
    readonly queueLimit: number
  }
  readonly keys: {
    readonly uri: string
    readonly passphraseFile: string | undefined
    readonly vaultTokenFile: string | undefined
    readonly vaultNamespace: string | undefined
    readonly awsRegion: string | undefined
  }
  /** What people know the shop by: on every page that they see, and in every mail. */
  readonly shopName: string
  readonly mail: {
    /** Whom break-glass tells; undefined: nobody, which production does not allow it. */
    readonly dpo: string | undefined
    readonly from: string
  }
  /** How SMS are sent; undefined: they are not. The secret is apart. */
  readonly sms: { readonly uri: string } | undefined
  readonly delivery: boolean
  readonly audit: {
    /** Who cosigns the audit log: where each is reached, and its verifier key. */
    readonly witnesses: readonly { readonly url: string; readonly vkey: string }[]
  }
  readonly rights: {
    /** The file, outside of the database, that says who was erased, in keyed hashes. */
    readonly ledger: string
    /** For how many hours a person may take an erasure back. */
    readonly coolingHours: number
  }
  readonly opendsr: {
    /** PEM files of what signs answers to OpenDSR controllers; both or neither. */
    readonly keyFile: string | undefined
    readonly certFile: string | undefined
  }
  /** `npm start`: its end is ours. */
  readonly startedByNpm: boolean
  /** The process whose end is ours, by its number, where one was named. */
  readonly endsWith: number | undefined
  readonly log: { readonly level: LogLevel }
  /** One line each, for the log at start: allowed, but probably not meant. */
  readonly warnings: readonly string[]
}

export interface Secrets {
  readonly databaseUrl: string | undefined
  readonly smtpUrl: string | undefined
  /** Content of WEIR_KEYS_PASSPHRASE_FILE, without the line's end. */
  readonly keysPassphrase: string | undefined
  /** Content of WEIR_SMS_SECRET_FILE, without the line's end. */
  readonly smsSecret: string | undefined
}

/**
 * Reads the environment, once, at start. An empty variable counts as unset.
 * @throws AppError naming the variable and what to write; it never quotes a value, which may be a secret
 */
export function readConfig(env: NodeJS.ProcessEnv = process.env): { config: Config; secrets: Secrets } {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = Environment.safeParse(set)
  if (!parsed.success)
    throw refusal(parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; '))
  const read = parsed.data
  const passphraseFile = read.WEIR_KEYS_PASSPHRASE_FILE
  const secrets: Secrets = {
    databaseUrl: read.DATABASE_URL,
    smtpUrl: read.WEIR_SMTP_URL,
    keysPassphrase: passphraseFile === undefined ? undefined : readSecret('WEIR_KEYS_PASSPHRASE_FILE', passphraseFile),
    smsSecret: smsSecretOf(read),
  }
  if (read.WEIR_MODE === 'production') refuseUnsafe(read)
  return { config: group(read, warningsFor(set, read)), secrets }
}

function publicUrlOf(read: Environment): string {
  return read.WEIR_PUBLIC_URL ?? `http://${urlHost(read.WEIR_HOST)}:${read.WEIR_PORT}`
}

function group(read: Environment, warnings: string[]): Config {
  const dataDir = resolve(read.WEIR_DATA_DIR ?? 'data')
  return {
    mode: read.WEIR_MODE,
    dataDir,
    policyDir: resolve(read.WEIR_POLICY_DIR),
    database: read.DATABASE_URL === undefined ? 'embedded' : 'server',
    http: {
      host: read.WEIR_HOST,
      port: read.WEIR_PORT,
      publicUrl: publicUrlOf(read),
      trustProxy: read.WEIR_TRUST_PROXY,
      workers: read.WEIR_WORKERS,
      queueLimit: read.WEIR_QUEUE_LIMIT,
    },
    keys: {
      uri: read.WEIR_KEYS ?? `file:${join(dataDir, 'keys')}`,
      passphraseFile: read.WEIR_KEYS_PASSPHRASE_FILE,
      vaultTokenFile: read.WEIR_VAULT_TOKEN_FILE,
      vaultNamespace: read.WEIR_VAULT_NAMESPACE,
      awsRegion: read.AWS_REGION,
    },
    shopName: read.WEIR_SHOP_NAME ?? new URL(publicUrlOf(read)).host,
    mail: { dpo: read.WEIR_DPO_EMAIL, from: read.WEIR_MAIL_FROM ?? `weir@${mailHost(read.WEIR_PUBLIC_URL)}` },
    sms: read.WEIR_SMS === undefined ? undefined : { uri: read.WEIR_SMS },
    delivery: read.WEIR_DELIVERY === 'on',
    audit: { witnesses: read.WEIR_AUDIT_WITNESSES },
    rights: {
      ledger: resolve(read.WEIR_ERASURE_LEDGER ?? join(dataDir, 'erasures.jsonl')),
      coolingHours: read.WEIR_COOLING_HOURS,
    },
    opendsr: { keyFile: read.WEIR_OPENDSR_KEY_FILE, certFile: read.WEIR_OPENDSR_CERT_FILE },
    startedByNpm: read.npm_lifecycle_event !== undefined,
    endsWith: read.WEIR_ENDS_WITH,
    log: { level: read.WEIR_LOG_LEVEL },
    warnings,
  }
}

/** Whether npm runs this process: its end is ours. For what needs no other setting. */
export function startedByNpm(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.npm_lifecycle_event !== undefined
}

/** Our environment for a process that we start, with these variables set, or unset where undefined. */
export function environmentWith(changes: Readonly<Record<string, string | undefined>>): NodeJS.ProcessEnv {
  return { ...process.env, ...changes }
}

/** The locale that the terminal's user has, such as zh_CN.UTF-8; undefined where the environment names none. */
export function localeOf({ LC_ALL, LC_MESSAGES, LANG }: NodeJS.ProcessEnv = process.env): string | undefined {
  return [LC_ALL, LC_MESSAGES, LANG].find((value) => value !== undefined && value !== '')
}

/** An address of the gateway's own name; there is none where it is reached by number. */
function mailHost(publicUrl: string | undefined): string {
  const { hostname } = new URL(publicUrl ?? 'http://localhost')
  return isIP(hostname.replace(/^\[|\]$/g, '')) === 0 ? hostname : 'localhost'
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return isIP(host) === 6 ? `[${host}]` : host
}

/** Law 9, as far as the environment alone shows it. In production nothing is generated or assumed silently. */
function refuseUnsafe(read: Environment): void {
  if (read.DATABASE_URL === undefined && read.WEIR_DATA_DIR === undefined) {
    throw refusal(
      'DATABASE_URL or WEIR_DATA_DIR must be set in production: a Postgres server, or where the embedded one keeps its data',
    )
  }
  if ((read.WEIR_KEYS?.startsWith('file:') ?? true) && read.WEIR_KEYS_PASSPHRASE_FILE === undefined) {
    throw refusal(
      'WEIR_KEYS_PASSPHRASE_FILE must be set in production: a file whose one line opens the keys, from `openssl rand -base64 32`',
    )
  }
  if (read.WEIR_PUBLIC_URL === undefined || !read.WEIR_PUBLIC_URL.startsWith('https:')) {
    throw refusal('WEIR_PUBLIC_URL must be an https origin in production, for instance https://weir.shop.example')
  }
  if (read.DATABASE_URL !== undefined) refuseUnsafeDatabase(new URL(read.DATABASE_URL))
}

function refuseUnsafeDatabase(url: URL): void {
  const isLocal = ['localhost', '127.0.0.1', '[::1]', ''].includes(url.hostname)
  if (isLocal) return
  if (decodeURIComponent(url.password).length < MIN_SECRET && !url.searchParams.has('sslcert')) {
    throw refusal(
      `DATABASE_URL must have a password of ${MIN_SECRET} characters or more in production, from \`openssl rand -hex 24\``,
    )
  }
  if (!url.searchParams.has('sslmode')) {
    throw refusal(
      'DATABASE_URL must say ?sslmode=verify-full in production, or ?sslmode=disable where the network between is yours alone',
    )
  }
}

const MIN_SECRET = 16

/** A webhook that is asked in clear could be told to from the way; on this machine there is none. */
function smsSecretOf({ WEIR_SMS: uri, WEIR_SMS_SECRET_FILE: file, WEIR_MODE: mode }: Environment): string | undefined {
  if (uri === undefined) return undefined
  if (file === undefined) throw refusal('WEIR_SMS_SECRET_FILE must name the file with the secret of WEIR_SMS')
  const { protocol, hostname } = new URL(uri)
  if (mode === 'production' && protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    throw refusal('WEIR_SMS must be an https URL in production')
  }
  return readSecret('WEIR_SMS_SECRET_FILE', file)
}

function readSecret(variable: string, file: string): string {
  let text: string
  try {
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw refusal(`${variable} must name a file that this user can read`, cause)
  }
  if (text.length >= MIN_SECRET && new Set(text).size >= 8) return text
  throw refusal(
    `${variable} must name a file with ${MIN_SECRET} characters or more that nobody guesses, from \`openssl rand -base64 32\``,
  )
}

function warningsFor(set: Record<string, string | undefined> & { NODE_ENV?: string }, read: Environment): string[] {
  const unknown = Object.keys(set).filter((name) => name.startsWith('WEIR_') && !(name in Environment.shape))
  const warnings = unknown
    .filter((name) => !/^WEIR_(TEST|BENCH)_/.test(name))
    .map((name) => `${name} is no variable of Weir: it has no effect`)
  if (read.WEIR_MODE === 'development' && set.NODE_ENV === 'production') {
    warnings.push('NODE_ENV is production, but Weir runs with development keys: set WEIR_MODE=production')
  }
  if (read.WEIR_MODE === 'production' && read.WEIR_AUDIT_WITNESSES.length === 0) {
    warnings.push('no witness cosigns the audit log (WEIR_AUDIT_WITNESSES): whoever runs Weir could rewrite it unseen')
  }
  if (read.WEIR_MODE === 'development' && !['127.0.0.1', '::1', 'localhost'].includes(read.WEIR_HOST)) {
    warnings.push('WEIR_HOST lets other machines in while Weir runs with development keys')
  }
  return warnings
}

function refusal(message: string, cause?: unknown): AppError {
  return new AppError('invalid', message, { code: 'config', cause })
}
